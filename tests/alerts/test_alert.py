"""What an alert says of a finding."""

from dataclasses import replace
from typing import Any

import pytest

from abreast.alerts.alert import FINDING, OVER, TEST, Alert, Name, Said, timestamp
from abreast.compare.model import Kind
from abreast.findings.report import Key
from abreast.ports import Change
from tests.contracts.test_findings import a_finding

LINK = "http://127.0.0.1:9090/findings/{finding}"


def an_alert(number: int = 7, change: Change = "new", link: str = LINK, now: float = 1_763_000_200.0) -> Alert:
    return Alert.of("shop", a_finding(number), change, link, now)


def a_cause(cause: str = "rolled-back", rollout: int = 3, **fields: Any) -> Alert:  # noqa: ANN401  # each of its own
    """An alert of something else than a finding."""
    plain = Alert(
        Name("shop", rollout, cause, ""),
        "new",
        "critical",
        "v2 was rolled back",
        "gate errors: worse",
        "x",
        100.0,
        101.0,
    )
    return replace(plain, **fields)


def test_it_names_the_finding_within_its_rollout() -> None:
    alert = an_alert()
    assert alert.name == Name("shop", 1, FINDING, "7")
    assert dict(alert.labels) == {"finding": "7", "endpoint": "GET /orders/{id}", "kind": "type"}
    assert alert.severity == "warning"
    assert alert.link == "http://127.0.0.1:9090/findings/7"
    assert (alert.at, alert.told_at) == (1_763_000_000.25, 1_763_000_200.0)


def test_its_text_is_the_title_since_when_and_where_to_look() -> None:
    assert an_alert().headline == "shop: the candidate answers differently (finding 7)"
    assert an_alert().body.splitlines() == [
        a_finding().title,
        "since 2025-11-13T02:13:20.250Z, in rollout 1",
        "see http://127.0.0.1:9090/findings/7",
    ]


def test_a_link_may_be_a_command() -> None:
    assert an_alert(link="abreast finding {finding}").body.endswith("see abreast finding 7")


@pytest.mark.parametrize(
    ("change", "words", "over"),
    [
        ("new", "the candidate answers differently", False),
        ("reopened", "a difference is back", False),
        ("accepted", "a difference is accepted", True),
        ("resolved", "a difference is gone", True),
    ],
)
def test_each_change_has_its_words(change: Change, words: str, *, over: bool) -> None:
    alert = an_alert(change=change)
    assert words in alert.headline
    assert alert.over is over is (change in OVER)


def test_a_finding_that_breaks_who_asks_is_critical() -> None:
    breaking = Key("status", Kind.STATUS)
    alert = Alert.of("shop", a_finding(7, keys=(breaking,)), "new", LINK, 0.0)
    assert alert.severity == "critical"


@pytest.mark.parametrize(
    ("change", "headline"),
    [
        ("new", "shop: v2 was rolled back"),
        ("known", "shop: v2 was rolled back"),
        ("reminder", "shop: still: v2 was rolled back"),
        ("resolved", "shop: over: v2 was rolled back"),
    ],
)
def test_a_cause_is_told_in_a_few_words(change: Said, headline: str) -> None:
    alert = a_cause(change=change)
    assert alert.headline == headline
    assert alert.body.splitlines() == ["gate errors: worse", "since 1970-01-01T00:01:40.000Z, in rollout 3", "see x"]


def test_a_test_says_that_it_is_one() -> None:
    alert = Alert.test("shop", 5.0)
    assert (alert.name, alert.severity, alert.over) == (Name("shop", 0, TEST, ""), "info", False)
    assert "nothing is wrong" in alert.body
    assert "rollout" not in alert.body


def test_a_title_that_goes_on_for_ever_is_cut() -> None:
    alert = a_cause(title="x" * 5000)
    assert len(alert.title) == 1000
    assert alert.title.endswith("x…")


def test_times_are_utc_to_the_millisecond() -> None:
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_763_000_000.9994) == "2025-11-13T02:13:20.999Z"
