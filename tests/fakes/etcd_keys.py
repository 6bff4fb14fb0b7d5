"""The client of etcd in a test's hands: its keys are a dictionary, and it can be away."""

import asyncio
from dataclasses import dataclass, field

from abreast.drivers.registry.etcd_client import Entry, Etcd, Reading
from abreast.drivers.registry.found import NoAnswerError


@dataclass
class FakeEtcd(Etcd):
    """``keys`` is key to value and the revision of its last change; `put` and `delete` wake who watches.

    ``away``: nobody answers; ``watches``: whether a watch can be held.
    """

    keys: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    revision: int = 10
    away: bool = False
    watches: bool = True
    reads: int = 0
    watched: list[int] = field(default_factory=list)
    closed: bool = False
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, key: str, value: str | bytes) -> int:
        self.revision += 1
        self.keys[key] = (value.encode() if isinstance(value, str) else value, self.revision)
        self.wake()
        return self.revision

    def delete(self, key: str) -> None:
        self.revision += 1
        del self.keys[key]
        self.wake()

    def wake(self) -> None:
        """Every watch ends."""
        self._woken.set()
        self._woken = asyncio.Event()

    async def read(self, key: str, *, prefix: bool = False) -> Reading:
        self.reads += 1
        if self.away:
            raise NoAnswerError("refused")
        found = (name for name in sorted(self.keys) if name == key or (prefix and name.startswith(key)))
        return Reading(self.revision, tuple(Entry(name, *self.keys[name]) for name in found))

    async def changed(self, key: str, after: int, *, prefix: bool = False) -> None:
        self.watched.append(after)
        if self.away or not self.watches:
            raise NoAnswerError("the watch ended")
        if self.revision <= after:
            await self._woken.wait()
        if self.away:
            raise NoAnswerError("the watch ended")

    async def close(self) -> None:
        self.closed = True
