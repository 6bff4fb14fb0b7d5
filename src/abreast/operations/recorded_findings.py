"""Findings for a server that does not decide: as they are on record, to be read and not to be changed."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn

from abreast.findings.book import Book
from abreast.findings.finding import Finding
from abreast.findings.ledger import Ledger
from abreast.findings.report import Sample
from abreast.model.errors import RefusedError
from abreast.model.event import Event
from abreast.ports import Change, Clock, FindingsStore

REFRESH_S: Final = 2.0


class RecordedFindings:
    """`abreast.ports.FindingsDesk` over the store alone; ``decides`` names the server that compares."""

    def __init__(self, service: str, store: FindingsStore, clock: Clock, decides: Callable[[], str]) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self._decides = decides
        self._book = Book.of(0)
        self._ledger = Ledger()
        self._read_at = 0.0

    async def refresh(self) -> None:
        """Read them, every two seconds at most. Raises StoreError."""
        if self._clock.now() - self._read_at < REFRESH_S:
            return
        stored = await self._store.load_findings(self._service)
        self._read_at = self._clock.now()
        if stored is not None:
            self._book, self._ledger = stored

    @property
    def book(self) -> Book:
        """All findings of the newest rollout that was compared."""
        return self._book

    @property
    def ledger(self) -> Ledger:
        """What became of each request that could have been compared."""
        return self._ledger

    @property
    def noise(self) -> Mapping[str, Mapping[str, str]]:
        """Unknown here: it is only in the memory of who compares."""
        return {}

    async def samples(self, finding: Finding) -> Sequence[Sample]:
        """Those kept that show the finding, oldest first. Raises StoreError."""
        return await self._store.samples(self._service, finding.rollout, finding.places)

    async def recorded(self) -> Sequence[str]:
        """Raises RefusedError: requests are copied at the server that decides."""
        self._refuse("requests are recorded")

    async def change(self, number: int, make: Callable[[Book], Book], event: Event, change: Change) -> Finding:
        """Raises RefusedError: findings are decided on at the server that decides."""
        del number, make, event, change
        self._refuse("findings are decided on")

    def _refuse(self, what: str) -> NoReturn:
        name = self._decides() or "no server at present"
        raise RefusedError(f"{what} at the server that decides, which is {name}", "give the command there")
