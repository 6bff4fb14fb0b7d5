"""The HTTP API of a running abreast: it translates requests into operations and holds no rule of its own."""
