"""Evidence in memory, under the same contract as the real store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from abreast.analysis.tick import Tick
from abreast.model.errors import StoreError
from tests.fakes.store import FakeStore

KEPT = 10


@dataclass
class FakeEvidence:
    """`abreast.ports.EvidenceStore` beside a `FakeStore`, whose rollouts and failures it shares."""

    store: FakeStore
    _ticks: dict[tuple[str, int], dict[float, Tick]] = field(default_factory=dict)
    _states: dict[tuple[str, int], Mapping[str, Any]] = field(default_factory=dict)

    async def save_ticks(self, service: str, rollout: int, ticks: Sequence[Tick], state: Mapping[str, Any]) -> None:
        """Add the ticks that are not known, and replace the state."""
        if rollout not in {each.number for each in await self.store.history(service)}:
            raise StoreError(f"there is no rollout {rollout}", "begin it first")
        known = self._ticks.setdefault((service, rollout), {})
        for tick in ticks:
            known.setdefault(tick.at, tick)
        self._states[service, rollout] = dict(state)
        for place in sorted(place for place in self._states if place[0] == service)[:-KEPT]:
            del self._states[place], self._ticks[place]

    async def load_evidence(self, service: str, rollout: int) -> Mapping[str, Any]:
        """The state that was saved last."""
        await self.store.events(service, limit=1)
        return self._states.get((service, rollout), {})

    async def load_ticks(self, service: str, rollout: int) -> Sequence[Tick]:
        """Every tick that is kept, oldest first."""
        await self.store.events(service, limit=1)
        ticks = self._ticks.get((service, rollout), {})
        return [ticks[at] for at in sorted(ticks)]
