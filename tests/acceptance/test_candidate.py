"""A candidate with half of the users is killed, hangs, or fails: what users see of it."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from abreast.load.plan import Plan, Request
from abreast.load.process import LoadProcess
from abreast.load.report import Report
from tests.e2e.service import Service, origin

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(300)]

FAULT_S = 8.0


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Half of the users on v2; they stay there whatever the gates find."""
    versions = {"v1": origin("v1"), "v2": {**origin("v2"), "timeout": "2s"}}
    made = Service.of(
        short_tmp,
        versions,
        steps=[{"weight": "50%"}],
        step_time={"at_least": "1h", "at_most": "2h"},
        on_failure="freeze",
    )
    made.up()
    made.give("start", version="v2")
    made.until(lambda: made.status()["phase"] == "progressing")
    yield made
    made.close()


def instance(service: Service, version: str) -> dict[str, Any]:
    """The version's one instance, as the status tells it."""
    state = next(each for each in service.status()["versions"] if each["name"] == version)
    first: dict[str, Any] = state["instances"][0]
    return first


def seen(service: Service, version: str) -> dict[str, Any]:
    """What the version received."""
    told: dict[str, Any] = httpx.get(f"http://{instance(service, version)['address']}/-/origin").json()["seen"]
    return told


async def loaded(service: Service, fault: Callable[[], Awaitable[None]]) -> tuple[Report, Report]:
    """GETs and POSTs while the fault comes and stays a while."""

    def plan(method: str, rate: float) -> Plan:
        return Plan(
            service.url,
            rate_per_s=rate,
            duration_s=60,
            # Enough for everybody who waits for a hung candidate, so that no user waits for a connection.
            connections=900 if method == "GET" else 400,
            opens_per_s=1000,
            users=1000,
            requests=(Request("/", method=method, body="x" * 200 if method == "POST" else ""),),
            watch_header="x-version",
            id_header="idempotency-key" if method == "POST" else "",
        )

    async with LoadProcess(plan("GET", 300)) as gets, LoadProcess(plan("POST", 100)) as posts:
        await asyncio.sleep(3)
        await fault()
        await asyncio.sleep(FAULT_S)
        gets.stop()
        posts.stop()
        return await gets.report(), await posts.report()


def judge(name: str, gets: Report, posts: Report) -> None:
    """What holds in every case."""
    for kind, report in (("GET", gets), ("POST", posts)):
        slowest = report.latency.percentile_s(100)
        print(f"{name}: {report.sent} {kind}s, {report.failed} failed {dict(report.failures)}, slowest {slowest:.2f} s")
    assert gets.failed == 0, gets.failures
    assert gets.users["v2"]
    # A hung one times out by the set time (2 s), and never later.
    assert posts.latency.percentile_s(100) < 4


async def test_killed(service: Service) -> None:
    pid = instance(service, "v2")["pid"]

    async def kill() -> None:
        os.kill(pid, signal.SIGKILL)

    gets, posts = await loaded(service, kill)
    judge("killed", gets, posts)
    assert seen(service, "v1")["duplicates"] == {}
    # What was on its way when it died: a few, each of which may have had a byte delivered.
    assert posts.failed <= 5


async def test_hung(service: Service) -> None:
    pid = instance(service, "v2")["pid"]

    async def stop() -> None:
        os.kill(pid, signal.SIGSTOP)

    gets, posts = await loaded(service, stop)
    os.kill(pid, signal.SIGCONT)
    service.until(lambda: instance(service, "v2")["state"] == "ready")
    judge("hung", gets, posts)
    stable, candidate = seen(service, "v1"), seen(service, "v2")
    assert stable["duplicates"] == candidate["duplicates"] == {}
    assert set(posts.failures) <= {"http-504", "http-503", "http-408"}


async def test_hanging_by_itself(service: Service) -> None:
    address = instance(service, "v2")["address"]

    async def hang() -> None:
        await asyncio.to_thread(httpx.post, f"http://{address}/-/origin", json={"mode": "hang"})

    gets, posts = await loaded(service, hang)
    judge("hanging, healthy by its probe", gets, posts)
    stable, candidate = seen(service, "v1"), seen(service, "v2")
    assert stable["duplicates"] == candidate["duplicates"] == {}
    assert stable["methods"]["POST"] + candidate["methods"]["POST"] <= posts.sent


async def test_failing(service: Service) -> None:
    address = instance(service, "v2")["address"]

    async def fail() -> None:
        await asyncio.to_thread(httpx.post, f"http://{address}/-/origin", json={"mode": "fail"})

    gets, posts = await loaded(service, fail)
    judge("returning 500", gets, posts)
    stable, candidate = seen(service, "v1"), seen(service, "v2")
    assert stable["duplicates"] == candidate["duplicates"] == {}
    assert stable["methods"]["POST"] + candidate["methods"]["POST"] <= posts.sent
    assert set(posts.failures) <= {"http-500"}
