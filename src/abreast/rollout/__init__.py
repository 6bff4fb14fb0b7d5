"""Decides what a rollout does next, purely: facts in, decision out."""
