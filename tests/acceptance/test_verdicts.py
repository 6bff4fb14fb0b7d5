"""Verdicts at full size: the shop at 200 requests a second, 10 % of users on the candidate, the gates as by default."""

import asyncio
import contextlib
import json
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from abreast.load.plan import Plan, Request
from abreast.load.process import LoadProcess
from tests.e2e.service import SHOP, Service, shop

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(2700)]

RATE_PER_S = 200.0
FASTER_PER_S = 600.0
"""For what is rare: the 99th percentile says little with a few requests."""

TIMES = 20
"""So often a candidate is rolled back to know how long it goes on having users."""

HEALTHY_S = 1800.0
OUTAGE_S = 30.0

_HERE = Path(__file__).parent
_MIX = (
    Request("/products", weight=3),
    Request("/products/3", weight=3),
    Request("/cart", weight=1),
    Request("/checkout", "POST", (("content-type", "application/json"),), '{"product": 7}', weight=1),
)


@dataclass(frozen=True)
class Shop:
    """The shop in v1 and v4, which differ in nothing but the faults that are set."""

    service: Service

    def fails(self, whose: str, **fault: float) -> None:
        """Set a fault of ``v1``'s, of ``v4``'s, or of what ``both`` need; none of its keys mends it."""
        file = self.service.directory / f"{whose}.json"
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(fault), "utf-8")
        fresh.rename(file)

    async def up(self) -> None:
        """Start it, and the rollout once users come."""
        await asyncio.to_thread(self.service.up)

    async def started(self, verb: str = "start") -> float:
        """Roll v4 out; returns when (Unix seconds) its users were sent to it."""
        self.service.give(verb, **({"version": "v4"} if verb == "start" else {}))
        await self.until(lambda: self.service.status()["weight"] == 1000, 60)
        return float(self.events("weight")[-1]["at"])

    async def until(self, true: Callable[[], bool], timeout_s: float) -> None:
        """Wait for it."""
        await asyncio.to_thread(self.service.until, true, timeout_s)

    def phase(self) -> str:
        """Where the rollout is."""
        return str(self.service.status()["phase"])

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Those of that kind, oldest first."""
        rows = self.service.client().get("/events", limit=1000)
        return [row for row in rows if row["kind"] == kind]

    def verdict(self) -> dict[str, Any]:
        """The last one."""
        return self.events("verdict")[-1]

    def explained(self) -> str:
        """What `abreast explain` prints."""
        return self.service.run("explain").stdout

    def last_request_at(self) -> float:
        """When the candidate got its last request, as it tells itself (Unix seconds)."""
        [version] = [each for each in self.service.status()["versions"] if each["name"] == "v4"]
        address = version["instances"][0]["address"]
        return float(httpx.get(f"http://{address}/-/last").json()["last_at"])

    def last_tick_at(self) -> float:
        """The end of the last second that was weighed."""
        store = self.service.directory / ".abreast" / "abreast.db"
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as reader:
            return float(reader.execute("SELECT max(at) FROM ticks").fetchone()[0])


@pytest.fixture
def place(short_tmp: Path) -> Iterator[Shop]:
    """Not started yet."""
    versions = {}
    for name in ("v1", "v4"):
        faults = "\n".join(str(short_tmp / f"{each}.json") for each in (name, "both"))
        command = SHOP.replace("shop:app", "shop_with_faults:app", 1) + f" --app-dir {_HERE}"
        # One release in both roles: whatever differs is a fault that the test set.
        versions[name] = {**shop("v4", 1), "run": command, "env": {"SHOP_VERSION": "v4", "FAULTS": faults}}
    service = Service.of(short_tmp, versions, steps=[{"weight": "10%"}], step_time={"at_least": "2h", "at_most": "3h"})
    yield Shop(service)
    if service.process is not None:
        service.close()


@contextlib.asynccontextmanager
async def users(place: Shop, rate_per_s: float = RATE_PER_S) -> AsyncIterator[None]:
    """They look, and some buy."""
    plan = Plan(
        place.service.url,
        rate_per_s=rate_per_s,
        duration_s=2600,
        connections=32,
        users=2000,
        requests=_MIX,
        arrivals="poisson",
    )
    async with LoadProcess(plan) as load:
        await asyncio.sleep(3)
        yield
        load.stop()
        report = await load.report()
        print(f"{report.sent:,} requests sent, {report.failed:,} failed, p99 {report.latency.percentile_s(99):.3f} s")


@pytest.mark.parametrize("share", [1.0, 0.5], ids=["always", "every second time"])
async def test_a_candidate_that_fails_hard(place: Shop, share: float) -> None:
    """Half of the time is harder on the last request: Envoy seldom leaves such a candidate out by itself."""
    place.fails("v4", fail_share=share)
    await place.up()
    took, lasted = [], []
    async with users(place):
        for number in range(TIMES):
            begun_at = await place.started("retry" if number else "start")
            await place.until(lambda: place.phase() == "rolled-back", 60)
            took.append(place.verdict()["at"] - begun_at)
            await asyncio.sleep(1.5)
            lasted.append(place.last_request_at() - place.last_tick_at())
    reason = place.verdict()["reason"]
    print(reason)
    print(f"from 10 % to the verdict: {min(took):.1f} to {max(took):.1f} s")
    print(f"from the end of the tick that proves it to the last request: {min(lasted):.2f} to {max(lasted):.2f} s")
    assert "If the candidate were no more than 25 points worse" in reason
    assert "fewer than 1 of 1,000 rollouts" in reason
    assert max(took) <= (10 if share == 1 else 30)
    assert max(lasted) <= 1.5


async def test_one_request_in_twenty_fails(place: Shop) -> None:
    place.fails("v4", fail_share=0.05)
    await place.up()
    async with users(place):
        begun_at = await place.started()
        await place.until(lambda: place.phase() == "rolled-back", 180)
    verdict = place.verdict()
    print(f"after {verdict['at'] - begun_at:.1f} s: {verdict['reason']}")
    assert verdict["at"] - begun_at <= 120
    assert re.match(r"gate errors: in the same seconds, \d\.\d\d % of candidate requests failed", verdict["reason"])
    assert "If the candidate were no worse than tolerated" in verdict["reason"]
    assert "fewer than 1 of 250 rollouts" in verdict["reason"]


async def test_the_slowest_hundredth_takes_twice_as_long(place: Shop) -> None:
    place.fails("v1", slow_share=0.02, slow_s=0.05)
    place.fails("v4", slow_share=0.02, slow_s=0.1)
    await place.up()
    async with users(place, FASTER_PER_S):
        begun_at = await place.started()
        await place.until(lambda: place.phase() == "rolled-back", 960)
    verdict = place.verdict()
    print(f"after {verdict['at'] - begun_at:.1f} s: {verdict['reason']}")
    assert verdict["at"] - begun_at <= 900
    assert verdict["reason"].startswith("gate latency: ")
    assert re.search(r"stable's p99 of \d+(\.\d+)? ms", verdict["reason"])
    assert "fewer than 1 of 250 rollouts" in verdict["reason"]


async def test_versions_that_are_alike_are_never_rolled_back(place: Shop) -> None:
    for version in ("v1", "v4"):
        place.fails(version, fail_share=0.01)
    await place.up()
    async with users(place):
        begun_s = time.monotonic()
        await place.started()
        while time.monotonic() - begun_s < HEALTHY_S:
            await asyncio.sleep(10)
            assert place.phase() == "progressing", place.verdict()
    print(place.explained())
    assert place.events("verdict") == []


async def test_an_outage_that_hits_both(place: Shop) -> None:
    await place.up()
    async with users(place):
        await place.started()
        await asyncio.sleep(20)
        place.fails("both", fail_share=0.6)
        await asyncio.sleep(OUTAGE_S)
        place.fails("both")
        await asyncio.sleep(20)
        said = place.explained()
        state = place.service.status()
    print(said)
    assert (state["phase"], state["weight"]) == ("progressing", 1000)
    assert place.events("verdict") == []
    why = re.search(
        r"Both versions failed in the same seconds \(([\d,]+) of [\d,]+ candidate requests, ([\d,]+) of [\d,]+ of "
        r"stable's\): what hits both alike says nothing against the candidate",
        said,
    )
    assert why is not None
    assert all(int(each.replace(",", "")) > 100 for each in why.groups())
