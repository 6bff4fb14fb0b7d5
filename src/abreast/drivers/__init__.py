"""Ways to run the versions of a service: as processes on this machine, or not at all because they run elsewhere."""
