"""A recording as a file: one JSON object on each line, the rollout first, then ticks and events in order of time.

{"recording": 1, "rollout": {"service": "shop", "number": 3, …}}
{"tick": {"at": 1763000001.0, "candidate": [20, 0, [4500, 20], []], "stable": [180, 1, [4500, 180], []]}}
{"event": {"at": 1763000001.0, "kind": "step", "actor": "abreast", "reason": "…", "data": {"step": 1}}}
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from pydantic import ValidationError

from abreast.analysis.tick import Tick
from abreast.model.errors import UsageError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import ROLLOUT_JSON, Rollout
from abreast.replay.recording import Recording

FORMAT: Final = 1
"""Of the file; another number is another format."""

_SHOWN: Final = 20
"""Faults that are listed; a file of another kind has one on each line."""
_QUOTED: Final = 60
"""Characters of a line that a fault quotes."""


def lines(recording: Recording) -> Iterator[str]:
    """The file's lines. In one second the tick comes before what was decided."""
    yield _line({"recording": FORMAT, "rollout": ROLLOUT_JSON.dump_python(recording.start, mode="json")})
    ticks = [(tick.at, 0, {"tick": tick.as_json()}) for tick in recording.ticks]
    events = [(event.at, 1, {"event": _event(event)}) for event in recording.events]
    for _, _, data in sorted([*ticks, *events], key=lambda each: each[:2]):
        yield _line(data)


def parse(text: str, name: str) -> Recording:
    """The recording in a file's text. Raises UsageError with every fault in it, each with its line."""
    reading = _Reading(name)
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            reading.read(number, line)
    return reading.recording()


class _FaultError(Exception):
    """What is wrong with one line."""


@dataclass
class _Reading:
    """What was read so far."""

    name: str
    start: Rollout | None = None
    ticks: list[Tick] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    lines: int = 0
    at: float = 0.0

    def read(self, number: int, line: str) -> None:
        self.lines += 1
        try:
            data = _object(line)
            if self.lines == 1:
                self.start = _start(data)
            else:
                self._add(data)
        except _FaultError as fault:
            self.faults.append(f"{self.name}:{number}: {fault}")

    def _add(self, data: dict[str, Any]) -> None:
        kind = next(iter(data), "")
        if len(data) != 1 or kind not in {"tick", "event"}:
            raise _FaultError(f"expected a tick or an event, got an object with: {', '.join(data) or 'nothing'}")
        made = _tick(data[kind]) if kind == "tick" else _event_from(data[kind], self.start)
        if made.at < self.at:
            raise _FaultError(f"the {kind} at {made.at} comes after one at {self.at}; the lines are in order of time")
        if isinstance(made, Tick):
            if self.ticks and self.ticks[-1].at == made.at:
                raise _FaultError(f"there is a tick at {made.at} already")
            self.ticks.append(made)
        else:
            self.events.append(made)
        self.at = made.at

    def recording(self) -> Recording:
        if not self.faults and not self.ticks:
            self.faults.append(f"{self.name}:{max(self.lines, 1)}: there is no tick, so nothing can be decided anew")
        if self.faults or self.start is None:
            shown = [
                *self.faults[:_SHOWN],
                *([f"… and {len(self.faults) - _SHOWN} more"] * (len(self.faults) > _SHOWN)),
            ]
            noun = "fault" if len(self.faults) == 1 else "faults"
            message = "\n".join(
                [f"{self.name} is no recording that can be decided anew: {len(self.faults)} {noun}", *shown]
            )
            raise UsageError(message, "record it again: abreast replay .abreast --out FILE")
        return Recording(self.start, tuple(self.ticks), tuple(self.events))


def _object(line: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _FaultError(f"{line.strip()[:_QUOTED]!r} is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise _FaultError(f"{line.strip()[:_QUOTED]!r} is no object")
    return data


def _start(data: dict[str, Any]) -> Rollout:
    if data.get("recording") != FORMAT:
        found = f"recording {data['recording']!r}" if "recording" in data else f"an object with: {', '.join(data)}"
        raise _FaultError(f'the first line must say {{"recording": {FORMAT}, "rollout": …}}, got {found}')
    try:
        start = ROLLOUT_JSON.validate_python(data.get("rollout"))
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'rollout'}: {each['msg']}" for each in error.errors())
        raise _FaultError(f"the rollout makes no sense: {wrong}") from None
    if start.candidate is None:
        raise _FaultError(f"rollout {start.number} has no candidate; there is nothing to decide")
    return start


def _tick(data: Any) -> Tick:  # noqa: ANN401  # whatever the file says
    try:
        return Tick.from_json(data)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise _FaultError(f"the tick makes no sense: {error!r}") from None


def _event_from(data: Any, start: Rollout | None) -> Event:  # noqa: ANN401  # whatever the file says
    try:
        kind = data["kind"]
        at, actor, reason = float(data["at"]), str(data["actor"]), str(data["reason"])
        more = dict(data.get("data", {}))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _FaultError(f"the event makes no sense: {error!r}") from None
    known = [each.value for each in EventKind]
    if kind not in known:
        near = get_close_matches(str(kind), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise _FaultError(f"no kind of event is called {kind!r}{hint}")
    try:
        return Event(at, start.number if start else 0, EventKind(kind), actor, reason, more)
    except ValueError as error:
        raise _FaultError(str(error)) from None


def _event(event: Event) -> dict[str, Any]:  # Any: JSON
    return {
        "at": event.at,
        "kind": event.kind.value,
        "actor": event.actor,
        "reason": event.reason,
        "data": dict(event.data),
    }


def _line(data: dict[str, Any]) -> str:  # Any: JSON
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
