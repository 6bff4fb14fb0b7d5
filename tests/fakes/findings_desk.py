"""A running comparison that compares nothing: its book is what a test says, its changes are kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from abreast.findings.book import Book
from abreast.findings.finding import Finding
from abreast.findings.ledger import Ledger
from abreast.findings.report import Sample
from abreast.model.errors import StoreError
from abreast.model.event import Event
from abreast.ports import Change
from tests.fakes.alerts import FakeAlerts


@dataclass
class FakeFindingsDesk:
    """`abreast.ports.FindingsDesk` in memory. While ``broken`` is set, nothing can be read from or written to disk."""

    book: Book
    ledger: Ledger = field(default_factory=Ledger)
    noise: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    kept: list[Sample] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    broken: StoreError | None = None
    events: list[Event] = field(default_factory=list)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)

    async def samples(self, finding: Finding) -> Sequence[Sample]:
        """Those that show one of its keys at one of its endpoints."""
        self._refuse()
        return [sample for sample in self.kept if any((sample.endpoint, key) in finding.places for key in sample.keys)]

    async def recorded(self) -> Sequence[str]:
        """``lines``, once."""
        lines, self.lines = self.lines, []
        return lines

    async def change(self, number: int, make: Callable[[Book], Book], event: Event, change: Change) -> Finding:
        """Keep the new book and the event, tell the alerts."""
        made = make(self.book)
        self._refuse()
        self.book = made
        self.events.append(event)
        finding = made.finding(number)
        assert finding is not None
        self.alerts.finding("shop", finding, change)
        return finding

    def _refuse(self) -> None:
        if self.broken is not None:
            raise self.broken
