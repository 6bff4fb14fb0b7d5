"""Tell people: apprise URLs, Alertmanager."""
