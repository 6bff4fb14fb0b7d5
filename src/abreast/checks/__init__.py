"""Ask others whether a rollout may go on: queries on a Prometheus, webhooks."""
