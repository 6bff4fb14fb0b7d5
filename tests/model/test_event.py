"""Events: each with an actor and a reason, each kind explained."""

import dataclasses

import pytest

from abreast.model.event import EVENT_DOCS, Event, EventKind, sentence


def test_every_kind_is_explained() -> None:
    assert set(EVENT_DOCS) == set(EventKind)
    assert all(text and not text.endswith(".") for text in EVENT_DOCS.values())


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("who", ""), ("", "")])
def test_an_event_without_actor_or_reason_cannot_be(actor: str, reason: str) -> None:
    with pytest.raises(ValueError, match="needs an actor and a reason"):
        Event(0.0, 1, EventKind.WEIGHT, actor, reason)


def test_an_event_cannot_be_changed() -> None:
    event = Event(0.0, 1, EventKind.WEIGHT, "who", "why", {"weight": 100})
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.reason = "another"  # type: ignore[misc]  # that this is no assignment is what is tested


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (EventKind.WEIGHT, {"before": 100, "after": 1000}, "1 % → 10 %: because"),
        (EventKind.PHASE, {"before": "pending", "after": "progressing"}, "pending → progressing: because"),
        (EventKind.VERDICT, {"verdict": "worse"}, "because"),
    ],
)
def test_a_move_says_from_where_to_where(kind: EventKind, data: dict[str, str | int | float | None], told: str) -> None:
    assert sentence(kind, "because", data) == told
