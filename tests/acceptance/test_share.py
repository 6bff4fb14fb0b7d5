"""The share of users on the candidate: as ordered, monotone, and the same users again."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from abreast.load.plan import Plan
from abreast.load.process import LoadProcess
from abreast.load.report import Report
from tests.e2e.service import Service, origin

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

USERS = 20_000
REQUESTS = 50_000
"""At each of four weights: 200,000 in all."""


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Two cheap versions, a rollout that waits for orders."""
    steps = [{"weight": "1%"}, {"weight": "50%"}]
    versions = {"v1": origin("v1"), "v2": origin("v2")}
    made = Service.of(short_tmp, versions, steps=steps, step_time={"at_least": "1h", "at_most": "2h"})
    made.up()
    yield made
    made.close()


async def seen(service: Service, requests: int = REQUESTS) -> Report:
    """Every user comes two and a half times on average; who was where."""
    plan = Plan(service.url, rate_per_s=2500, count=requests, connections=64, users=USERS, watch_header="x-version")
    async with LoadProcess(plan) as load:
        return await load.report()


async def test_two_hundred_thousand_requests_of_twenty_thousand_users(service: Service) -> None:
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    sides: dict[int, frozenset[int]] = {}
    lower: Report | None = None
    for weight in (100, 1000, 2500, 5000):
        service.give("weight", weight=weight)
        report = await seen(service)
        share = 100 * report.user_share("v2")
        came = len(frozenset().union(*report.users.values()))
        print(f"set {weight / 100:g} %, seen {share:.2f} % of {came} users; {report.failed} of {report.sent} failed")
        assert report.failed == 0
        assert not report.flips
        assert abs(share - weight / 100) <= 0.3
        if lower is not None:
            assert not lower.users["v2"] & report.users["v1"], "a user went back while the weight rose"
        lower, sides[weight] = report, report.users["v2"]
    for weight in (1000, 2500):
        service.give("weight", weight=weight)
        report = await seen(service)
        same = sides[weight] & (report.users["v1"] | report.users["v2"])
        assert same <= report.users["v2"]
        assert not report.users["v1"] & sides[weight]
        print(f"again {weight / 100:g} %: the very same {len(same)} users")
