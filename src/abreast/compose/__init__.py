"""Compose files read for `abreast import`: one service of them becomes a proposal of a spec. No I/O here."""
