"""abreast runs two versions of a service side by side until the new one has earned the traffic."""

__version__ = "0.1.0"
