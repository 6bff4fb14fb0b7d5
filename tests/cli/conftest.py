"""The program against a control plane with canned answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.plane import Plane, Run, runner


@pytest.fixture
def plane(short_tmp: Path) -> Iterator[Plane]:
    """A control plane that answers what the test says."""
    with Plane(short_tmp) as running:
        yield running


@pytest.fixture
def abreast(short_tmp: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program, in the directory of `plane` (or of nobody, if that is not asked for)."""
    return runner(short_tmp, monkeypatch, capsys)
