"""Everything a person can do, one function each; API and CLI call nothing else."""
