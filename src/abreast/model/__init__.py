"""Nouns: frozen, self-validating values that every other package speaks in."""
