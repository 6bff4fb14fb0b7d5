"""Migrations of a PostgreSQL schema for two versions at once, as data: nothing here reaches a database. Pure."""
