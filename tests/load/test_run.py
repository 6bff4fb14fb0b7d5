"""The open loop: the schedule does not wait, time-outs are exact, a stop is graceful."""

from __future__ import annotations

import asyncio
import resource
import time

import pytest

from abreast.bench.origin import Behaviour, Origin
from abreast.bench.target import free_port
from abreast.load.plan import Plan, PlanError, Request
from abreast.load.run import Load
from abreast.load.tally import Result
from tests.load.server import OK, request_head, scripted


def plan(url: str, **change: object) -> Plan:
    values: dict[str, object] = {
        "url": url,
        "rate_per_s": 200.0,
        "count": 40,
        "connections": 4,
        "timeout_s": 5.0,
        "watch_header": "x-version",
        **change,
    }
    return Plan(**values)  # type: ignore[arg-type]  # keyword by keyword in the tests


async def test_it_keeps_its_rate_and_tells_who_answered() -> None:
    async with Origin("v7") as origin:
        report = await Load(plan(origin.url, users=10)).run()

    assert (report.sent, report.ok, report.failed) == (40, 40, 0)
    assert 39 / 200 - 0.01 < report.elapsed_s < 2
    assert report.versions == {"v7": 40}
    assert report.users["v7"] <= set(range(10))
    assert report.latency.count == report.service.count == report.lag.count == 40


async def test_a_stall_is_seen_by_everyone_who_would_have_waited() -> None:
    """The server sleeps once for 0.3 s; a closed loop would record one slow request of the sixty."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        number = 0
        while True:
            await request_head(reader)
            if number == 10:
                await asyncio.sleep(0.3)
            number += 1
            writer.write(OK)

    async with scripted(script) as server:
        report = await Load(plan(server.url, count=60, connections=1)).run()

    # At 200/s some sixty requests became due in those 0.3 s; the last of fifty waited the least.
    assert report.ok == 60
    assert report.latency.percentile_s(60) > 0.1
    assert report.service.percentile_s(60) < 0.1
    assert report.lag.percentile_s(60) < 0.1, "the generator itself was not late"


async def test_a_time_out_counts_from_the_intended_time_waiting_included() -> None:
    ends: list[Result] = []

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: int) -> None:
        await reader.read()

    async with scripted(script) as server:
        report = await Load(plan(server.url, count=10, connections=1, timeout_s=0.2), ends.append).run()

    assert report.failures == {"timeout": 10}
    assert all(0.2 <= end.latency_s < 1.0 for end in ends), [end.latency_s for end in ends]


async def test_a_hung_connection_is_given_up_and_replaced() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        while True:
            await request_head(reader)
            if number:
                writer.write(OK)

    async with scripted(script) as server:
        report = await Load(plan(server.url, count=60, connections=1, timeout_s=0.1)).run()

    assert 1 <= report.failures["timeout"] < 40
    assert report.ok + report.failed == 60
    assert report.ok > 20


async def test_counters_can_be_read_and_the_run_stopped_as_it_goes() -> None:
    async with Origin(behaviour=Behaviour(delay_s=0.05)) as origin:
        load = Load(plan(origin.url, count=None, duration_s=60.0))
        running = asyncio.create_task(load.run())
        async with asyncio.timeout(5):
            while load.tally.ok < 10:
                await asyncio.sleep(0.005)
        assert load.connections == 4
        assert load.tally.last_answer_s["v1"] <= time.monotonic()
        load.stop()
        report = await asyncio.wait_for(running, 5)

    assert report.ok == report.sent >= 10
    assert report.failed == 0, "those under way were waited for"


async def test_stopping_with_nothing_under_way_ends_at_once() -> None:
    async with Origin() as origin:
        load = Load(plan(origin.url, rate_per_s=0.01, count=2))
        running = asyncio.create_task(load.run())
        async with asyncio.timeout(5):
            while load.tally.done < 1:
                await asyncio.sleep(0.005)
        load.stop()
        report = await asyncio.wait_for(running, 5)

    assert report.sent == 1


async def test_every_end_is_told_once() -> None:
    ends: list[Result] = []
    async with Origin(behaviour=Behaviour(fail_share=0.5)) as origin:
        report = await Load(plan(origin.url, id_header="idempotency-key"), ends.append).run()
        assert len(origin.seen.ids) == 40
        assert origin.seen.as_dict()["duplicates"] == {}

    assert sorted(end.number for end in ends) == list(range(40))
    assert report.failures == {"http-500": 20}
    assert [end.failure for end in ends].count("http-500") == 20
    assert all(end.intended_s <= end.sent_s <= end.done_s for end in ends)


async def test_a_server_that_is_down_refuses_and_the_schedule_goes_on() -> None:
    report = await Load(plan(f"http://127.0.0.1:{free_port()}")).run()

    assert report.failures == {"refused": 40}
    assert report.elapsed_s >= 39 / 200 - 0.01


async def test_the_mix_reaches_the_server_as_planned() -> None:
    mix = (Request("/a"), Request("/b", "POST", (), "body"))
    async with Origin() as origin:
        await Load(plan(origin.url, requests=mix, count=100, rate_per_s=1000.0)).run()

    assert origin.seen.methods.total() == 100
    assert 25 < origin.seen.methods["POST"] < 75


async def test_h2c_is_chosen_by_the_plan() -> None:
    first: list[bytes] = []

    async def script(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: int) -> None:
        first.append(await reader.readexactly(24))

    async with scripted(script) as server:
        await Load(plan(server.url, protocol="h2c", count=1, connections=1)).run()

    assert first[0] == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


async def test_more_connections_than_files_are_refused_with_the_remedy() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = 1 << 30

    with pytest.raises(PlanError, match="ulimit -Hn"):
        await Load(plan("http://127.0.0.1:1", connections=hard)).run()


async def test_a_thousand_connections_are_all_used() -> None:
    async with Origin() as origin:
        load = Load(plan(origin.url, connections=1000, rate_per_s=4000.0, count=2000, opens_per_s=20_000.0))
        report = await load.run()

    assert (report.ok, report.failed) == (2000, 0)
