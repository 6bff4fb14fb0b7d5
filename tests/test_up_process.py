"""``abreast up`` as a child: up, asked, ordered and ended; and what it says when it does not come up."""

import os
from pathlib import Path

import psutil
import pytest

from abreast.bench.abreast_target import spec_text
from abreast.bench.origin import Origin
from abreast.bench.target import free_port
from abreast.model.errors import NotRunningError
from abreast.up_process import OrderError, UpProcess


async def test_up_asked_ordered_and_ended(short_tmp: Path) -> None:
    file = short_tmp / "abreast.yaml"
    async with Origin() as stable, Origin() as candidate:
        file.write_text(spec_text(free_port(), stable.port, candidate.port, 1000, 1), "utf-8")
        async with UpProcess(file) as up:
            pid = up.pid
            status = await up.status()
            done = await up.order("start", "tester", version="v2", reason="to see")
            events = await up.events(0)
            newer = await up.events(events[-1]["id"])
            with pytest.raises(OrderError, match="undo: nothing was promoted") as refused:
                await up.order("undo", "tester")
            comparison = await up.findings()
            with pytest.raises(OrderError, match=r"finding 7: no finding of rollout \d+ has the number 7") as unknown:
                await up.finding(7)

    assert status["phase"] == "completed"
    assert all(node["obeys"] for node in status["nodes"])
    assert "rollout 1: v1 → v2 begins" in done["message"]
    started = next(event for event in events if event["data"].get("candidate") == "v2")
    assert (started["actor"], started["rollout"]) == ("tester", 1)
    assert all(event["id"] > events[-1]["id"] for event in newer)
    assert "possible now" in refused.value.remedy
    assert (comparison["findings"], comparison["ledger"]["seen"]) == ([], 0)
    assert "abreast findings" in unknown.value.remedy
    assert not psutil.pid_exists(pid)
    assert "stopp" in up.last_words(), "stopping, or stopped before the service was up"


async def test_it_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it(short_tmp: Path) -> None:
    file = short_tmp / "abreast.yaml"
    async with Origin() as stable:
        file.write_text(spec_text(free_port(), stable.port, free_port(), 1000, 1), "utf-8")
        async with UpProcess(file) as up:
            assert os.getsid(up.pid) == up.pid


async def test_what_does_not_come_up_is_told_in_its_own_words(short_tmp: Path) -> None:
    file = short_tmp / "abreast.yaml"
    file.write_text("servise: shop\nversions: {v1: {endpoints: [127.0.0.1:1]}}\n", "utf-8")

    with pytest.raises(NotRunningError, match="servise") as caught:
        await UpProcess(file).__aenter__()

    assert "ended with 2" in caught.value.message
    assert str(file.parent / "up.log") in caught.value.remedy


async def test_before_it_is_started_it_has_no_process(short_tmp: Path) -> None:
    up = UpProcess(short_tmp / "abreast.yaml")

    with pytest.raises(NotRunningError, match="not running"):
        _ = up.pid
    with pytest.raises(NotRunningError, match="does not answer"):
        await up.status()
