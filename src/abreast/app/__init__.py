"""The only wiring: ``abreast up`` put together from its parts, started in order and ended in order."""
