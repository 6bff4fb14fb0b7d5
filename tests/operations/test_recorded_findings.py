"""Findings at a server that does not decide: read from the store, and not to be changed there."""

from dataclasses import replace

import pytest

from abreast.findings.book import Book
from abreast.findings.ledger import Ledger
from abreast.model.errors import RefusedError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase
from abreast.operations.recorded_findings import REFRESH_S, RecordedFindings
from tests.contracts.test_findings import a_finding
from tests.contracts.test_store import a_rollout
from tests.fakes.clock import FakeClock
from tests.fakes.findings import FakeFindings
from tests.fakes.store import FakeStore


class Reading:
    """A server's desk over a store that another writes."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.findings = FakeFindings(self.store)
        self.clock = FakeClock()
        self.desk = RecordedFindings("shop", self.findings, self.clock, lambda: "a")


@pytest.fixture
async def reading() -> Reading:
    made = Reading()
    await made.store.save(a_rollout(), [])
    await made.store.save(a_rollout(1, phase=Phase.PROGRESSING), [])
    return made


async def test_they_are_read_again_every_two_seconds(reading: Reading) -> None:
    await reading.desk.refresh()
    assert reading.desk.book.findings == ()
    book = replace(Book.of(1), findings=(a_finding(),))
    await reading.findings.save_findings("shop", book, replace(Ledger(), compared=7))
    await reading.desk.refresh()
    assert reading.desk.book.findings == ()
    reading.clock.time += REFRESH_S
    await reading.desk.refresh()
    assert reading.desk.book == book
    assert reading.desk.ledger.compared == 7
    assert reading.desk.noise == {}
    assert list(await reading.desk.samples(a_finding())) == []


async def test_decisions_are_refused_with_the_server_that_takes_them(reading: Reading) -> None:
    event = Event(1.0, 1, EventKind.FINDING, "ada", "because")
    with pytest.raises(RefusedError, match="at the server that decides, which is a"):
        await reading.desk.change(1, lambda book: book, event, "accepted")
    with pytest.raises(RefusedError, match="requests are recorded at the server"):
        await reading.desk.recorded()
