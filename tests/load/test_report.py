"""The report freezes a tally, survives JSON, and accuses the generator when it was late."""

from __future__ import annotations

import json
import time

import pytest

from abreast.load.report import Report
from abreast.load.tally import Exchange, Failure, Tally


def tally() -> Tally:
    made = Tally()
    for number, (user, version) in enumerate(((1, "v1"), (2, "v1"), (3, "v1"), (4, "v2"), (4, "v1"))):
        exchange = Exchange(number, 0, user, time.monotonic() - 0.01)
        exchange.sent_s = exchange.intended_s + 0.001
        made.sent += 1
        made.lag.add(0.001)
        made.answered(exchange, 200, version)
    made.sent += 1
    made.lost(Exchange(9, 0, 9, time.monotonic()), Failure.RESET)
    return made


def test_it_says_what_was_counted() -> None:
    report = Report.of(tally(), started_s=10.0, ended_s=12.0, cpu_s=0.5)

    assert (report.sent, report.ok, report.failed) == (6, 5, 1)
    assert report.failures == {"reset": 1}
    assert report.elapsed_s == 2.0
    assert report.rate_per_s == 3.0
    assert report.flips == {"v2->v1": 1}
    assert not report.starved


def test_shares_are_of_answers_and_of_users() -> None:
    report = Report.of(tally(), 0.0, 1.0, 0.0)

    assert report.share("v2") == pytest.approx(1 / 5)
    assert report.user_share("v2") == pytest.approx(1 / 4)
    assert report.user_share("v1") == 1.0
    assert report.share("v9") == report.user_share("v9") == 0.0


def test_a_run_without_answers_has_no_shares() -> None:
    report = Report.of(Tally(), 1.0, 1.0, 0.0)

    assert (report.share("v1"), report.user_share("v1"), report.rate_per_s) == (0.0, 0.0, 0.0)


def test_it_survives_json() -> None:
    report = Report.of(tally(), 10.0, 12.0, 0.5)

    back = Report.from_dict(json.loads(json.dumps(report.as_dict())))

    for name in ("sent", "ok", "failed", "failures", "statuses", "versions", "users", "flips", "last_sent_s"):
        assert getattr(back, name) == getattr(report, name), name
    assert back.latency.buckets == report.latency.buckets
    assert back.elapsed_s == report.elapsed_s


def test_a_generator_that_was_late_accuses_itself() -> None:
    late = tally()
    for _ in range(100):
        late.lag.add(0.2)

    assert Report.of(late, 0.0, 1.0, 0.0).starved
    assert Report.of(late, 0.0, 1.0, 0.0).as_dict()["starved"] is True
