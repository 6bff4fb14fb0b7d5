"""Compare two answers to the same request. Pure and total: any two byte strings give a result."""
