"""An origin as a child process: started, switched, asked, and gone."""

from __future__ import annotations

import httpx
import psutil
import pytest

from abreast.bench.origin import Origin
from abreast.bench.process import OriginProcess
from abreast.bench.target import TargetError
from abreast.load import Load, Plan


async def test_it_serves_behaves_and_tells_what_it_saw() -> None:
    async with OriginProcess("v2") as origin:
        await Load(Plan(url=origin.url, rate_per_s=500, count=20, id_header="idempotency-key")).run()
        await origin.behave(mode="fail")
        report = await Load(Plan(url=origin.url, rate_per_s=500, count=20, watch_header="x-version")).run()
        seen = await origin.seen()
        pid = origin.pid

    assert report.failures == {"http-500": 20}
    assert report.versions == {"v2": 20}
    assert (seen["requests"], seen["ids"], seen["duplicates"]) == (40, 20, {})
    assert not psutil.pid_exists(pid)


async def test_it_is_told_to_answer_json_and_to_take_its_time() -> None:
    async with OriginProcess("v1", json_bytes=500, delay_s=0.05) as origin, httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(origin.url)

    assert answer.elapsed.total_seconds() >= 0.05
    assert answer.json()["answer"] == "0000000001"
    assert 400 < len(answer.content) < 700


async def test_a_behaviour_without_meaning_is_quoted() -> None:
    async with OriginProcess("v1") as origin:
        with pytest.raises(ValueError, match="'explode' is not one of"):
            await origin.behave(mode="explode")


async def test_a_taken_port_is_told_with_the_childs_words() -> None:
    async with Origin() as taken:
        with pytest.raises(TargetError, match=rf"(?s)v1 did not start: .*{taken.port}"):
            await OriginProcess("v1", taken.port).__aenter__()


async def test_it_has_no_process_before_it_is_started() -> None:
    with pytest.raises(TargetError, match="v1 is not running"):
        _ = OriginProcess("v1").pid
