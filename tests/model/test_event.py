"""Events: each with an actor and a reason, each kind explained."""

import dataclasses

import pytest

from abreast.model.event import EVENT_DOCS, Event, EventKind


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
