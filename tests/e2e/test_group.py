"""Three services under three control planes, promoted as one and rolled back in their order; by socket and TCP."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from abreast.bench.target import free_port
from abreast.load.plan import Plan
from abreast.load.process import LoadProcess
from tests.e2e.service import Service, origin

pytestmark = pytest.mark.timeout(180)

ORDER = ["payments", "cart", "shop"]
PHASES = ("promoting", "baking", "retiring", "completed")
BAKE_S = 1.0
QUICK = {"after": "0s", "unused_for": "0s", "open_for": "0s"}


def described(directory: Path, name: str) -> Service:
    """A member that is only written down: it asks the others by their directories."""
    (directory / name).mkdir()
    versions = {version: origin(version) for version in ("v1", "v2", "v3")}
    if name == "shop":
        versions["v3"]["run"] += " --mode fail"
    made = Service.of(directory / name, versions, steps=[{"hold": "1s"}, {"bake": f"{BAKE_S:g}s"}], retire=QUICK)
    made.spec["service"] = name
    made.spec["gateway"]["drain"] = "500ms"
    others = {other: f"../{other}" for other in ORDER if other != name}
    made.spec["group"] = {"name": "spring", "order": ORDER, "members": others}
    made.write()
    return made


def by_token(asks: Service, asked: Service) -> None:
    """One asks the other over TCP, with a viewer's token."""
    port = free_port()
    asked.spec["api"] = {"listen": f"127.0.0.1:{port}"}
    asked.write()
    token = asked.run("token", "create", asks.spec["service"], "--role", "viewer").stdout.strip()
    asks.spec["group"]["members"][asked.spec["service"]] = {"url": f"http://127.0.0.1:{port}", "token": token}
    asks.write()


@pytest.fixture
def members(short_tmp: Path) -> Iterator[dict[str, Service]]:
    """All three, up."""
    made = {name: described(short_tmp, name) for name in ORDER}
    by_token(made["shop"], made["cart"])
    try:
        for each in made.values():
            each.up(wait=False)
        for each in made.values():
            until_up(each)
        yield made
    finally:
        for each in made.values():
            if each.process is not None:
                with contextlib.suppress(AssertionError):
                    each.close()


def entered(service: Service, phase: str) -> float:
    """When it went into that phase last, by the one clock of this machine."""
    rows: list[dict[str, Any]] = service.client().get("/events", limit=1000)
    return max(float(row["at"]) for row in rows if row["kind"] == "phase" and row["data"]["after"] == phase)


def until_up(service: Service) -> None:
    """Wait until it says that it is."""
    service.until(lambda: " is up: " in service.log, 40.0)


def until_phase(service: Service, phase: str) -> None:
    """Wait for it to be there."""
    service.until(lambda: service.status()["phase"] == phase, 30.0)


def until_seen(service: Service, line: str) -> None:
    """Wait until it has heard of the last member, whom it asks now and then, what the line says."""
    service.until(lambda: service.status()["group"][-1] == line, 30.0)


def promoted_as_one(members: dict[str, Service]) -> None:
    """Two begin, and one of these is killed while the third has not begun; then all go on together."""
    payments, cart, shop = members.values()
    for each in (payments, shop):
        each.give("start", version="v2")
    shop.until(lambda: "waiting for group spring: cart has not begun this attempt" in shop.status()["because"])
    refused = shop.run("promote", "--full")
    assert (refused.returncode, "cart has not begun this attempt" in refused.stderr) == (6, True), refused.stderr
    shop.kill()
    assert [each.status()["phase"] for each in (payments, cart)] == ["progressing", "completed"]
    shop.up()
    cart.give("start", version="v2")
    for each in members.values():
        until_phase(each, "completed")
    firsts, lasts = (
        {phase: pick(entered(each, phase) for each in members.values()) for phase in PHASES} for pick in (min, max)
    )
    assert lasts["promoting"] < firsts["retiring"]
    assert lasts["baking"] + BAKE_S <= firsts["retiring"]
    assert lasts["retiring"] < firsts["completed"]


async def rolled_back_as_one(members: dict[str, Service]) -> None:
    """The shop's next version fails for some users: it goes back, then the others in their order."""
    payments, cart, shop = members.values()
    shop.give("start", version="v3")
    await asyncio.to_thread(until_phase, shop, "progressing")
    shop.give("weight", weight=1000)
    for each in (payments, cart):
        each.give("start", version="v3")
    async with LoadProcess(Plan(shop.url, rate_per_s=100, duration_s=60, connections=8, users=1000)):
        for each in members.values():
            await asyncio.to_thread(until_phase, each, "rolled-back")
    assert entered(shop, "rolled-back") <= entered(payments, "rolled-back") <= entered(cart, "rolling-back")
    for each in (payments, cart):
        assert "; shop was rolled back: gate errors: in the same seconds, 100.00 % of" in each.status()["reason"]
    for each in (payments, cart):
        await asyncio.to_thread(until_seen, each, "shop is rolled-back")


async def test_all_are_promoted_and_all_go_back(members: dict[str, Service]) -> None:
    await asyncio.to_thread(promoted_as_one, members)
    await rolled_back_as_one(members)
