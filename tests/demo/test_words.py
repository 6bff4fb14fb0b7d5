"""Events in words: every phase has a sentence, and nothing is said twice."""

import pytest

from abreast.demo.words import Versions, in_words
from abreast.model.event import EventKind
from abreast.model.rollout import Phase
from tests.demo.answers import Json, event

SILENT = {EventKind.STEP, EventKind.APPROVED}
"""Said by the weight's own event, or by the order that asked for it."""


def said(told: Json, versions: Versions | None = None) -> str:
    line = in_words(told, versions or Versions("v1", "v2"))
    assert line is not None
    return line.text


def test_a_rollout_names_its_versions_from_then_on() -> None:
    versions = Versions()

    assert said(event("started", stable="v1"), versions) == "v1 is the version that serves"
    assert said(event("started", stable="v1", candidate="v2"), versions).startswith("v2 is started beside v1")
    assert versions == Versions("v1", "v2", 0)


def test_a_roll_back_says_whether_anybody_was_there() -> None:
    versions = Versions("v1", "v2")
    assert said(event("phase", after="rolling-back"), versions) == (
        "rolling back: no user was sent to v2, and none will be"
    )

    said(event("weight", before=0, after=100), versions)
    assert said(event("phase", after="rolling-back"), versions) == "rolling back: all users return to v1"

    in_words(event("weight", before=100, after=0), versions)
    assert "no user" in said(event("phase", after="rolling-back"), versions), "it is looked at again, and has nobody"


def test_another_rollout_begins_without_users() -> None:
    versions = Versions("v1", "v2", 1000)

    in_words(event("started", stable="v1", candidate="v3"), versions)

    assert "no user was sent to v3" in said(event("phase", after="rolling-back"), versions)


@pytest.mark.parametrize("phase", list(Phase))
def test_every_phase_has_a_sentence_of_its_own(phase: Phase) -> None:
    text = said(event("phase", after=phase.value, reason="as it is in the log"))

    assert text != "as it is in the log"
    assert "{" not in text


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind not in SILENT])
def test_every_other_kind_is_told(kind: EventKind) -> None:
    data = {"after": 100, "before": 0, "version": "v1"} if kind is not EventKind.PHASE else {"after": "paused"}

    assert said(event(kind.value, **data))


@pytest.mark.parametrize("kind", sorted(SILENT))
def test_what_is_said_elsewhere_is_left_out(kind: str) -> None:
    assert in_words(event(kind, step=1), Versions("v1", "v2")) is None


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        (0, 100, "1 % of users are on v2 now"),
        (100, 1000, "10 % of users are on v2 now, the 1 % of before among them"),
        (5000, 1000, "10 % of users are on v2 now; those above that line returned to v1"),
    ],
)
def test_a_weight_says_who_stays(before: int, after: int, text: str) -> None:
    assert said(event("weight", before=before, after=after)) == text


def test_copying_says_that_nobody_gets_or_awaits_the_answers() -> None:
    told = said(event("shadow", before=0, after=4000))

    assert told.startswith("40 % of requests are copied to v2 and its answers compared")
    assert "no user waits for them, none gets them" in told
    assert said(event("shadow", before=4000, after=0)) == "nothing is copied any more"


def test_a_finding_is_bad_news_in_its_own_words() -> None:
    line = in_words(event("finding", reason="finding 1: GET /orders/{id}: /total is a string"), Versions())

    assert line is not None
    assert (line.text, line.tone) == ("finding 1: GET /orders/{id}: /total is a string", "bad")


def test_going_to_nobody_is_told_by_the_phase() -> None:
    assert in_words(event("weight", before=1000, after=0), Versions("v1", "v2")) is None


def test_a_verdict_is_bad_news_with_its_sentence() -> None:
    line = in_words(event("verdict", reason="gate errors: 9 % failed", verdict="worse"), Versions())

    assert line is not None
    assert (line.text, line.tone) == ("verdict: gate errors: 9 % failed", "bad")


def test_silence_is_bad_news_and_a_check_that_failed_a_detail() -> None:
    told = [in_words(event(kind, reason="in its words"), Versions("v1", "v2")) for kind in ("silent", "check")]

    assert [(line.text, line.tone) for line in told if line] == [("in its words", "bad"), ("in its words", "detail")]
