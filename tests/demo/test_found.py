"""A finding in short says what, how often, how sure, and shows one example; the ledger line adds up."""

import pytest

from abreast.demo.found import ledger_words, short
from tests.demo.answers import Json

FINDING: Json = {
    "number": 3,
    "rollout": 2,
    "title": "GET /orders/{id}: /total is a string, was a number, in 12 % of answers",
    "exchanges": 24,
    "compared": 200,
    "strength": "fewer than 1 of 1,000",
    "keys": [{"pattern": "/total", "kind": "type"}, {"pattern": "/tax", "kind": "missing"}],
}


def difference(place: str, stable: str | None, candidate: str | None) -> Json:
    return {"path": place, "pattern": place, "kind": "type", "stable": stable, "candidate": candidate}


def sample(path: str, *differences: Json) -> Json:
    return {"method": "GET", "path": path, "differences": list(differences)}


def test_a_finding_in_short() -> None:
    first = sample(
        "/orders/7",
        difference("/total", "12", '"12"'),
        difference("/etag", '"a"', '"b"'),
        difference("/tax", "1.5", None),
    )
    told = list(short({"finding": FINDING, "samples": [first, sample("/orders/8")]}, "v1"))

    assert told == [
        "finding 3 of rollout 2",
        "  what      GET /orders/{id}: /total is a string, was a number, in 12 % of answers",
        "  share     12.00 %: 24 of 200 compared answers",
        "  evidence  fewer than 1 of 1,000",
        '  such as   GET /orders/7: /total is 12 from v1, "12" from the candidate',
        "  such as   GET /orders/7: /tax is 1.5 from v1, absent from the candidate",
    ]


def test_a_finding_whose_samples_are_gone_is_told_without() -> None:
    told = list(short({"finding": FINDING, "samples": []}, "v1"))

    assert len(told) == 4
    assert not any("such as" in line for line in told)


@pytest.mark.parametrize(
    ("ledger", "text"),
    [
        (
            {"seen": 1100, "compared": 400, "skipped": {"method": 90, "sampled-out": 600}, "lost": 10, "pending": 0},
            "1,100 requests = 400 compared + 690 left out (sampled-out 600, method 90) + 10 lost",
        ),
        (
            {"seen": 5, "compared": 2, "skipped": {}, "lost": 0, "pending": 3},
            "5 requests = 2 compared + 0 left out + 0 lost + 3 under way",
        ),
    ],
)
def test_the_ledger_line_adds_up(ledger: Json, text: str) -> None:
    assert ledger_words(ledger) == text
