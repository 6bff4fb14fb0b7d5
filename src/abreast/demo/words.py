"""Events of the audit log in words for somebody who sees abreast for the first time. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from abreast.model.rollout import Phase
from abreast.model.units import format_weight

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True)
class Line:
    """One line; ``tone`` is one of good, bad, news, detail."""

    text: str
    tone: str


@dataclass
class Versions:
    """Whose turn it is: events name the versions only at the start of a rollout. ``weight`` is the candidate's."""

    stable: str = ""
    candidate: str = ""
    weight: int = 0


_PHASES: Final[Mapping[str, tuple[str, str]]] = {
    "pending": ("{candidate} is looked at again: waiting until its instances are ready", "news"),
    "progressing": ("{candidate} is ready: the first step begins", "news"),
    "paused": ("the steps are paused; users stay where they are", "news"),
    "frozen": ("the steps are frozen: a person has to look", "bad"),
    "promoting": ("every step is passed: all users go to {candidate}", "good"),
    "baking": ("the bake: {stable} stays warm beside {candidate}, so going back would be instant", "news"),
    "retiring": ("the bake is over; {stable} is stopped as soon as nobody uses it", "news"),
    "completed": ("{stable} is stopped. {candidate} is the stable version now", "good"),
    "rolling-back": ("rolling back: all users return to {stable}", "bad"),
    "rolled-back": ("the gateway confirms: {stable} serves everybody, {candidate} nobody", "good"),
}

_TONES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("sheltered", "unsheltered", "held", "silent", "nack", "refused", "finding"), "bad"),
    **dict.fromkeys(("instance", "gateway", "spec", "relay", "check", "token", "flag", "lease"), "detail"),
    "data": "news",
}
"""Kinds whose reason says enough. Steps and approvals are left out: the weight's own event says the same."""


def in_words(event: Json, versions: Versions) -> Line | None:
    """One event as a line, or None when another event says the same better. Keeps ``versions`` up to date."""
    kind, data, reason = event["kind"], event["data"], str(event["reason"])
    if kind == "started":
        return _started(data, versions)
    if kind == "phase":
        return _phase(Phase(data["after"]), versions)
    if kind in {"weight", "shadow"}:
        move = _weight if kind == "weight" else _shadow
        return move(int(data["before"]), int(data["after"]), versions)
    if kind == "released":
        return Line(f"{data['version']} gets no requests any more and leaves the gateway", "news")
    if kind == "verdict":
        return Line(f"verdict: {reason}", "bad")
    return Line(reason, _TONES[kind]) if kind in _TONES else None


def _phase(after: Phase, versions: Versions) -> Line:
    text, tone = _PHASES[after]
    if after is Phase.ROLLING_BACK and not versions.weight:
        text = "rolling back: no user was sent to {candidate}, and none will be"
    return Line(text.format(stable=versions.stable, candidate=versions.candidate), tone)


def _started(data: Json, versions: Versions) -> Line:
    versions.weight = 0
    versions.stable, versions.candidate = str(data.get("stable", "")), str(data.get("candidate", ""))
    if not versions.candidate:
        return Line(f"{versions.stable} is the version that serves", "news")
    return Line(f"{versions.candidate} is started beside {versions.stable}; no user notices", "news")


def _weight(before: int, after: int, versions: Versions) -> Line | None:
    versions.weight = after
    if after == 0:
        return None  # the phase event says it
    who = f"{format_weight(after)} of users are on {versions.candidate} now"
    if after < before:
        return Line(f"{who}; those above that line returned to {versions.stable}", "news")
    stay = f", the {format_weight(before)} of before among them" if before else ""
    return Line(f"{who}{stay}", "news")


def _shadow(_before: int, after: int, versions: Versions) -> Line:
    if not after:
        return Line("nothing is copied any more", "detail")
    what = f"{format_weight(after)} of requests are copied to {versions.candidate} and its answers compared"
    return Line(f"{what}; no user waits for them, none gets them", "news")
