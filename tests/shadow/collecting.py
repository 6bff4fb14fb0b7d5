"""A collector among fakes, for the tests of what it takes in and of how it keeps its relay."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from abreast.findings.book import Book, accept
from abreast.findings.ledger import GatewayTotals, Ledger
from abreast.findings.report import Batch, Key
from abreast.model.errors import StoreError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout
from abreast.model.service import Endpoint, GatewaySettings, Version
from abreast.model.traffic import Backend, Shadowing, Traffic
from abreast.rollout.turn import split_of
from abreast.shadow.collector import Collector, Keys, Present, Surroundings
from tests.fakes.alerts import FakeAlerts
from tests.fakes.clock import FakeClock
from tests.fakes.crew import FakeCrew
from tests.fakes.findings import FakeFindings
from tests.fakes.store import FakeStore
from tests.findings.batches import TOTAL, batch, path, report, sample
from tests.rollout.play import BEGIN, serving, under_way

FULL = StoreError("the disk is full", "make room on it")
COPYING = under_way(Phase.PROGRESSING, weight=0, step=0, shadow=2000)


def differing(number: int = 1, *, rollout: int = 1, key: Key = TOTAL, ids: range = range(1, 41)) -> Batch:
    """Enough for a finding: 40 of 100 answers differ."""
    told = batch(report(path(key, ids)), number=number, rollout=rollout)
    endpoints = tuple(replace(each, candidate_only=40) for each in told.endpoints)
    return replace(told, endpoints=endpoints, samples=(replace(sample(TOTAL, "1", '"1"'), at=BEGIN),))


def equal(number: int = 1, compared: int = 100, *, rollout: int = 1) -> Batch:
    return batch(report(compared=compared), number=number, rollout=rollout)


def backend(name: str, *ports: int) -> Backend:
    return Backend(Version(name, run=("serve",)), tuple(Endpoint("127.0.0.1", port) for port in ports))


@dataclass
class World:
    """A collector among fakes; ``again`` puts another one, as after a kill, over the same store."""

    rollout: Rollout = COPYING
    ports: tuple[int, ...] = (9002,)
    crew: FakeCrew = field(default_factory=FakeCrew)
    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))
    store: FakeStore = field(default_factory=FakeStore)
    alerts: FakeAlerts = field(default_factory=FakeAlerts)
    captures: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    news: int = 0
    recording: Shadowing | None = None
    captured_at: GatewayTotals = field(default_factory=GatewayTotals)
    resumed: list[GatewayTotals] = field(default_factory=list)
    collector: Collector = field(init=False)

    def __post_init__(self) -> None:
        self.findings = FakeFindings(self.store)
        self._collect()

    def _collect(self) -> None:
        self.collector = Collector(
            service="shop",
            around=Surroundings(
                present=self._present,
                captures=self._taken,
                note=self._note,
                on_news=self._hear,
                record=self._record,
                captured_at=lambda: self.captured_at,
                resume=self.resumed.append,
            ),
            crew=self.crew,
            store=self.findings,
            alerts=self.alerts,
            keys=Keys("signing", "salt"),
            clock=self.clock,
        )

    def _present(self) -> Present:
        rollout = self.rollout
        split = split_of(rollout)
        candidate = backend(split.candidate, *self.ports) if split.candidate else None
        stable = backend(split.stable, 9001)
        traffic = Traffic("shop", split, stable, candidate, GatewaySettings(), recording=self.recording)
        return Present(rollout, traffic)

    def _taken(self) -> Mapping[str, int]:
        taken, self.captures = self.captures, {}
        return taken

    def _note(self, kind: EventKind, reason: str) -> None:
        self.notes.append(f"{kind}: {reason}")

    def _hear(self) -> None:
        self.news += 1

    def _record(self, wish: Shadowing | None) -> None:
        self.recording = wish

    async def turns(self, *batches: Batch) -> None:
        """One turn for each batch; one without any if there is none."""
        for each in batches or (None,):
            if each is not None:
                self.crew.gives(each)
            await self.collector.turn()

    async def again(self, crew: FakeCrew) -> None:
        """Another control plane, which finds this relay, or none."""
        self.crew, self.alerts = crew, FakeAlerts()
        self._collect()
        await self.collector.start()

    async def stored(self) -> tuple[Book, Ledger]:
        found = await self.findings.load_findings("shop")
        assert found is not None
        return found

    @property
    def events(self) -> list[str]:
        """What the audit log says of findings."""
        return [event.reason for _, event in self.store._events if event.kind is EventKind.FINDING]


async def begun() -> World:
    """A service whose rollouts 1 and 2 are stored."""
    made = World()
    await made.store.save(replace(serving(), number=0, revision=0), [])
    for number in (1, 2):
        rollout = replace(COPYING, number=number, revision=0, phase=Phase.ROLLED_BACK)
        await made.store.save(rollout, [])
    await made.collector.start()
    return made


async def accepted(world: World, until: float | None = None) -> None:
    """Ada accepts finding 1."""
    event = Event(world.clock.now(), 1, EventKind.FINDING, "ada", "meant")
    await world.collector.change(
        1, lambda book: accept(book, 1, "ada", "meant", until, world.clock.now()), event, "accepted"
    )
