"""A bar where somebody looks, a line now and then where nobody does; never on stdout."""

import io
import sys

import pytest

from abreast.cli import data_progress
from abreast.cli.data_progress import EVERY_S, shown


class Terminal(io.StringIO):
    """Somebody who looks."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock: what is the last of these."""
    times = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: times[-1])
    return times


def test_nobody_looks_and_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as tell:
        tell("views of v1", 0.0)
        tell("backfill items", 0.5)
        tell("views of v2\x1b", None)
    told = capsys.readouterr()
    assert told.err.splitlines() == ["views of v1 (0%)", "backfill items (50%)", "views of v2\\x1b"]
    assert told.out == ""


def test_one_step_is_told_again_only_after_a_while(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as tell:
        tell("backfill items", 0.0)
        for rows in range(1, 9):
            now.append(100.0 + rows * EVERY_S / 4)
            tell(f"backfill items: {rows} rows", rows / 10)
        tell("index", None)
        tell("backfill items: 9 rows", None)
    assert capsys.readouterr().err.splitlines() == [
        "backfill items (0%)",
        "backfill items: 4 rows (40%)",
        "backfill items: 8 rows (80%)",
        "index",
        "backfill items: 9 rows",
    ]


def test_each_command_begins_anew(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with shown() as tell:
            tell("backfill items", 0.25)
    assert now == [100.0]
    assert capsys.readouterr().err == "backfill items (25%)\n" * 2


def test_somebody_looks_and_sees_a_bar_that_goes_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    with data_progress.shown() as tell:
        tell("backfill [/odd]: 5 rows", 0.5)
        tell("seeing that v1 stays away", None)
    written = screen.getvalue()
    assert "seeing that v1 stays away" in written
    assert written.rstrip().endswith("\x1b[2K")
    assert capsys.readouterr().out == ""


def test_what_goes_wrong_takes_the_bar_away_too(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm-256color")

    def fail() -> None:
        with shown() as tell:
            tell("backfill items", 0.5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "\x1b[?25h" in screen.getvalue().rsplit("\x1b[?25l", 1)[-1], "the cursor is shown again"
