"""Counters that may be read while the run goes on."""

from __future__ import annotations

import time

from abreast.load.tally import Exchange, Failure, Tally


def sent(tally: Tally, user: int = 1, ago_s: float = 0.1) -> Exchange:
    now_s = time.monotonic()
    exchange = Exchange(tally.sent, 0, user, now_s - ago_s)
    exchange.sent_s = now_s - ago_s / 2
    tally.sent += 1
    return exchange


def test_an_answer_is_measured_from_its_intended_time_and_from_its_sending() -> None:
    tally = Tally()

    result = tally.answered(sent(tally, ago_s=0.1), 200, "v1")

    assert result.latency_s >= 0.1
    assert tally.latency.percentile_s(50) >= 0.099
    assert 0.049 <= tally.service.percentile_s(50) < tally.latency.percentile_s(50)
    assert (result.status, result.version, result.failure) == (200, "v1", "")


def test_a_bad_status_is_a_failure_with_its_number() -> None:
    tally = Tally()

    for status in (200, 302, 404, 503, 503):
        tally.answered(sent(tally), status, "")

    assert (tally.sent, tally.done, tally.ok, tally.failed) == (5, 5, 2, 3)
    assert tally.failures == {"http-404": 1, "http-503": 2}
    assert sum(tally.statuses.values()) == 5


def test_a_lost_request_counts_its_wait_but_no_service() -> None:
    tally = Tally()

    result = tally.lost(sent(tally, ago_s=2.0), Failure.TIMEOUT)

    assert tally.failures == {"timeout": 1}
    assert tally.latency.percentile_s(50) >= 1.97
    assert tally.service.count == 0
    assert (result.failure, result.status) == ("timeout", 0)


def test_in_flight_is_what_has_had_its_turn_and_no_end() -> None:
    tally = Tally()
    first, _ = sent(tally), sent(tally)

    tally.answered(first, 200, "")

    assert tally.in_flight == 1


def test_users_sides_and_flips_follow_the_answers() -> None:
    tally = Tally()

    for user, version in ((1, "v1"), (2, "v2"), (1, "v1"), (1, "v2"), (1, "v1"), (3, "v1")):
        tally.answered(sent(tally, user), 200, version)

    assert tally.versions == {"v1": 4, "v2": 2}
    assert tally.users == {"v1": {1, 3}, "v2": {1, 2}}
    assert tally.sides == {1: "v1", 2: "v2", 3: "v1"}
    assert tally.flips == {("v1", "v2"): 1, ("v2", "v1"): 1}


def test_the_last_request_of_a_version_is_the_one_sent_last_not_answered_last() -> None:
    tally = Tally()
    early, late = sent(tally, ago_s=1.0), sent(tally, ago_s=0.2)

    tally.answered(late, 200, "v2")
    tally.answered(early, 200, "v2")

    assert tally.last_sent_s["v2"] == late.sent_s
    assert tally.last_answer_s["v2"] > late.sent_s


def test_an_answer_without_the_watched_header_belongs_to_no_version() -> None:
    tally = Tally()

    tally.answered(sent(tally), 200, "")

    assert not tally.versions
    assert not tally.users
