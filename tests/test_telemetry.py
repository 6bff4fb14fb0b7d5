"""Logging: JSON for machines in the file, warnings for whoever looks."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from abreast import telemetry
from abreast.telemetry import JsonLines, start_logging


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Logging as it was."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    quiet = {name: logging.getLogger(name).level for name in ("httpx", "alembic")}
    root.handlers = []
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)
    for name, before in quiet.items():
        logging.getLogger(name).setLevel(before)


def lines(directory: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in (directory / "abreast.log").read_text("utf-8").splitlines()]


def test_each_record_is_one_json_object(tmp_path: Path) -> None:
    start_logging(tmp_path)
    logging.getLogger("abreast.gateway").info("node %s\nobeys: %d %%", "gateway-1", 10)
    (line,) = lines(tmp_path)
    assert line.pop("at").endswith("+00:00")
    assert line == {"level": "info", "logger": "abreast.gateway", "message": "node gateway-1\nobeys: 10 %"}


def test_the_time_is_utc() -> None:
    record = logging.LogRecord("abreast", logging.INFO, "here", 1, "text", None, None)
    record.created = datetime(2026, 11, 22, 12, 30, 5, 250_000, UTC).timestamp()
    assert json.loads(JsonLines().format(record))["at"] == "2026-11-22T12:30:05.250+00:00"


def test_an_exception_keeps_its_trace() -> None:
    with pytest.raises(ValueError, match="v9") as caught:
        int("v9")
    raised = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("abreast", logging.ERROR, "here", 1, "failed", None, raised)
    trace = json.loads(JsonLines().format(record))["trace"]
    assert trace.startswith("Traceback")
    assert trace.endswith("ValueError: invalid literal for int() with base 10: 'v9'")


def test_only_warnings_reach_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start_logging(tmp_path)
    logging.getLogger("abreast").info("quiet")
    logging.getLogger("abreast").warning("loud")
    assert capsys.readouterr().err == "WARNING loud\n"
    assert [line["message"] for line in lines(tmp_path)] == ["quiet", "loud"]


def test_chatty_libraries_are_heard_from_warnings_on(tmp_path: Path) -> None:
    start_logging(tmp_path)
    logging.getLogger("httpx").info("HTTP Request: GET /stats")
    logging.getLogger("httpx").warning("something")
    assert [line["message"] for line in lines(tmp_path)] == ["something"]


def test_the_file_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry, "LIMIT_BYTES", 200)
    start_logging(tmp_path)
    assert any(isinstance(each, RotatingFileHandler) for each in logging.getLogger().handlers)
    for number in range(20):
        logging.getLogger("abreast").info("line %d of some length", number)
    assert len(list(tmp_path.iterdir())) == telemetry.KEPT + 1
    assert all(file.stat().st_size <= 200 for file in tmp_path.iterdir())


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start_logging(tmp_path / "nowhere")
