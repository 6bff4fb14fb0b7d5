"""Numbers for Prometheus: what is exposed, and how it is written."""
