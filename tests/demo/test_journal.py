"""Shares, gaps and last requests, from answers and events."""

import pytest

from abreast.demo.journal import (
    SETTLE_S,
    Copying,
    Stretch,
    UserShare,
    changed_sides,
    copyings,
    last_request_s,
    longest_gap_s,
    percentile_ms,
    sent_meanwhile,
    stretches,
    user_share,
)
from tests.demo.answers import answer, event

TEN = Stretch(rollout=1, candidate="v2", weight=1000, begin_s=10.0, end_s=20.0)


def test_a_stretch_lasts_from_one_weight_to_the_next() -> None:
    events = [
        event("started", 1.0, rollout=0, stable="v1"),
        event("started", 5.0, stable="v1", candidate="v2"),
        event("weight", 6.0, before=0, after=100),
        event("phase", 7.0, after="progressing"),
        event("weight", 8.0, before=100, after=1000),
        event("weight", 9.0, before=1000, after=0),
        event("started", 12.0, rollout=2, stable="v1", candidate="v3"),
        event("weight", 13.0, rollout=2, before=0, after=5000),
    ]

    assert stretches(events, end_s=20.0) == [
        Stretch(1, "v2", 100, 6.0, 8.0),
        Stretch(1, "v2", 1000, 8.0, 9.0),
        Stretch(2, "v3", 5000, 13.0, 20.0),
    ]


def test_a_rollout_that_begins_ends_the_stretch_before_it() -> None:
    events = [
        event("started", 1.0, stable="v1", candidate="v2"),
        event("weight", 2.0, before=0, after=10_000),
        event("started", 5.0, rollout=2, stable="v2", candidate="v3"),
    ]

    assert stretches(events, end_s=9.0) == [Stretch(1, "v2", 10_000, 2.0, 5.0)]


def test_without_events_there_is_no_stretch() -> None:
    assert stretches([], end_s=9.0) == []


def test_copying_lasts_from_one_share_to_the_next() -> None:
    events = [
        event("shadow", 1.0, before=0, after=4000),
        event("weight", 2.0, before=0, after=100),
        event("shadow", 3.0, before=4000, after=500),
        event("shadow", 5.0, before=500, after=0),
        event("shadow", 8.0, rollout=2, before=0, after=4000),
    ]

    assert copyings(events, end_s=9.0) == [Copying(1, 1.0, 3.0), Copying(1, 3.0, 5.0), Copying(2, 8.0, 9.0)]
    assert copyings(events[:4], end_s=9.0) == [Copying(1, 1.0, 3.0), Copying(1, 3.0, 5.0)]
    assert copyings([], end_s=9.0) == []


def test_requests_near_an_order_may_count_for_either_side_of_it() -> None:
    times = [Copying(1, 10.0, 12.0), Copying(1, 20.0, 22.0)]
    answers = [answer(at_s) for at_s in (9.4, 9.6, 10.4, 10.6, 11.4, 11.6, 12.4, 12.6, 21.0)]

    assert sent_meanwhile(answers, times, slack_s=0.5) == (3, 7)
    assert sent_meanwhile(answers, times, slack_s=0.0) == (5, 5)
    assert sent_meanwhile(answers, [], slack_s=0.5) == (0, 0)


def test_users_are_counted_once_and_only_while_the_weight_holds() -> None:
    answers = [
        answer(9.9, "v2", user=9),
        answer(10.0 + SETTLE_S / 2, "v2", user=8),
        answer(11.0, "v2", user=1),
        answer(12.0, "v1", user=1),
        answer(12.0, "v1", user=2),
        answer(13.0, "v1", user=2),
        answer(14.0, user=3, failure="http-500"),
        answer(20.0, "v2", user=7),
    ]

    share = user_share(answers, TEN)

    assert (share.users, share.on_candidate) == (2, 1)
    assert share.seen == 0.5


@pytest.mark.parametrize(
    ("users", "on_candidate", "plausible"),
    [(1000, 100, True), (1000, 138, True), (1000, 62, True), (1000, 145, False), (1000, 55, False), (0, 0, False)],
)
def test_a_share_may_be_off_by_what_chance_does(users: int, on_candidate: int, *, plausible: bool) -> None:
    assert UserShare(TEN, users, on_candidate).plausible is plausible


def test_at_full_weight_one_single_user_may_be_late() -> None:
    everybody = Stretch(1, "v2", 10_000, 0.0, 1.0)

    assert UserShare(everybody, 500, 499).plausible
    assert not UserShare(everybody, 500, 497).plausible


def test_users_that_changed_sides_are_told_among_those_seen_twice() -> None:
    again = Stretch(1, "v2", 1000, 30.0, 40.0)
    answers = [
        answer(11.0, "v2", user=1),
        answer(11.0, "v1", user=2),
        answer(11.0, "v1", user=3),
        answer(31.0, "v2", user=1),
        answer(31.0, "v2", user=2),
        answer(31.0, "v2", user=4),
    ]

    assert changed_sides(answers, TEN, again) == (2, 1)


def test_the_longest_gap_is_between_good_answers_only() -> None:
    answers = [answer(1.0), answer(1.5), answer(1.6, failure="refused"), answer(2.5)]

    assert longest_gap_s(answers) == pytest.approx(1.0)
    assert longest_gap_s(answers[:1]) == 0.0
    assert longest_gap_s([]) == 0.0


def test_the_last_request_after_an_order_is_of_that_version_and_that_order() -> None:
    answers = [answer(9.0, "v2"), answer(10.02, "v2"), answer(10.5, "v1"), answer(30.0, "v2")]

    assert last_request_s(answers, "v2", 10.0, 20.0) == pytest.approx(0.02)
    assert last_request_s(answers, "v3", 10.0, 20.0) == 0.0


def test_percentiles_count_failed_requests_too() -> None:
    answers = [answer(1.0, wait_s=0.001 * number) for number in range(1, 100)]
    answers.append(answer(1.0, failure="timeout", wait_s=10.0))

    assert percentile_ms(answers, 50) == pytest.approx(50.0)
    assert percentile_ms(answers, 99) == pytest.approx(99.0)
    assert percentile_ms(answers, 100) == pytest.approx(10_000.0)
    assert percentile_ms([], 50) == 0.0
