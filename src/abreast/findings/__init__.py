"""What differences mean: noise or not, counted, grouped by cause, redacted. Pure."""
