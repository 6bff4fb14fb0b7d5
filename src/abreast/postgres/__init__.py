"""What is done in a PostgreSQL: plans carried out, rows watched, written records listed and repaired."""
