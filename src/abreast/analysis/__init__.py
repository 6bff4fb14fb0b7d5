"""Evidence that is valid at any time evidence. Pure, the standard library alone."""
