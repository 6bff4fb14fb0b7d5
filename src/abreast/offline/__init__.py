"""Compare two services by requests from a file, without a gateway."""
