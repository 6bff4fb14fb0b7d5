"""``python -m abreast``."""

from abreast.cli.main import run

run()
