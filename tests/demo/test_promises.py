"""Each promise holds for a good run, and breaks for the fault that it is there to find."""

from copy import deepcopy

import pytest

from abreast.demo import promises
from abreast.demo.journal import Stretch, UserShare
from abreast.demo.promises import RollBack
from abreast.envoy.counts import Totals
from tests.demo.answers import Json, answer, event

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


def finding(place: str, kind: str) -> Json:
    return {"title": f"GET /orders/{{id}}: {place}", "keys": [{"pattern": place, "kind": kind}]}


LEDGER: Json = {"seen": 1000, "compared": 300, "skipped": {"method": 100, "sampled-out": 590}, "lost": 10, "pending": 0}
FOUND: Json = {"rollout": 1, "ledger": LEDGER, "findings": [finding("/total", "type")]}
NOTHING: Json = {"rollout": 2, "ledger": LEDGER, "findings": []}
EARLY = [
    event("shadow", before=0, after=4000),
    event("verdict", verdict="worse", reason="gate differences: 12 % differ"),
    event("phase", after="rolling-back"),
    event("phase", after="rolled-back"),
]


def test_found_early_means_by_the_answers_and_before_anybody_was_there() -> None:
    kept = promises.found_early(EARLY, GOOD, FOUND, "v2")

    assert kept.kept
    assert "stopped at 0 %, 0 users' requests answered by v2" in kept.text


@pytest.mark.parametrize(
    ("events", "found"),
    [
        (EARLY, NOTHING | {"rollout": 1}),
        (EARLY, FOUND | {"findings": [finding("/total", "changed")]}),
        (EARLY[:-1], FOUND),
        ([*EARLY[:1], *EARLY[2:]], FOUND),
        ([event("verdict", reason="gate errors: 9 %"), *EARLY[2:]], FOUND),
        ([event("weight", before=0, after=100), *EARLY], FOUND),
        (EARLY, FOUND | {"rollout": 7}),
    ],
    ids=["nothing", "no type", "not rolled back", "no verdict", "by errors", "it had users", "another rollout"],
)
def test_found_otherwise_is_not_found_early(events: list[Json], found: Json) -> None:
    assert not promises.found_early(events, GOOD, found, "v2").kept


def test_one_user_of_the_version_is_too_late() -> None:
    broken = promises.found_early(EARLY, [*GOOD, answer(3.0, "v2")], FOUND, "v2")

    assert not broken.kept
    assert "1 users' requests answered by v2" in broken.text


def test_noise_that_is_reported_is_named() -> None:
    noisy = NOTHING | {"findings": [finding("/served/at", "changed")]}

    assert promises.only_real([FOUND, NOTHING], "/total").kept
    broken = promises.only_real([FOUND, noisy], "/total")
    assert not broken.kept
    assert "1 findings came of it beside the one at /total: GET /orders/{id}: /served/at" in broken.text


def test_a_finding_that_is_mixed_with_noise_is_not_only_real() -> None:
    mixed = deepcopy(FOUND)
    mixed["findings"][0]["keys"].append({"pattern": "/served/at", "kind": "changed"})

    assert not promises.only_real([mixed], "/total").kept


def test_without_answers_compared_silence_proves_nothing() -> None:
    nobody = NOTHING | {"ledger": LEDGER | {"compared": 0}}

    assert not promises.only_real([FOUND, nobody], "/total").kept
    assert not promises.only_real([], "/total").kept


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"pending": 5, "lost": 5}, False),
        ({"lost": 9}, False),
        ({"seen": 880, "compared": 180}, False),
        ({"seen": 1120, "compared": 420}, False),
        ({"seen": 0, "compared": 0, "skipped": {}, "lost": 0}, False),
    ],
    ids=["all", "some under way", "one missing", "fewer than users sent", "more than users sent", "nobody"],
)
def test_the_ledger_adds_up_to_what_users_sent(change: Json, *, kept: bool) -> None:
    comparison = NOTHING | {"ledger": LEDGER | change}

    assert promises.all_accounted(comparison, 900, 1100).kept is kept


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
