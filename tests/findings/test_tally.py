"""Counts come out as they went in."""

from abreast.compare.model import Kind
from abreast.findings.report import EndpointReport, Key, PathCount
from abreast.findings.tally import Tally

TOTAL = Key("/total", Kind.TYPE)
NAME = Key("/name", Kind.CHANGED)


def counts(report: EndpointReport) -> dict[Key, PathCount]:
    return {path.key: path.count for path in report.paths}


def test_keys_that_differ_together_have_the_same_sum_of_ids() -> None:
    tally = Tally()
    tally.count_candidate(frozenset({TOTAL, NAME}), 0b1100, 10.0)
    tally.count_candidate(frozenset({TOTAL, NAME}), 0b1010, 9.0)
    report = tally.taken("GET /", {})
    assert counts(report)[TOTAL] == counts(report)[NAME]
    assert counts(report)[TOTAL] == PathCount(candidate_only=2, together=0b0110, first_at=9.0, last_at=10.0)
    assert report.candidate_only == 2, "exchanges, not keys"


def test_ids_have_64_bits() -> None:
    tally = Tally()
    tally.count_candidate(frozenset({TOTAL}), (1 << 70) + 5, 1.0)
    assert counts(tally.taken("GET /", {}))[TOTAL].together == 5


def test_accepted_keys_make_no_exchange_a_differing_one() -> None:
    tally = Tally(frozenset({TOTAL}))
    tally.count_candidate(frozenset({TOTAL}), 1, 1.0)
    tally.count_control(frozenset({TOTAL}))
    tally.count_candidate(frozenset({TOTAL, NAME}), 2, 2.0)
    report = tally.taken("GET /", {})
    assert (report.candidate_only, report.control_only) == (1, 0)
    assert counts(report)[TOTAL].candidate_only == 2
    assert counts(report)[TOTAL].control_only == 1


def test_controls_and_both_count_apart() -> None:
    tally = Tally()
    tally.count(controlled=True)
    tally.count(controlled=False)
    tally.count_control(frozenset({NAME}))
    tally.count_both(frozenset({NAME}))
    report = tally.taken("GET /", {"/name": "a word"})
    assert report == EndpointReport(
        "GET /", compared=2, controlled=1, control_only=1, paths=report.paths, noise={"/name": "a word"}
    )
    assert counts(report) == {NAME: PathCount(control_only=1, both=1)}


def test_asked_again_is_confirmed_or_transient() -> None:
    tally = Tally()
    tally.confirm([TOTAL, NAME], frozenset({TOTAL}))
    found = counts(tally.taken("GET /", {}))
    assert found == {TOTAL: PathCount(confirmed=1), NAME: PathCount(transient=1)}


def test_empty_is_what_nothing_was_counted_in() -> None:
    tally = Tally()
    assert tally.is_empty
    tally.count(controlled=False)
    assert not tally.is_empty
