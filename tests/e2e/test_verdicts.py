"""Verdicts through the real Envoy: rolled back within seconds, gone on with after a kill, held, and silent."""

import asyncio
import contextlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from math import log
from pathlib import Path
from typing import Any, Self

import pytest

from abreast.analysis.engine import Engine
from abreast.analysis.lanes import BETA, Limits
from abreast.load.plan import Plan
from abreast.load.process import LoadProcess
from tests.e2e.service import Service, origin

pytestmark = pytest.mark.timeout(120)

LASTING = {"steps": [{"weight": "10%"}], "step_time": {"at_least": "1h", "at_most": "2h"}}


@pytest.fixture
def services(short_tmp: Path) -> Iterator[tuple[Service, Service]]:
    """Two services, each of two cheap versions and with the gates as they are by default; not started yet."""
    made = (described(short_tmp / "a"), described(short_tmp / "b"))
    yield made
    for each in made:
        if each.process is not None:
            each.close()


@pytest.fixture
def service(services: tuple[Service, Service]) -> Service:
    """One of them."""
    return services[0]


def described(directory: Path) -> Service:
    """A service that is only written down."""
    directory.mkdir()
    made = Service.of(directory, {"v1": origin("v1"), "v2": origin("v2")}, **LASTING)
    made.spec["gateway"]["drain"] = "500ms"
    return made


async def up(service: Service) -> None:
    """Start it; v2 is not rolled out yet."""
    service.write()
    await asyncio.to_thread(service.up)


async def until_phase(service: Service, phase: str, timeout_s: float = 20.0) -> None:
    """Wait for the rollout to be there."""
    await asyncio.to_thread(service.until, lambda: service.status()["phase"] == phase, timeout_s)


@contextlib.asynccontextmanager
async def users(service: Service, rate_per_s: float) -> AsyncIterator[None]:
    """A thousand users ask, so many times a second together."""
    plan = Plan(service.url, rate_per_s=rate_per_s, duration_s=100, connections=16, users=1000)
    async with LoadProcess(plan):
        yield


def events(service: Service, kind: str) -> list[dict[str, Any]]:
    """Those of that kind, oldest first."""
    rows: list[dict[str, Any]] = service.client().get("/events", limit=1000)
    return [row for row in rows if row["kind"] == kind]


@dataclass(frozen=True)
class Evidence:
    """What is known of the errors: candidate's and stable's requests in the attempt, and the proof so far (log e)."""

    candidate: int
    stable: int
    log_e: float

    @classmethod
    def stored(cls, service: Service) -> Self | None:
        """As the store has it, read beside whoever writes; None before there is any."""
        uri = f"file:{service.directory / '.abreast' / 'abreast.db'}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as store:
            row = store.execute("SELECT state FROM evidence").fetchone()
        if row is None:
            return None
        state = json.loads(row[0])
        errors = Engine.restored(Limits(**state["limits"]), state["engine"]).assessment().errors
        return cls(errors.attempt.seen_c, errors.attempt.seen_s, errors.fine.log_e)

    @classmethod
    def told(cls, service: Service) -> Self:
        """As `abreast status --json` tells it: what there is of the proof, times what is a proof."""
        status = json.loads(service.run("status", "--json").stdout)
        gate = next(each for each in status["gates"] if each["name"] == "errors")
        counts = re.search(r"\(0 of ([\d,]+); 0 of ([\d,]+)\)", gate["sentence"])
        assert counts is not None, gate["sentence"]
        candidate, stable = (int(each.replace(",", "")) for each in counts.groups())
        return cls(candidate, stable, gate["share"] * -log(BETA))


NOTHING = Evidence(0, 0, 0.0)


async def test_a_candidate_that_always_fails_is_rolled_back_within_ten_seconds(service: Service) -> None:
    service.spec["versions"]["v2"]["run"] += " --mode fail"
    await up(service)
    async with users(service, 200):
        service.give("start", version="v2")
        await until_phase(service, "rolled-back", 30)
    first, last = events(service, "weight")
    assert (first["data"]["after"], last["data"]["after"]) == (1000, 0)
    [verdict] = events(service, "verdict")
    assert verdict["at"] - first["at"] < 10
    assert re.match(
        r"gate errors: in the same seconds, 100\.00 % of candidate requests failed against 0\.00 % of stable's "
        r"\((\d+) of \1; 0 of [\d,]+\)\. If the candidate were no more than 25 points worse, evidence this strong "
        r"would appear in fewer than 1 of 1,000 rollouts, however often we look",
        verdict["reason"],
    )
    assert "25 points worse" in service.status()["reason"], "and it is said for as long as it matters"


async def test_a_killed_control_plane_goes_on_with_the_evidence_it_had(service: Service) -> None:
    service.spec["rollout"]["steps"] = [{"weight": "50%"}]
    service.write()
    await up(service)
    async with users(service, 100):
        service.give("start", version="v2")
        await asyncio.to_thread(service.until, lambda: (Evidence.stored(service) or NOTHING).candidate >= 150)
        service.kill()
        before = Evidence.stored(service)
        assert before is not None
        await asyncio.to_thread(service.up)
        after = await asyncio.to_thread(Evidence.told, service)
        await asyncio.to_thread(
            service.until, lambda: (Evidence.stored(service) or NOTHING).candidate >= before.candidate + 100
        )
        later = Evidence.stored(service)
    assert later is not None
    for one, next_ in ((before, after), (after, later)):
        assert next_.candidate >= one.candidate
        assert next_.stable >= one.stable
        assert next_.log_e >= one.log_e - 1e-6
    assert before.log_e > 0.1
    assert later.log_e > before.log_e
    assert len([event for event in events(service, "started") if event["data"].get("candidate")]) == 1


@pytest.mark.acceptance
async def test_few_requests_hold_and_none_at_all_are_an_alarm(services: tuple[Service, Service]) -> None:
    """Two services at once, for it is waiting that takes the time."""
    few, none = services
    for each in services:
        each.spec["rollout"] = {"steps": [{"weight": "50%"}], "step_time": {"at_least": "1s", "at_most": "10s"}}
        await up(each)
        each.give("start", version="v2")
    async with users(few, 1):
        await asyncio.to_thread(none.until, lambda: events(none, "silent") != [], 45)
        said = explained(few)

    [silent], [held] = events(none, "silent"), events(none, "held")
    assert silent["reason"] == (
        "v2 got no request for 30 s although its weight is 50 %: v1 got none either; no user reaches the gateway"
    )
    assert held["reason"].startswith(
        "held after 10 s: errors at weight 50 %: undecided: no candidate request in this step yet; about "
    )
    assert re.search(
        r"Gate errors: undecided: at most \d\d points more of its requests fail than of stable's \(in the same "
        r"seconds, 0\.00 % of candidate requests failed against 0\.00 % of stable's \(0 of \d+; 0 of \d+\)\); about "
        r"1,\d\d\d more candidate requests are needed if it is as good as stable; at the present rate that takes "
        r"\d+ h \d+ m\.",
        said,
    ), said
    assert "held after 10 s: errors at weight 50 %: undecided: " in events(few, "held")[0]["reason"]
    for each in services:
        state = each.status()
        assert (state["phase"], state["weight"], state["step"]) == ("progressing", 5000, 1)
        assert events(each, "verdict") == []


def explained(service: Service) -> str:
    """What `abreast explain` prints."""
    return service.run("explain").stdout
