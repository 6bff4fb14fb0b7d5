"""The data plane: traffic becomes Envoy resources, snapshots are served to it, and its counts are read back."""
