"""How times are told on a terminal."""

import re

from abreast.cli.terminal import moment


def test_times_are_local() -> None:
    assert re.fullmatch(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", moment(1_763_000_000.25))
    assert moment(1_763_000_000.0) != moment(1_763_000_001.0)
