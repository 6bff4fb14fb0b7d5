"""Feature flags in memory, under the same contract as the real ones."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from abreast.model.event import Event
from abreast.model.flag import KeptFlag
from tests.fakes.store import FakeStore


@dataclass
class FakeFlags:
    """`abreast.ports.FlagStore` in memory; its events go to ``store``, whose failures are its own."""

    store: FakeStore
    _kept: dict[str, list[KeptFlag]] = field(default_factory=dict)

    async def flags(self, service: str) -> Sequence[KeptFlag]:
        """By name."""
        await self.store.history("")  # raises what is wrong with the store
        return sorted(self._kept.get(service, ()), key=lambda each: each.name)

    async def keep_flags(self, service: str, kept: Sequence[KeptFlag], events: Sequence[Event]) -> None:
        """Keep these alone, and add the events."""
        await self.store.history("")
        self._kept[service] = list(kept)
        self.store.append(service, events)
