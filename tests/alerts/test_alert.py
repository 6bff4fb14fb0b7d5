"""What an alert says of a finding."""

import pytest

from abreast.alerts.alert import OVER, Alert, Name, timestamp
from abreast.compare.model import Kind
from abreast.ports import Change
from tests.contracts.test_findings import a_finding

LINK = "http://127.0.0.1:9090/findings/{finding}"


def an_alert(number: int = 7, change: Change = "new", link: str = LINK, now: float = 1_763_000_200.0) -> Alert:
    return Alert.of("shop", a_finding(number), change, link, now)


def test_it_names_the_finding_within_its_rollout() -> None:
    alert = an_alert()
    assert alert.name == Name("shop", 1, 7)
    assert (alert.endpoint, alert.kind) == ("GET /orders/{id}", Kind.TYPE)
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


def test_times_are_utc_to_the_millisecond() -> None:
    assert timestamp(0.0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_763_000_000.9994) == "2025-11-13T02:13:20.999Z"
