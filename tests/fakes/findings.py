"""Findings in memory, under the same contract as the real store."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from abreast.findings.book import Book
from abreast.findings.ledger import Ledger
from abreast.findings.report import Key, Sample
from abreast.model.errors import StoreError
from abreast.model.event import Event
from tests.fakes.store import FakeStore

KEPT = 10


@dataclass
class FakeFindings:
    """`abreast.ports.FindingsStore` beside a `FakeStore`, whose rollouts and events it shares."""

    store: FakeStore
    _books: dict[tuple[str, int], tuple[Book, Ledger]] = field(default_factory=dict)
    _relays: dict[tuple[str, str], int] = field(default_factory=dict)
    _samples: dict[tuple[str, int, str], Sample] = field(default_factory=dict)
    _shows: dict[tuple[str, int, str], set[tuple[str, Key]]] = field(default_factory=dict)

    async def load_findings(self, service: str) -> tuple[Book, Ledger] | None:
        """Of the newest rollout that has any."""
        await self.store.events(service, limit=1)
        found = [self._books[key] for key in sorted(self._books) if key[0] == service]
        return found[-1] if found else None

    async def save_findings(
        self,
        service: str,
        book: Book,
        ledger: Ledger,
        relay: str = "",
        number: int = 0,
        samples: Sequence[Sample] = (),
        events: Iterable[Event] = (),
    ) -> bool:
        """Write it all; False for a batch that was recorded before."""
        listed = list(events)
        known = {rollout.number for rollout in await self.store.history(service)}
        if relay and number <= self._relays.get((service, relay), 0):
            return False
        if not {book.rollout, *(event.rollout for event in listed)} <= known:
            raise StoreError(f"there is no rollout {book.rollout}", "begin it first")
        if relay:
            self._relays[service, relay] = number
        self._books[service, book.rollout] = (book, ledger)
        for sample in samples:
            place = (service, book.rollout, sample.id)
            if place not in self._samples:
                self._samples[place] = sample
                self._shows[place] = {(sample.endpoint, key) for key in sample.keys}
        self._thin_out(service, book.rollout)
        self.store.append(service, listed)
        return True

    async def samples(
        self, service: str, rollout: int, keys: Collection[tuple[str, Key]] | None = None
    ) -> Sequence[Sample]:
        """Those that show any of the keys, oldest first."""
        await self.store.events(service, limit=1)
        found = [
            self._samples[place]
            for place, shown in self._shows.items()
            if place[:2] == (service, rollout) and (keys is None or shown & set(keys))
        ]
        return sorted(found, key=lambda sample: (sample.at, sample.id))

    async def purge_samples(self, service: str, before: float) -> int:
        """Forget those taken before then."""
        await self.store.events(service, limit=1)
        return self._forget(
            [place for place, sample in self._samples.items() if place[0] == service and sample.at < before]
        )

    def _thin_out(self, service: str, rollout: int) -> None:
        mine = sorted(
            (place for place in self._samples if place[:2] == (service, rollout)),
            key=lambda place: (self._samples[place].at, place),
        )
        for key in set().union(*(self._shows[place] for place in mine)):
            showing = [place for place in mine if key in self._shows[place]]
            for place in showing[1 : 1 + max(0, len(showing) - KEPT)]:
                self._shows[place].discard(key)
        self._forget([place for place in mine if not self._shows[place]])

    def _forget(self, places: list[tuple[str, int, str]]) -> int:
        for place in places:
            del self._samples[place], self._shows[place]
        return len(places)
