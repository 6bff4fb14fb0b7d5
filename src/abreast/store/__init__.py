"""What survives: rollouts by compare-and-set, events for ever, counts per minute, secrets; one SQLite file."""
