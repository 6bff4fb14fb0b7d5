"""A thousand orders in random order, kills and restarts, under load: no user notices."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest
import websockets

from abreast.cli.client import RemoteError
from abreast.load.plan import Plan, Request
from abreast.load.process import LoadProcess
from abreast.load.report import Report
from tests.e2e.service import Service, shop

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

ORDERS = 1000
KILLS = 20
RESTARTS = 5
SEED = 20_261_122


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """The shop in two good versions."""
    versions = {"v1": shop("v1", 1), "v4": shop("v4", 1)}
    steps = [{"weight": "1%"}, {"weight": "50%"}, {"weight": "100%"}, {"bake": "1h"}]
    step_time = {"at_least": "1h", "at_most": "2h"}
    made = Service.of(short_tmp, versions, steps=steps, step_time=step_time)
    made.up()
    yield made
    made.close()


def plan(service: Service, protocol: str) -> Plan:
    """500 requests a second of a thousand users, shared by the two protocols."""
    mix = (Request("/products", weight=3), Request("/products/3", weight=3))
    return Plan(
        service.url,
        rate_per_s=250,
        duration_s=880,
        connections=32 if protocol == "http/1.1" else 4,
        users=1000,
        requests=mix,
        protocol="h2c" if protocol == "h2c" else "http/1.1",
        watch_header="x-shop-version",
    )


@contextlib.asynccontextmanager
async def load(service: Service) -> AsyncIterator[list[Report]]:
    """HTTP/1.1 and h2 at once; the reports are there at the end."""
    reports: list[Report] = []
    async with LoadProcess(plan(service, "http/1.1")) as one, LoadProcess(plan(service, "h2c")) as two:
        await asyncio.sleep(2)
        yield reports
        for each in (one, two):
            each.stop()
            reports.append(await each.report())
    for report in reports:
        p99_s = report.latency.percentile_s(99)
        print(f"{report.sent} sent, {report.failed} failed {dict(report.failures)}, p99 {p99_s:.3f} s")
        assert report.sent > 1000
        assert report.failed == 0, report.failures
        assert report.users["v4"]


class Streams:
    """A WebSocket and an SSE stream of one user that must live on."""

    def __init__(self, service: Service, user: str) -> None:
        self._service = service
        self._headers = {"x-user-id": user}
        self.events = 0
        self.ended = ""

    async def __aenter__(self) -> Self:
        """Open both."""
        url = self._service.url.replace("http", "ws") + "/ws"
        self._socket = await websockets.connect(url, additional_headers=self._headers)
        await self.echo("first")
        self._reader = asyncio.create_task(self._read())
        while not self.events:
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Both must still work; then close them."""
        await self.echo("last")
        before = self.events
        while self.events == before and not self._reader.done():
            await asyncio.sleep(0.05)
        assert not self._reader.done(), self.ended
        self._reader.cancel()
        await self._socket.close()
        print(f"WebSocket and SSE lived on: {self.events} events")

    async def echo(self, text: str) -> None:
        """Send and receive over the WebSocket."""
        await self._socket.send(text)
        answer = str(await asyncio.wait_for(self._socket.recv(), 10))
        assert text in answer

    async def _read(self) -> None:
        timeout = httpx.Timeout(10, read=60)
        async with (
            httpx.AsyncClient(timeout=timeout) as client,
            client.stream(
                "GET", f"{self._service.url}/stream", headers={**self._headers, "accept": "text/event-stream"}
            ) as answer,
        ):
            async for line in answer.aiter_lines():
                self.events += line.startswith("data")
        self.ended = "the SSE stream ended"


async def order(service: Service, dice: random.Random) -> str:
    """One random order of those that the present phase may take; a refusal is an answer too."""
    verb = dice.choice(["weight"] * 12 + ["abort", "undo", "pause", "resume", "promote", "start", "retry"])
    body: dict[str, object] = {}
    if verb == "weight":
        body["weight"] = dice.choice([0, 100, 1000, 2500, 5000, 9000, 10_000])
    if verb == "start":
        body["version"] = "v4"
    try:
        await asyncio.to_thread(service.give, verb, **body)
    except RemoteError:
        return f"{verb} refused"
    return verb


async def storm(service: Service, count: int, dice: random.Random) -> dict[str, int]:
    """Random orders one after the other; when the rollout rests it is begun again, so that there is something to do."""
    done: dict[str, int] = {}
    for _ in range(count):
        state = await asyncio.to_thread(service.status)
        if state["phase"] in {"completed", "rolled-back"} and dice.random() < 0.7:
            verb = "retry" if state["phase"] == "rolled-back" and dice.random() < 0.5 else "start"
            try:
                await asyncio.to_thread(service.give, verb, version="v4")
            except RemoteError:
                verb = f"{verb} refused"
        else:
            verb = await order(service, dice)
        done[verb] = done.get(verb, 0) + 1
    return done


async def ready(service: Service) -> None:
    """The candidate is started and ready."""
    await asyncio.to_thread(service.give, "start", version="v4")
    await asyncio.to_thread(service.until, lambda: service.status()["phase"] == "progressing")
    await asyncio.to_thread(service.give, "weight", weight=5000)


async def test_a_thousand_random_orders(service: Service) -> None:
    dice = random.Random(SEED)
    await ready(service)
    async with load(service), Streams(service, "u1"), Streams(service, "u2"):
        done = await storm(service, ORDERS, dice)
    print(done)
    assert sum(done.values()) == ORDERS


async def test_the_control_plane_is_killed_twenty_times(service: Service) -> None:
    dice = random.Random(SEED)
    await ready(service)
    async with load(service), Streams(service, "u1"), Streams(service, "u2"):
        for _ in range(KILLS):
            await storm(service, 5, dice)
            service.kill()
            await asyncio.to_thread(service.up)
        print(await storm(service, 50, dice))


async def test_envoy_is_restarted_five_times(service: Service) -> None:
    dice = random.Random(SEED)
    await ready(service)
    async with load(service):
        for _ in range(RESTARTS):
            await storm(service, 20, dice)
            done = await asyncio.to_thread(service.client().post, "/restart-gateway", {})
            print(done["message"])
        await storm(service, 20, dice)
