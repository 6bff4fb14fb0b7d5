"""Counting over several gateways: what each node did in one second, joined to what all of them did. Pure."""
