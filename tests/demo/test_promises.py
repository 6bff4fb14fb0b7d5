"""Each promise holds for a good run, and breaks for the fault that it is there to find."""

import pytest

from abreast.demo import promises
from abreast.demo.journal import Stretch, UserShare
from abreast.demo.promises import RollBack
from abreast.envoy.counts import Totals
from tests.demo.answers import answer, event

GOOD = [answer(number / 10, "v1", user=number) for number in range(100)]
TEN = Stretch(rollout=1, candidate="v3", weight=1000, begin_s=0.0, end_s=10.0)


def test_one_failed_request_breaks_the_first_promise_and_is_named() -> None:
    assert promises.nobody_failed(GOOD).kept
    broken = promises.nobody_failed([*GOOD, answer(3.0, failure="http-503")])

    assert not broken.kept
    assert broken.text == "of 101 requests 1 failed at the user (http-503)"


def test_no_requests_prove_nothing() -> None:
    assert not promises.nobody_failed([]).kept
    assert not promises.shares_kept([]).kept


def test_a_long_gap_is_downtime() -> None:
    assert promises.no_downtime(GOOD).kept
    broken = promises.no_downtime([*GOOD, answer(12.0)])

    assert not broken.kept
    assert "2100 ms" in broken.text


@pytest.mark.parametrize(
    ("attempts", "users", "kept"),
    [
        ({200: 90, 500: 9, 0: 1}, {200: 100}, True),
        ({200: 100}, {200: 100}, False),
        ({200: 90, 500: 10}, {200: 99, 502: 1}, False),
        ({200: 90, 500: 10}, {200: 99, 0: 1}, False),
    ],
    ids=["absorbed", "nothing failed", "a user saw a 502", "a user got no answer"],
)
def test_errors_are_absorbed_when_there_were_some_and_nobody_saw_one(
    attempts: dict[int, int], users: dict[int, int], *, kept: bool
) -> None:
    totals = Totals(attempts={"v1": {200: 10}, "v2": attempts}, users={"v1": users})

    assert promises.errors_absorbed(totals, "v2").kept is kept


def test_the_numbers_of_absorbed_errors_are_told() -> None:
    totals = Totals(attempts={"v2": {200: 90, 500: 10}}, users={"v1": {200: 100}})

    assert promises.errors_absorbed(totals, "v2").text.startswith("v2 failed 10 of 100 requests")
    assert not promises.errors_absorbed(Totals(), "v2").kept


def test_rolled_back_means_by_a_verdict_and_to_its_end() -> None:
    verdict = event("verdict", verdict="worse")
    done = event("phase", after="rolled-back")
    elsewhere = event("verdict", rollout=2, verdict="worse")

    assert promises.rolled_back([verdict, done], 1, "v2").kept
    assert not promises.rolled_back([done, elsewhere], 1, "v2").kept, "a person aborted it"
    assert not promises.rolled_back([verdict], 1, "v2").kept, "it never ended"


def test_a_candidate_that_goes_on_getting_requests_was_not_rolled_back() -> None:
    roll_back = RollBack("v2", "by abort", order_s=5.0, until_s=9.0)

    assert promises.left_alone([answer(4.0, "v2"), answer(5.01, "v2")], roll_back).kept
    assert promises.left_alone([answer(9.5, "v2")], roll_back).kept, "it is another rollout's by then"
    broken = promises.left_alone([answer(7.5, "v2")], roll_back)
    assert not broken.kept
    assert "2500 ms" in broken.text


def test_a_share_that_chance_cannot_explain_is_named() -> None:
    broken = promises.shares_kept([UserShare(TEN, 1000, 100), UserShare(TEN, 1000, 300)])

    assert promises.shares_kept([UserShare(TEN, 1000, 100)]).kept
    assert not broken.kept
    assert "30.0% instead of 10 %" in broken.text


def test_one_user_on_the_other_side_breaks_the_second_try() -> None:
    again = Stretch(rollout=1, candidate="v3", weight=1000, begin_s=20.0, end_s=30.0)
    before = [answer(1.0, "v3", user=1), answer(1.0, "v1", user=2)]

    assert promises.same_users([*before, answer(21.0, "v3", user=1), answer(21.0, "v1", user=2)], TEN, again).kept
    assert not promises.same_users([*before, answer(21.0, "v3", user=2)], TEN, again).kept
    assert not promises.same_users(before, TEN, again).kept, "nobody was seen twice"


@pytest.mark.parametrize(
    ("phase", "running", "kept"),
    [("completed", ["v3"], True), ("retiring", ["v3"], False), ("completed", ["v3", "v1"], False)],
)
def test_promoted_means_nothing_else_runs(phase: str, running: list[str], *, kept: bool) -> None:
    versions = [{"name": name, "instances": [1] if name in running else []} for name in ("v3", "v1")]

    assert promises.promoted({"phase": phase, "versions": versions}, "v3").kept is kept
