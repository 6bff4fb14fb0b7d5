"""The relay: a process of its own that asks the candidate what users asked stable, and compares."""
