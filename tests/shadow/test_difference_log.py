import logging
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from abreast.compare.model import Kind
from abreast.findings.report import Key, ShownDifference
from abreast.shadow.difference_log import LINES_PER_S, LOGGER, DifferenceLog, open_difference_log


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """An opened log; the logger is the process's, so it is given back as it was."""
    path = tmp_path / "differences.log"
    open_difference_log(path)
    yield path
    logger = logging.getLogger(LOGGER)
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
    logger.propagate = True


class _Hand:
    """A clock's hand."""

    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def _differences(count: int) -> tuple[ShownDifference, ...]:
    return tuple(ShownDifference(f"/items/{place}", Key("/items/*", Kind.TYPE), '"1"', None) for place in range(count))


def _lines(path: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in path.read_text().splitlines()]


def test_a_difference_is_a_line(path: Path) -> None:
    log = DifferenceLog(_Hand())
    assert log.admits(1)
    log.tell("7", "GET /orders", _differences(1))
    (line,) = _lines(path)
    assert line.pop("at")
    assert line == {
        "level": "info",
        "logger": "abreast.differences",
        "message": "GET /orders: type /items/0",
        "exchange": "7",
        "endpoint": "GET /orders",
        "kind": "type",
        "path": "/items/0",
        "pattern": "/items/*",
        "left": '"1"',
        "right": None,
        "suppressed": 0,
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_not_told_is_counted_in_the_next_line(path: Path) -> None:
    hand = _Hand()
    log = DifferenceLog(hand)
    told = 0
    for _ in range(200):
        if log.admits(3):
            told += 1
            log.tell("7", "GET /", _differences(3))
    lines = _lines(path)
    assert len(lines) == LINES_PER_S
    hand.at_s += 1.0
    assert log.admits(1)
    log.tell("8", "GET /", _differences(1))
    lines = _lines(path)
    assert sum(int(str(line["suppressed"])) + 1 for line in lines) == 200 * 3 + 1


def test_it_is_kept_apart_from_other_logs(path: Path) -> None:
    heard: list[logging.LogRecord] = []

    class _Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record)

    ear = _Ear()
    parent = logging.getLogger("abreast")
    parent.addHandler(ear)
    try:
        DifferenceLog(_Hand()).tell("7", "GET /", _differences(1))
    finally:
        parent.removeHandler(ear)
    assert not heard
    assert len(_lines(path)) == 1
