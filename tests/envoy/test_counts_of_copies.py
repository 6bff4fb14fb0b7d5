"""Counting what became of the copies of users' requests, for the ledger."""

from typing import Any

import orjson
import pytest

from abreast.envoy.counts import EnvoyCounts, Totals, parse
from abreast.findings.ledger import GatewayTotals
from tests.fakes.clock import FakeClock

ENVOY = "gateway-1.0"


def read(*stats: dict[str, Any]) -> Totals:
    """What an Envoy that has these counters tells."""
    return parse(orjson.dumps({"stats": stats}))


def user(code: int | str, shadow: str, capture: str, value: int, version: str = "v1") -> dict[str, Any]:
    """A counter of users' requests, as Envoy names it."""
    return {"name": f"usr.n.version.{version}.code.{code}.shadow.{shadow}.capture.{capture}", "value": value}


def test_what_became_of_copies_is_told_by_route_and_script() -> None:
    totals = read(
        user(200, "sampled", "captured", 50),
        user(500, "sampled", "captured", 2),
        user(200, "sampled", "captured", 3, version="v2"),
        user(200, "sampled", "oversize", 4),
        user(0, "sampled", "aborted", 5),
        user(503, "sampled", "-", 6, version=""),
        user(503, "sampled", "", 1, version=""),
        user(200, "sampled-out", "-", 70),
        user(200, "method", "-", 8),
        user(200, "forced", "", 9),
        user(200, "-", "-", 1000),
        user(404, "", "", 1000),
        {"name": "usr.n.version.v1.code.200", "value": 10_000},
    )
    assert totals.captures == {
        "captured": 55,
        "oversize": 4,
        "aborted": 5,
        "no-upstream": 7,
        "sampled-out": 70,
        "method": 8,
        "forced": 9,
    }
    assert totals.users == {
        "": {503: 7},
        "v1": {0: 5, 200: 10_000 + 1000 + 50 + 4 + 70 + 8 + 9, 404: 1000, 500: 2},
        "v2": {200: 3},
    }, "users are counted as before, whatever became of the copies"
    assert totals.attempts == {}


@pytest.mark.parametrize("version", ["v1.code.200", "a.shadow.b.capture.c", "1.2.3"])
def test_a_version_s_name_is_not_taken_for_a_tag(version: str) -> None:
    totals = read(user(204, "sampled", "captured", 3, version))
    assert (totals.users, totals.captures) == ({version: {204: 3}}, {"captured": 3})


@pytest.fixture
def counts() -> EnvoyCounts:
    return EnvoyCounts(FakeClock())


def test_captures_are_taken_once_and_go_on_with_another_envoy(counts: EnvoyCounts) -> None:
    counts.feed(ENVOY, Totals(captures={"captured": 5, "method": 1}))
    counts.feed(ENVOY, Totals(captures={"captured": 7, "method": 1}))
    assert dict(counts.take_captures()) == {"captured": 7, "method": 1}
    assert dict(counts.take_captures()) == {}
    counts.feed(ENVOY, Totals(captures={"captured": 8, "method": 1}))
    counts.feed("gateway-1.1", Totals(captures={"captured": 2}))
    assert dict(counts.take_captures()) == {"captured": 3}


def test_what_an_inherited_envoy_captured_before_was_told_before(counts: EnvoyCounts) -> None:
    for _ in range(2):
        counts.feed(ENVOY, Totals(captures={"captured": 100}), inherited=True)
    assert dict(counts.take_captures()) == {}
    counts.feed(ENVOY, Totals(captures={"captured": 103}), inherited=True)
    assert dict(counts.take_captures()) == {"captured": 3}


def test_another_control_plane_goes_on_where_the_first_had_counted(counts: EnvoyCounts) -> None:
    counts.feed(ENVOY, Totals(captures={"captured": 5, "method": 1}))
    counts.take_captures()
    at = counts.captures_at
    assert at == GatewayTotals(ENVOY, {"captured": 5, "method": 1})
    counts.feed(ENVOY, Totals(captures={"captured": 7}))
    second = EnvoyCounts(FakeClock())
    second.resume_captures(at)
    second.feed(ENVOY, Totals(captures={"captured": 9, "method": 4}), inherited=True)
    second.feed(ENVOY, Totals(captures={"captured": 10, "method": 4}), inherited=True)
    assert dict(second.take_captures()) == {"captured": 5, "method": 3}
    second.feed("gateway-1.1", Totals(captures={"captured": 2}))
    assert dict(second.take_captures()) == {"captured": 2}


def test_where_another_envoy_had_counted_is_of_no_use(counts: EnvoyCounts) -> None:
    counts.resume_captures(GatewayTotals("gateway-9.0", {"captured": 1}))
    for _ in range(2):
        counts.feed(ENVOY, Totals(captures={"captured": 100}), inherited=True)
    assert dict(counts.take_captures()) == {}


def test_going_on_with_copies_counts_no_user_nor_attempt_of_before(counts: EnvoyCounts) -> None:
    counts.resume_captures(GatewayTotals(ENVOY, {"captured": 90}))
    past = {"v1": {200: 1000}}
    counts.feed(ENVOY, Totals(past, past, captures={"captured": 95}), inherited=True)
    assert dict(counts.take_captures()) == {"captured": 5}
    assert dict(counts.users) == {}
    assert dict(counts.tally(0.0)) == {}
