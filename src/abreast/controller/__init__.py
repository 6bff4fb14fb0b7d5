"""The cycle of a rollout: observe everything once, decide, record by compare-and-set, act, wait."""
