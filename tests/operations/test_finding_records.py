"""Findings and samples as they are told: every field, by its name."""

from dataclasses import asdict

from abreast.findings.finding import FindingState
from abreast.operations.finding_records import record, sample_record
from tests.contracts.test_findings import TAGS, a_finding, a_sample


def test_a_finding_is_told_with_its_title_its_share_and_its_next_move() -> None:
    finding = a_finding(7, state=FindingState.ACCEPTED, actor="ada", reason="new format", until=2e9, confirmed=3)
    told = asdict(record(finding))
    assert told.pop("strength").endswith("fewer than 1 of 12,088 rollouts")
    assert told.pop("next") == "if it is not meant after all: abreast reopen 7"
    assert told == {
        "number": 7,
        "rollout": 1,
        "state": "accepted",
        "title": finding.title,
        "endpoint": "GET /orders/{id}",
        "endpoints": ["GET /orders/{id}"],
        "keys": [{"pattern": "/total", "kind": "type"}, {"pattern": "/tags/*", "kind": "missing"}],
        "share": 0.31,
        "exchanges": 124,
        "compared": 400,
        "confirmed": 3,
        "transient": 0,
        "first_at": 1_763_000_000.25,
        "last_at": 1_763_000_100.5,
        "evidence": 9.4,
        "actor": "ada",
        "reason": "new format",
        "until": 2e9,
    }


def test_a_sample_is_told_with_both_answers_and_where_they_differ() -> None:
    sample = a_sample(3, TAGS)
    told = sample_record(sample)
    assert (told.id, told.at, told.method, told.path) == (sample.id, 3.0, "GET", "/orders/3")
    assert told.request_headers == list(sample.request_headers)
    assert (told.stable, told.candidate, told.control) == (sample.stable, sample.candidate, None)
    assert [asdict(each) for each in told.differences] == [
        {"path": "/total", "pattern": "/total", "kind": "type", "stable": "12.5", "candidate": None}
    ]
