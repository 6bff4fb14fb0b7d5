"""Tell people what is the matter: apprise URLs, Alertmanager, webhooks."""
