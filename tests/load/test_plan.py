"""The plan refuses what cannot be run, everything at once, and goes to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.load.plan import Plan, PlanError, Request


def test_the_smallest_plan_has_careful_defaults() -> None:
    plan = Plan(url="http://127.0.0.1:8080", rate_per_s=100, duration_s=2)

    assert (plan.host, plan.port, plan.authority) == ("127.0.0.1", 8080, "127.0.0.1:8080")
    assert plan.length == 200
    assert plan.keep_alive
    assert plan.requests == (Request("/"),)


def test_localhost_means_the_loopback_address_so_that_nothing_is_resolved() -> None:
    plan = Plan(url="http://localhost", rate_per_s=1, count=3)

    assert (plan.host, plan.port, plan.length) == ("127.0.0.1", 80, 3)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(PlanError) as caught:
        Plan(
            url="https://127.0.0.1",
            rate_per_s=0,
            connections=-1,
            user_by="query:user",
            requests=(Request("no-slash"), Request("/", method="BREW"), Request("/", weight=0)),
        )

    text = str(caught.value)
    assert len(caught.value.faults) == 8
    for words in ("http://127.0.0.1:8080", "rate_per_s: 0", "connections: -1", "exactly one of them", "query:user"):
        assert words in text
    for words in ("request 1: the path 'no-slash'", "request 2: the method 'BREW'", "request 3: the weight 0"):
        assert words in text


@pytest.mark.parametrize("host", ["example.org", "10.0.0.1", "192.168.1.5", "8.8.8.8", "[2001:db8::1]"])
def test_only_loopback_addresses_get_load(host: str) -> None:
    with pytest.raises(PlanError, match="only loopback"):
        Plan(url=f"http://{host}:80", rate_per_s=1, count=1)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999", "http://127.0.0.1/path", "http://127.0.0.1/?a=1", "nonsense"]
)
def test_an_address_is_no_more_than_an_address(url: str) -> None:
    with pytest.raises(PlanError, match="url:"):
        Plan(url=url, rate_per_s=1, count=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"duration_s": 1.0}, "exactly one"),
        ({"count": 0}, "must be above 0"),
        ({"timeout_s": 0.0}, "timeout_s: 0.0 must be above 0"),
        ({"protocol": "h3"}, "'h3' is not one of http/1.1, h2c"),
        ({"arrivals": "bursty"}, "'bursty' is not one of constant, poisson"),
        ({"protocol": "h2c", "keep_alive": False}, "h2c connections are always kept"),
        ({"requests": ()}, "at least one is needed"),
        ({"user_by": "header:"}, "neither header:NAME"),
        ({"requests": (Request("/", headers=(("X-Upper", "1"),)),)}, "'X-Upper' must be one lower-case line"),
        ({"requests": (Request("/", headers=(("x", "a\r\nb"),)),)}, "must be one lower-case line"),
        ({"requests": (Request("/a b"),)}, "hold no blanks"),
    ],
)
def test_each_fault_says_what_is_allowed(change: dict[str, object], words: str) -> None:
    values: dict[str, object] = {"url": "http://127.0.0.1:1", "rate_per_s": 1.0, "count": 1, **change}

    with pytest.raises(PlanError) as caught:
        Plan(**values)  # type: ignore[arg-type]  # wrong values are the point

    assert words in str(caught.value)


def test_a_plan_survives_json() -> None:
    plan = Plan(
        url="http://127.0.0.1:8080",
        rate_per_s=12.5,
        count=7,
        user_by="cookie:session",
        requests=(Request("/a", headers=(("x-b", "c"),)), Request("/d", "POST", (), "{}", 2.0)),
        protocol="h2c",
        watch_header="x-version",
    )

    assert Plan.from_dict(json.loads(json.dumps(plan.as_dict()))) == plan


def test_an_unknown_key_is_a_fault_that_names_the_known_ones() -> None:
    with pytest.raises(PlanError, match=r"unknown keys: rat; known are .*rate_per_s"):
        Plan.from_dict({"url": "http://127.0.0.1:1", "rat": 1})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("GET /products", Request("/products")),
        ("GET /products*3", Request("/products", weight=3)),
        ("DELETE /cart*0.5", Request("/cart", method="DELETE", weight=0.5)),
        (
            'POST /checkout*2 {"product": 7}',
            Request("/checkout", "POST", (("content-type", "application/json"),), '{"product": 7}', 2),
        ),
    ],
)
def test_a_request_is_read_from_one_line(text: str, wanted: Request) -> None:
    assert Request.parse(text) == wanted


def test_a_weight_that_is_no_number_is_quoted() -> None:
    with pytest.raises(PlanError, match="the weight 'three' is not a number"):
        Request.parse("GET /*three")


@given(rate=st.floats(0.1, 10_000), seconds=st.floats(0.1, 1000))
def test_a_duration_means_its_rate_times_its_length(rate: float, seconds: float) -> None:
    plan = Plan(url="http://127.0.0.1:1", rate_per_s=rate, duration_s=seconds)

    assert abs(plan.length - rate * seconds) <= 0.5
