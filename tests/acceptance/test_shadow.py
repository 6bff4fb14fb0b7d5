"""Shadowing at size: each request is accounted for, noise is no finding, a needle is one, users notice nothing."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from abreast.load.plan import Plan, Request
from abreast.load.process import LoadProcess
from abreast.load.report import Report
from tests.e2e.service import Service, pretty
from tests.e2e.shadowing import begin, ledger, living, obeying, relay, settled, shadowed

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

KEPT = {"differences": {"tolerance": "100%", "ignore": ["header:x-version"]}}
"""The copying goes on, whatever is found."""
LOOKS = tuple(Request(f"/orders/{number}") for number in range(1000))
WRITE = Request("/orders", method="POST", headers=(("content-type", "text/plain"),), body="x" * 60_000)
SEED = 20_261_123


@pytest.fixture
def directory(short_tmp: Path) -> Iterator[Path]:
    """Where a service is; whatever runs there is ended."""
    yield short_tmp
    for made in _MADE:
        if made.process is not None:
            made.close()
    _MADE.clear()


_MADE: list[Service] = []


def started(directory: Path, flaw: str, share: str = "100%", **rollout: object) -> Service:
    """A service whose candidate is copied to; ended with the test."""
    service = shadowed(directory, flaw, **{"steps": [{"shadow": share, "for": "1h"}], "gates": KEPT, **rollout})
    for version in service.spec["versions"].values():
        version["isolated"] = True
    service.write()
    _MADE.append(service)
    service.up()
    begin(service)
    return service


def plan(service: Service, count: int, rate_per_s: float, *requests: Request) -> Plan:
    """So many requests at that rate."""
    return Plan(service.url, rate_per_s, count=count, connections=48, users=1000, requests=requests, seed=SEED)


async def until(service: Service, true: Any, timeout_s: float) -> None:  # noqa: ANN401  # a condition
    """Wait for a condition while the load goes on."""
    await asyncio.to_thread(service.until, true, timeout_s)


def unharmed(name: str, report: Report) -> None:
    """No user's request failed."""
    p50, p99 = (1000 * report.latency.percentile_s(each) for each in (50, 99))
    print(f"{name}: {report.sent} sent, {report.failed} failed, p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    assert report.failed == 0, report.failures


async def odd_ones(service: Service, each: int, pause_s: float) -> int:
    """Users who leave in the middle, WebSockets and event streams, in turns; how many requests that were."""
    async with httpx.AsyncClient(headers={"accept": "text/event-stream"}) as user:
        for _ in range(each):
            await left(service, b"GET /slow HTTP/1.1\r\nhost: shop\r\n\r\n")
            await left(
                service, b"POST /orders HTTP/1.1\r\nhost: shop\r\ncontent-length: 5000\r\n\r\nthe beginning of it"
            )
            async with websockets.connect(service.url.replace("http", "ws") + "/ws") as talk:
                await talk.send("hello")
                assert await talk.recv() == "hello"
            async with user.stream("GET", f"{service.url}/events") as answer:
                assert await anext(answer.aiter_lines()) == "data: tick"
            await asyncio.sleep(pause_s)
    return 4 * each


async def left(service: Service, request: bytes) -> None:
    """Ask, and hang up before there is an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    writer.write(request)
    await writer.drain()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.1)
    writer.close()
    await writer.wait_closed()


async def kill_the_relay(service: Service, after: int) -> None:
    """Kill it while it holds something, once so many requests were seen; wait for the next."""
    await until(service, lambda: ledger(service)["seen"] >= after, 600)
    held = await asyncio.to_thread(relay, service)
    assert held is not None
    os.kill(held, signal.SIGSTOP)
    await asyncio.sleep(0.2)
    os.kill(held, signal.SIGKILL)
    await until(service, lambda: (relay(service) or held) != held and obeying(service), 30)
    print(f"the relay {held} was killed at {ledger(service)}")


@pytest.mark.parametrize(
    ("share", "count", "rate_per_s"), [("20%", 100_000, 400.0), ("100%", 20_000, 120.0)], ids=["a-fifth", "all"]
)
async def test_every_request_is_accounted_for(directory: Path, share: str, count: int, rate_per_s: float) -> None:
    unsafe = [{"methods": ["PUT"]}]
    service = started(directory, "type", share, shadow={"at_most": "10000/s", "unsafe": unsafe})
    mix = (
        *LOOKS[:50],
        Request("/orders", method="POST", body="a small order", weight=10),
        Request("/orders", method="PUT", body="a changed order", weight=5),
        Request("/large", weight=2),
        Request("/orders", method="POST", body="x" * 90_000, weight=1),
    )
    odd = count // 200
    async with LoadProcess(plan(service, count - 4 * odd, rate_per_s, *mix)) as load:
        others = [asyncio.create_task(odd_ones(service, odd // 10, 4 * count / rate_per_s / odd)) for _ in range(10)]
        for after in (count // 4, count // 2):
            await kill_the_relay(service, after)
        report = await load.report()
        sent = report.sent + sum(await asyncio.gather(*others))
    unharmed("mixed", report)
    told = await asyncio.to_thread(settled, service, count, 60)
    print(pretty(told))
    assert sent == count
    assert told["seen"] == count
    assert service.status()["users_requests"] == count
    assert told["pending"] == 0
    assert told["compared"] + sum(told["skipped"].values()) + told["lost"] == count
    assert told["lost"] > 0, "what the killed relays held"
    reasons = {"method", "oversize", "aborted", "upgrade", "stream"} | ({"sampled-out"} if share != "100%" else set())
    assert reasons <= set(told["skipped"]), told
    assert told["skipped"]["upgrade"] == told["skipped"]["stream"] == odd
    assert told["compared"] > 0.5 * count * int(share[:-1]) / 100 * len(LOOKS[:50]) / 68


async def test_stable_against_itself_has_no_finding(directory: Path) -> None:
    service = shadowed(directory, "", gates={}, steps=[{"shadow": "100%", "for": "1h"}])
    service.spec["versions"]["v2"]["env"] = service.spec["versions"]["v1"]["env"]
    service.write()
    _MADE.append(service)
    service.up()
    begin(service)
    async with LoadProcess(plan(service, 20_500, 150.0, *LOOKS)) as load:
        report = await load.report()
    unharmed("A/A", report)
    told = await asyncio.to_thread(settled, service, 20_500, 60)
    print(pretty(told))
    assert told["compared"] >= 20_000
    assert service.client().get("/findings")["findings"] == []
    (gate,) = (each for each in service.status()["gates"] if each["name"] == "differences")
    print(gate["sentence"])
    assert gate["state"] == "not-worse", gate


async def test_a_needle_among_noise_is_found(directory: Path) -> None:
    service = started(directory, "needle")
    async with LoadProcess(plan(service, 12_000, 150.0, *LOOKS)) as load:
        await until(service, lambda: bool(service.client().get("/findings")["findings"]), 120)
        told = ledger(service)
        load.stop()
        unharmed("needle", await load.report())
    (finding,) = service.client().get("/findings")["findings"]
    print(told["compared"], finding["title"])
    assert told["compared"] <= 10_000
    assert [each["pattern"] for each in finding["keys"]] == ["/stock"]
    assert finding["endpoint"] == "GET /orders/{id}"


@contextlib.asynccontextmanager
async def watched(service: Service, name: str) -> AsyncIterator[None]:
    """Users look and write all the while, and none of them may fail."""
    looks, writes = plan(service, 60_000, 150.0, *LOOKS), plan(service, 60_000, 15.0, WRITE)
    async with LoadProcess(looks) as looking, LoadProcess(writes) as writing:
        await asyncio.sleep(2)
        yield
        await asyncio.sleep(3)
        for what, load in (("GET", looking), ("POST", writing)):
            load.stop()
            unharmed(f"{name}, {what}", await load.report())


async def test_users_notice_none_of_its_faults(directory: Path) -> None:
    unsafe = [{"methods": ["POST"]}]
    service = started(directory, "type", shadow={"at_most": "10000/s", "unsafe": unsafe, "timeout": "2s"})
    candidate = next(each for each in service.status()["versions"] if each["name"] == "v2")["instances"][0]["pid"]
    async with watched(service, "the candidate hangs"):
        os.kill(candidate, signal.SIGSTOP)
        await asyncio.sleep(8)
        os.kill(candidate, signal.SIGCONT)
    held = relay(service)
    assert held is not None
    async with watched(service, "the relay hangs"):
        os.kill(held, signal.SIGSTOP)
        await until(service, lambda: not living(held), 40)
        await until(service, lambda: (relay(service) or held) != held and obeying(service), 20)
    assert f"the relay (process {held}) was lost: it did not answer" in service.log
    another = relay(service)
    assert another is not None
    async with watched(service, "the relay is killed"):
        os.kill(another, signal.SIGKILL)
        await until(service, lambda: (relay(service) or another) != another and obeying(service), 20)
    sent = service.status()["users_requests"]
    told = await asyncio.to_thread(settled, service, sent, 60)
    print(pretty(told))
    assert told["seen"] == service.status()["users_requests"]
    assert told["lost"] > 0
