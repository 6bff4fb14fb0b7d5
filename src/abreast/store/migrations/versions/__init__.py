"""One module per migration, each of which knows the one before it; never changed once released."""
