"""Simulate: a policy against truths that are known, beside the rules of others on the same traffic."""
