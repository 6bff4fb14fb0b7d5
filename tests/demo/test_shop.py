"""The shop's users ask for what v2 answers otherwise and v3 fails at, and order only what v3 takes without a fault."""

import pytest

from abreast.demo.shop import _OTHERWISE, SHOP, _Wanted

IMPORTED = {f"/products/{number}" for number in range(6, 61, 6)}
"""The pages on which v2 and v3 have their faults: tests/examples/test_shop.py holds that it is exactly these."""


def share_of(paths: set[str], method: str | None = None) -> float:
    """The share of those pages among the requests of that method, or of all."""
    asked = [request for request in SHOP.requests if method in {None, request.method}]
    return sum(request.weight for request in asked if request.path in paths) / sum(request.weight for request in asked)


def test_about_one_request_in_seven_fails_at_v3() -> None:
    assert 0.1 < share_of(IMPORTED) < 0.18, "enough to be found within seconds, and not all of it"


def test_enough_of_what_is_copied_differs_at_v2_and_most_does_not() -> None:
    assert 0.1 < share_of(IMPORTED, "GET") < 0.2
    assert _OTHERWISE == "/price_cents"


def test_what_fails_at_v3_may_be_asked_again_elsewhere() -> None:
    assert {request.method for request in SHOP.requests if request.path in IMPORTED} == {"GET"}


def test_orders_are_in_the_mix_and_v3_takes_them() -> None:
    (order,) = [request for request in SHOP.requests if request.method == "POST"]

    assert order.path == "/checkout"
    assert '"product": 7' in order.body


@pytest.mark.parametrize(
    ("phase", "weight", "met"),
    [("progressing", 1000, True), ("progressing", 100, False), ("rolling-back", 1000, False)],
)
def test_a_phase_and_a_weight_are_waited_for(phase: str, weight: int, *, met: bool) -> None:
    assert _Wanted("progressing", 1000)({"phase": phase, "weight": weight}) is met
    assert _Wanted(phase)({"phase": phase, "weight": weight})
