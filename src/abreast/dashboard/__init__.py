"""The dashboard: one page of static files that shows what the API says and gives its commands."""
