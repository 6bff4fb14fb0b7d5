"""``python -m abreast.load``: flags to plan, report as JSON, faults in words."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest

from abreast.bench.process import OriginProcess
from abreast.load.__main__ import main
from abreast.load.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[None]:
    """Uvloop leaves its handlers of signals behind; the command's process ends with its loop, this one does not."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def origin_url() -> Iterator[str]:
    """One origin for this file: the command makes event loops of its own."""
    with asyncio.Runner() as runner:
        origin = OriginProcess("v1")
        runner.run(origin.__aenter__())
        yield origin.url
        runner.run(origin.__aexit__())


def test_flags_make_a_run_and_the_report_is_json(origin_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--rate", "500", "--count", "50", "--watch", "x-version", "--users", "5", "--poisson", "--json"]

    assert main([origin_url, *flags, "--request", "GET /a*2", "--request", "POST /b {}"]) == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["sent"], report["ok"], report["failed"]) == (50, 50, 0)
    assert report["versions"] == {"v1": 50}
    assert set(report["users"]["v1"]) <= set(range(5))
    assert report["latency"]["p99_ms"] > 0


def test_a_plan_comes_from_a_file(origin_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(Plan(url=origin_url, rate_per_s=500, count=20, keep_alive=False).as_dict()))

    assert main(["--plan", str(path)]) == 0

    assert json.loads(capsys.readouterr().out)["ok"] == 20


def test_saturation_is_a_flag(origin_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([origin_url, "--saturate", "--duration", "0.2"]) == 0

    assert json.loads(capsys.readouterr().out)["throughput_per_s"] > 10


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://192.0.2.1:80"], "only loopback"),
        ([], "url: give the address"),
        (["http://127.0.0.1:1", "--rate", "0", "--users", "0"], "users: 0 must be above 0"),
        (["http://127.0.0.1:1", "--request", "GET /*x"], "'x' is not a number"),
    ],
)
def test_faults_exit_2_and_are_told(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2

    assert words in capsys.readouterr().err


@pytest.mark.parametrize("text", ["not json", '{"rate_per_s": 1, "count": 1}', '{"url": 5}'])
def test_a_file_that_is_no_plan_is_named(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)

    assert main(["--plan", str(path)]) == 2

    assert str(path) in capsys.readouterr().err
