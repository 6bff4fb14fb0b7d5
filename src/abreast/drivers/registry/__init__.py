"""Versions whose endpoints are looked up: DNS, Consul, etcd."""
