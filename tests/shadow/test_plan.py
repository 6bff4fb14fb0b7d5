from collections import Counter
from dataclasses import replace

import pytest

from abreast.compare.model import Request
from abreast.model.service import Endpoint
from abreast.model.shadow import IsolatedRoute
from abreast.shadow.capture import Capture, read_frame
from abreast.shadow.order import Arm
from abreast.shadow.plan import Plan, Skip, exchange_id, plan
from tests.shadow.frames import frame, order

STABLE = tuple(Endpoint("127.0.0.1", port) for port in (9001, 9002, 9003))
CANDIDATE = tuple(Endpoint("127.0.0.1", port) for port in (9011, 9012))
NUMBERS = [exchange_id(f"id-{number}") for number in range(2000)]


def _capture(method: str = "GET", upstream: str = "v1 127.0.0.1:9001", path: str = "/") -> Capture:
    return read_frame(frame(Request(method, path), upstream=upstream))


def _plans(capture: Capture, **policy: object) -> list[Plan]:
    found = [plan(order(stable=STABLE, candidate=CANDIDATE, **policy), capture, number) for number in NUMBERS]
    return [each for each in found if isinstance(each, Plan)]


def test_an_answer_of_stables_wants_the_candidate_and_another_instance_of_stable() -> None:
    plans = _plans(_capture())
    assert len(plans) == len(NUMBERS)
    assert all(each.stable is None and each.chosen for each in plans)
    assert {each.candidate.endpoint for each in plans if each.candidate} == set(CANDIDATE)
    assert {each.control.endpoint for each in plans if each.control} == set(STABLE[1:])


def test_an_answer_of_the_candidates_wants_stable_twice_from_two_instances() -> None:
    plans = _plans(_capture(upstream="v2 127.0.0.1:9011"))
    assert len(plans) == len(NUMBERS)
    assert all(each.candidate is None and each.stable and each.control for each in plans)
    assert all(each.stable != each.control for each in plans)
    assert {each.stable.endpoint for each in plans if each.stable} == set(STABLE)


def test_a_lone_instance_of_stable_is_its_own_control() -> None:
    found = plan(order(stable=STABLE[:1], candidate=CANDIDATE), _capture(), NUMBERS[0])
    assert isinstance(found, Plan)
    assert found.control is not None
    assert found.control.endpoint == STABLE[0]


def test_without_an_instance_of_stable_there_is_no_control() -> None:
    found = plan(order(stable=(), candidate=CANDIDATE), _capture(), NUMBERS[0])
    assert isinstance(found, Plan)
    assert (found.control, found.chosen) == (None, False)


def test_who_is_asked_first_and_where_is_by_chance_and_even() -> None:
    plans = _plans(_capture())
    assert 0.45 < sum(each.candidate_first for each in plans) / len(plans) < 0.55
    spread = Counter(each.candidate.endpoint.port for each in plans if each.candidate)
    assert all(0.45 < count / len(plans) < 0.55 for count in spread.values())


@pytest.mark.parametrize(("controls", "share"), [(0, 0.0), (1000, 0.1), (10_000, 1.0)])
def test_controls_are_asked_on_their_share(controls: int, share: float) -> None:
    plans = _plans(_capture(), controls=controls)
    assert sum(each.chosen for each in plans) / len(plans) == pytest.approx(share, abs=0.02)
    assert all(each.control for each in plans), "one can be asked on demand all the same"


def test_the_same_exchange_has_the_same_plan() -> None:
    capture = _capture()
    assert [plan(order(stable=STABLE, candidate=CANDIDATE), capture, number) for number in NUMBERS[:50]] == _plans(
        capture
    )[:50]


def test_writes_go_nowhere_unless_the_spec_says_that_the_candidate_is_isolated() -> None:
    wanted = order(stable=STABLE, candidate=CANDIDATE, isolated=(IsolatedRoute(("POST",), "/cart"),))
    assert plan(wanted, _capture("POST", path="/orders"), NUMBERS[0]) is Skip.SIDE
    assert plan(wanted, _capture("PUT", path="/cart/1"), NUMBERS[0]) is Skip.SIDE
    found = plan(wanted, _capture("POST", path="/cart/1"), NUMBERS[0])
    assert isinstance(found, Plan)
    assert found.candidate is not None


def test_a_write_is_never_sent_to_stable() -> None:
    isolated = (IsolatedRoute(("POST", "DELETE"), "/"),)
    for each in _plans(_capture("POST"), isolated=isolated):
        assert (each.stable, each.control, each.chosen) == (None, None, False)
    assert _plans(_capture("DELETE", upstream="v2 127.0.0.1:9011"), isolated=isolated) == []


@pytest.mark.parametrize(
    ("stable", "candidate", "upstream", "reason"),
    [
        (STABLE, (), "v1 127.0.0.1:9001", Skip.NO_CANDIDATE),
        ((), CANDIDATE, "v2 127.0.0.1:9011", Skip.NO_UPSTREAM),
        (STABLE, CANDIDATE, "v0 127.0.0.1:9000", Skip.EXPIRED),
    ],
)
def test_what_cannot_be_asked_says_why(
    stable: tuple[Endpoint, ...], candidate: tuple[Endpoint, ...], upstream: str, reason: Skip
) -> None:
    assert plan(order(stable=stable, candidate=candidate), _capture(upstream=upstream), NUMBERS[0]) is reason


def test_without_a_candidate_nobody_is_asked() -> None:
    assert plan(replace(order(), candidate=None), _capture(), NUMBERS[0]) is Skip.NO_CANDIDATE


def test_the_live_answer_of_a_candidate_needs_none_of_its_instances() -> None:
    wanted = replace(order(stable=STABLE), candidate=Arm("v2", "http1", ()))
    assert isinstance(plan(wanted, _capture(upstream="v2 127.0.0.1:9011"), NUMBERS[0]), Plan)


def test_ids_are_64_bits_and_differ() -> None:
    assert len(set(NUMBERS)) == len(NUMBERS)
    assert max(NUMBERS).bit_length() == 64
    assert exchange_id("a") == exchange_id("a")
    assert exchange_id("caf\u20ac") >= 0
