"""A recorded rollout decided anew, second by second, under its own policy or another."""
