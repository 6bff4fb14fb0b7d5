"""Which causes stand and which of them people know: the same cause is never told twice at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pydantic import TypeAdapter

from abreast.alerts.alert import Alert, Name, Said
from abreast.alerts.causes import MANNERS, Cause, CauseKind

REMIND_S: Final = 4 * 3600.0
"""How often people are reminded of what stands, at most."""

Key = tuple[CauseKind, str]


@dataclass(frozen=True)
class Entry:
    """A cause that stands or has just gone; times in Unix seconds.

    ``rollout`` is the one in which it began, ``at`` when it did, ``seen_at`` when that was seen, ``told_at`` when it
    was told last (None: not yet), ``gone_at`` since when it is not seen any more.
    """

    cause: Cause
    service: str
    rollout: int
    at: float
    seen_at: float
    told_at: float | None = None
    gone_at: float | None = None

    def alert(self, said: Said, now: float) -> Alert:
        """What is told of it."""
        cause = self.cause
        manner = MANNERS[cause.kind]
        return Alert(
            name=Name(self.service, self.rollout, cause.kind.value, cause.subject),
            change=said,
            severity=manner.severity,
            words=cause.words,
            title=cause.title,
            link=cause.see,
            at=self.at,
            told_at=now,
            labels=((manner.subject, cause.subject),) if manner.subject and cause.subject else (),
        )


ENTRIES_JSON: Final[TypeAdapter[list[Entry]]] = TypeAdapter(list[Entry])
"""Keeps what was told over a restart of the control plane."""


class Register:
    """Of one service. ``entries`` are those that an earlier control plane had told."""

    def __init__(self, service: str, entries: Sequence[Entry] = (), remind_s: float = REMIND_S) -> None:
        self._service = service
        self._remind_s = remind_s
        self._entries: dict[Key, Entry] = {_key(each.cause): each for each in entries}

    @property
    def told(self) -> list[Entry]:
        """What people know and have not been told the end of."""
        return [each for each in self._entries.values() if each.told_at is not None]

    def look(self, causes: Iterable[Cause], rollout: int, now: float) -> list[Alert]:
        """These stand now, all others do not; what is to be told because of that, ends first."""
        found = {_key(cause): cause for cause in causes}
        return [*self._ended(found, now), *self._begun(found, rollout, now)]

    def _ended(self, found: dict[Key, Cause], now: float) -> list[Alert]:
        alerts: list[Alert] = []
        for key, entry in list(self._entries.items()):
            cause = found.get(key)
            if cause is not None and cause.episode == entry.cause.episode:
                self._entries[key] = replace(entry, cause=cause, gone_at=None)
                continue
            gone_at = now if entry.gone_at is None else min(entry.gone_at, now)
            settled = cause is not None or now - gone_at >= MANNERS[key[0]].settle_s
            if entry.told_at is not None and not settled:
                self._entries[key] = replace(entry, gone_at=gone_at)
                continue
            del self._entries[key]
            if entry.told_at is not None:
                alerts.append(entry.alert("resolved", now))
        return alerts

    def _begun(self, found: dict[Key, Cause], rollout: int, now: float) -> list[Alert]:
        alerts: list[Alert] = []
        for key, cause in found.items():
            at = now if cause.at is None else min(cause.at, now)
            entry = self._entries.get(key) or Entry(cause, self._service, rollout, at, now)
            if entry.told_at is None and now - entry.seen_at >= MANNERS[cause.kind].patience_s:
                alerts.append(entry.alert("new", now))
                entry = replace(entry, told_at=now)
            elif entry.told_at is not None and now - entry.told_at >= self._remind_s:
                alerts.append(entry.alert("reminder", now))
                entry = replace(entry, told_at=now)
            self._entries[key] = entry
        return alerts


def _key(cause: Cause) -> Key:
    return cause.kind, cause.subject
