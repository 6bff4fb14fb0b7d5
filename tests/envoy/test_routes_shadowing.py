"""Routes while a share of the requests is copied: each says what becomes of its copies, and nothing else changes."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.envoy.capture import FILTER, SAMPLED
from abreast.envoy.clusters import Resource
from abreast.envoy.routes import VERSION_HEADER, route_table
from abreast.model.service import Side
from abreast.model.shadow import IsolatedRoute
from abreast.model.traffic import UPSTREAM_HEADER, Shadowing, Traffic
from abreast.model.units import FULL_WEIGHT
from tests.envoy.matching import EVENTS, GRPC, SECRET, WEBSOCKET, Headers, alone, chosen, routes, targets, traffic

ISOLATED = (IsolatedRoute(("POST", "PUT"), "/carts"), IsolatedRoute(("DELETE",)))
PLAIN = Shadowing(2000, 100.0)
OPTED_IN = Shadowing(2000, 100.0, ISOLATED)


def outcome(route: Resource) -> str:
    """The word for the ledger that the route gives its requests; "" for none."""
    return str(route.get("metadata", {}).get("filter_metadata", {}).get("abreast", {}).get("shadow", ""))


def shadowed(shadowing: Shadowing = OPTED_IN, **changed: Any) -> Traffic:  # noqa: ANN401  # fields of Traffic
    return traffic(shadow=shadowing, **changed)


def unsaid(route: Resource) -> Resource:
    """The route as it is without shadowing."""
    return {name: value for name, value in route.items() if name != "metadata"}


def bare(of: Traffic) -> list[Resource]:
    """The routes that copy nothing, without their words."""
    return [unsaid(route) for route in routes(of) if outcome(route) != SAMPLED]


def test_without_shadowing_no_route_has_a_word_or_the_script() -> None:
    for of in (alone(), traffic()):
        assert FILTER not in str(routes(of))
        assert not any("metadata" in route or "runtime_fraction" in route["match"] for route in routes(of))


@pytest.mark.parametrize("shadowing", [PLAIN, OPTED_IN, Shadowing(FULL_WEIGHT, 0.5)])
@pytest.mark.parametrize("secret", [SECRET, ""])
def test_every_route_says_what_becomes_of_its_copies(shadowing: Shadowing, secret: str) -> None:
    words = {outcome(route) for route in routes(shadowed(shadowing, tester_secret=secret))}
    forced = {"forced"} if secret else set()
    assert words == {"sampled", "sampled-out", "method", "stream", "upgrade"} | forced


def test_without_opted_in_routes_the_rest_is_as_it_was() -> None:
    assert bare(shadowed(PLAIN)) == routes(traffic())


def test_forced_sides_come_first_then_opted_in_methods_then_all_else_in_its_order() -> None:
    steps: list[tuple[str, str]] = []
    for route in routes(shadowed()):
        kind = re.split("-(?:header|cookie|sampled)", str(route["name"]))[0]
        here = (kind, outcome(route).removesuffix("-out"))
        if steps[-1:] != [here]:
            steps.append(here)
    assert steps == [
        *[("stream", "forced"), ("forced-stable", "forced"), ("stream", "forced"), ("forced-candidate", "forced")],
        ("unsafe", "sampled"),
        *[("stream", "upgrade"), ("stream", "stream")],
        ("idempotent", "sampled"),
        ("unsafe", "method"),
    ]


def test_before_each_route_that_may_be_copied_stands_its_own_sampled_one() -> None:
    table = routes(shadowed())
    for before, after in itertools.pairwise(table):
        if outcome(before) == SAMPLED:
            assert outcome(after) == "sampled-out"
            assert before["name"] == f"{after['name']}-sampled"
            assert before["route"] == after["route"], "a copied request is served by whom it would be served else"
            match = {name: value for name, value in before["match"].items() if name != "runtime_fraction"}
            assert match == after["match"]
            added = before["response_headers_to_add"]
            assert added[:-1] == after.get("response_headers_to_add", [])
            assert added[-1]["header"]["key"] == UPSTREAM_HEADER
    assert sum(outcome(route) == "sampled-out" for route in table) == sum(outcome(route) == SAMPLED for route in table)
    assert not any(UPSTREAM_HEADER in str(route) for route in table if outcome(route) != SAMPLED)


@pytest.mark.parametrize(
    ("headers", "lucky", "unlucky"),
    [
        ({}, "sampled", "sampled-out"),
        ({":method": "HEAD"}, "sampled", "sampled-out"),
        ({":method": "OPTIONS", "x-user-id": "7"}, "sampled", "sampled-out"),
        ({":method": "POST"}, "method", "method"),
        ({":method": "PATCH", ":path": "/carts/1"}, "method", "method"),
        ({":method": "POST", ":path": "/carts/1"}, "sampled", "sampled-out"),
        ({":method": "PUT", ":path": "/carts", "cookie": "session=a"}, "sampled", "sampled-out"),
        ({":method": "PUT", ":path": "/orders"}, "method", "method"),
        ({":method": "DELETE", ":path": "/anything"}, "sampled", "sampled-out"),
        (WEBSOCKET, "upgrade", "upgrade"),
        (EVENTS, "stream", "stream"),
        ({":method": "POST", ":path": "/carts/1", **EVENTS}, "stream", "stream"),
        ({**GRPC, ":path": "/shop.Carts/Add"}, "stream", "stream"),
        ({**GRPC, ":path": "/carts.Carts/Add"}, "sampled", "sampled-out"),
        ({VERSION_HEADER: f"candidate:{SECRET}"}, "forced", "forced"),
        ({VERSION_HEADER: f"stable:{SECRET}", ":method": "POST", ":path": "/carts"}, "forced", "forced"),
        ({VERSION_HEADER: "candidate:guess"}, "sampled", "sampled-out"),
    ],
)
def test_what_becomes_of_a_request_s_copy(headers: Headers, lucky: str, unlucky: str) -> None:
    assert outcome(chosen(shadowed(), headers)) == lucky
    assert outcome(chosen(shadowed(), headers, lucky=False)) == unlucky


@pytest.mark.parametrize(
    "headers", [{}, WEBSOCKET, EVENTS, {":method": "POST"}, {":method": "POST", ":path": "/carts"}]
)
@pytest.mark.parametrize("user", [{}, {"x-user-id": "7"}, {"cookie": "session=a"}])
@pytest.mark.parametrize("lucky", [True, False])
def test_shadowing_moves_no_user(headers: Headers, user: Headers, lucky: bool) -> None:
    said = chosen(shadowed(), headers | user, lucky=lucky)
    before = chosen(traffic(), headers | user)
    assert said["route"] == before["route"]
    assert targets(said) == targets(before)


def test_a_method_is_not_a_pattern() -> None:
    odd = Shadowing(100, 1.0, (IsolatedRoute(("M.VE",)),))
    assert outcome(chosen(shadowed(odd), {":method": "M.VE"})) == "sampled"
    assert outcome(chosen(shadowed(odd), {":method": "MOVE"})) == "method"


@given(st.integers(1, FULL_WEIGHT), st.floats(0.01, 10_000.0), st.integers(1, 64))
@settings(deadline=None, max_examples=30)
def test_the_share_is_by_chance_and_the_budget_is_shared_by_the_threads(
    share: int, at_most_per_s: float, workers: int
) -> None:
    of = shadowed(Shadowing(share, at_most_per_s, ISOLATED))
    [host] = route_table(of, workers)["virtual_hosts"]
    copying = [route for route in host["routes"] if outcome(route) == SAMPLED]
    assert len(copying) == 4 * (len(ISOLATED) + 1)
    for route in copying:
        fraction = route["match"]["runtime_fraction"]["default_value"]
        assert fraction == {"numerator": share, "denominator": "TEN_THOUSAND"}
        rate = route["metadata"]["filter_metadata"][FILTER]["rate"]
        assert rate * workers == pytest.approx(at_most_per_s)
        assert set(route["typed_per_filter_config"]) == {FILTER}


@pytest.mark.parametrize("side", Side)
def test_a_forced_request_is_never_copied_whatever_the_share(side: Side) -> None:
    everything = Shadowing(FULL_WEIGHT, 1e6, (IsolatedRoute(("GET", "POST")),))
    for kind in ({}, WEBSOCKET, EVENTS, GRPC, {":method": "POST"}):
        route = chosen(shadowed(everything), {VERSION_HEADER: f"{side}:{SECRET}", **kind})
        assert outcome(route) == "forced"
        assert FILTER not in str(route)
