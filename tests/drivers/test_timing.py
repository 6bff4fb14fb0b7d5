"""The driver's pace."""

from dataclasses import fields
from pathlib import Path

from abreast.drivers.timing import Timing


def test_every_default_is_documented_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "processes.md").read_text()
    timing = Timing()
    for field in fields(timing):
        assert f"| `{field.name}` | {getattr(timing, field.name):g} |" in page, field.name
