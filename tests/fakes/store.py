"""A store in memory, under the same contract as the real one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from abreast.model.errors import ConflictError, StoreError
from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.ports import VersionCounts

_READ_AGAIN = "read it again"


@dataclass
class FakeStore:
    """`abreast.ports.Store` in memory. While ``broken`` is set, every call raises it and changes nothing."""

    keep_minutes: int = 30 * 24 * 60
    broken: StoreError | None = None
    closed: bool = False
    _rollouts: dict[tuple[str, int], Rollout] = field(default_factory=dict)
    _events: list[tuple[str, Event]] = field(default_factory=list)
    _counts: dict[tuple[int, str, str], VersionCounts] = field(default_factory=dict)
    _secrets: dict[str, str] = field(default_factory=dict)

    async def load(self, service: str) -> Rollout | None:
        """The newest rollout of the service."""
        history = await self.history(service)
        return history[-1] if history else None

    async def save(self, rollout: Rollout, events: Iterable[Event]) -> Rollout:
        """Write both if the stored revision still is ``rollout.revision``. Raises ConflictError."""
        listed = list(events)
        newest = await self.load(rollout.service)
        following = 0 if newest is None else newest.number + 1
        expected = (
            (following, 0) if rollout.revision == 0 else (newest.number, newest.revision) if newest else (following, 0)
        )
        if (rollout.number, rollout.revision) != expected:
            raise ConflictError(
                f"rollout {rollout.number} at revision {rollout.revision}: stored is {newest}", _READ_AGAIN
            )
        began = newest is not None and rollout.number == following
        if newest and began and (newest.active or newest.serving != rollout.stable):
            raise ConflictError(f"rollout {rollout.number} cannot follow {newest}", _READ_AGAIN)
        saved = replace(rollout, revision=rollout.revision + 1)
        unknown = [
            event
            for event in listed
            if event.rollout != saved.number and (saved.service, event.rollout) not in self._rollouts
        ]
        if unknown:
            raise StoreError(f"events of rollouts that do not exist: {unknown}", _READ_AGAIN)
        self._rollouts[saved.service, saved.number] = saved
        self.append(saved.service, listed)
        return saved

    def append(self, service: str, events: Iterable[Event]) -> None:
        """Add to the audit log."""
        self._events.extend((service, event) for event in events)

    async def events(self, service: str, *, limit: int = 1000, after: int = 0) -> Sequence[tuple[int, Event]]:
        """The newest ``limit`` events with ids above ``after``, oldest first."""
        self._refuse()
        found = [
            (number, event)
            for number, (owner, event) in enumerate(self._events, start=1)
            if owner == service and number > after
        ]
        return found[max(len(found) - limit, 0) :]

    async def history(self, service: str) -> Sequence[Rollout]:
        """Every rollout of the service, oldest first."""
        self._refuse()
        return [self._rollouts[key] for key in sorted(self._rollouts) if key[0] == service]

    async def add_counts(self, service: str, minute: int, counts: Mapping[str, VersionCounts]) -> None:
        """Add to the counts of that minute, and forget what is past keeping."""
        self._refuse()
        for version, more in counts.items():
            place = (minute, service, version)
            self._counts[place] = self._counts[place] + more if place in self._counts else more
        self._counts = {
            place: counted for place, counted in self._counts.items() if place[0] >= minute - self.keep_minutes
        }

    async def counts(self, service: str, since_minute: int) -> Sequence[tuple[int, str, VersionCounts]]:
        """Counts from that minute on, oldest first."""
        self._refuse()
        return [
            (minute, version, self._counts[minute, owner, version])
            for minute, owner, version in sorted(self._counts)
            if owner == service and minute >= since_minute
        ]

    async def secret(self, name: str, fresh: str) -> str:
        """The secret of that name; ``fresh`` if there is none yet."""
        self._refuse()
        return self._secrets.setdefault(name, fresh)

    async def close(self) -> None:
        """Refuse everything from now on."""
        self.closed = True

    def _refuse(self) -> None:
        if self.broken is not None:
            raise self.broken
        if self.closed:
            raise StoreError("the store is closed", "open it again")
