"""The same run in a process of its own: its report comes back whole, its end is certain."""

from __future__ import annotations

from typing import Any

import psutil
import pytest

from abreast.bench.origin import Origin
from abreast.load.plan import Plan, Request
from abreast.load.process import LoadError, LoadProcess, saturate


def plan(url: str, **change: object) -> Plan:
    values: dict[str, object] = {"url": url, "rate_per_s": 200.0, "count": 40, "watch_header": "x-version", **change}
    return Plan(**values)  # type: ignore[arg-type]  # keyword by keyword in the tests


async def test_the_report_comes_back_whole() -> None:
    async with Origin("v3") as origin, LoadProcess(plan(origin.url)) as load:
        report = await load.report()

    assert (report.ok, report.failed) == (40, 0)
    assert report.versions == {"v3": 40}
    assert report.latency.count == 40


async def test_progress_comes_every_second_and_a_stop_ends_it_with_a_report() -> None:
    told: list[dict[str, Any]] = []

    async with Origin() as origin:

        def note(progress: dict[str, Any]) -> None:
            told.append(progress)
            load.stop()

        load = LoadProcess(plan(origin.url, count=None, duration_s=50.0), note)
        async with load:
            report = await load.report()

    assert told[0]["done"] > 0
    assert told[0]["failed"] == 0
    assert report.sent < 50 * 200
    assert report.ok == report.sent


async def test_leaving_early_leaves_no_process() -> None:
    async with Origin() as origin, LoadProcess(plan(origin.url, count=None, duration_s=50.0)) as load:
        pid = load.pid

    assert not psutil.pid_exists(pid)


async def test_a_child_that_cannot_run_is_quoted() -> None:
    class Broken(Plan):
        def as_dict(self) -> dict[str, Any]:
            return {**super().as_dict(), "rate_per_s": -5}

    broken = Broken(url="http://127.0.0.1:1", rate_per_s=1, count=1)

    async with LoadProcess(broken) as load:
        with pytest.raises(LoadError, match=r"(?s)ended with 2 .*rate_per_s: -5 must be above 0"):
            await load.report()
    with pytest.raises(LoadError, match="rate_per_s: -5"):
        await saturate(broken)


async def test_it_must_be_entered_first() -> None:
    with pytest.raises(LoadError, match="async with"):
        LoadProcess(plan("http://127.0.0.1:1")).stop()


async def test_saturation_too_runs_apart() -> None:
    async with Origin() as origin:
        found = await saturate(plan(origin.url, count=None, duration_s=0.3, requests=(Request("/x"),)))

    assert found.ok == pytest.approx(found.throughput_per_s * found.elapsed_s)
    assert found.ok > 10
