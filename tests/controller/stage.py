"""A control plane over fakes: its clock stands still, its gateways obey at once, and it can be killed anywhere."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Self, Unpack

from abreast.controller.act import Actor
from abreast.controller.jury import Jury
from abreast.controller.loop import Controller
from abreast.controller.observe import Observer
from abreast.model.errors import StoreError
from abreast.model.event import Event
from abreast.model.rollout import Phase, Rollout
from abreast.model.service import Probe, Service, Version
from abreast.model.traffic import Split
from abreast.rollout.actions import Reply
from abreast.rollout.observed import Command, Verb
from tests.fakes.checks import FakeChecks
from tests.fakes.clock import FakeClock
from tests.fakes.comparisons import FakeComparisons
from tests.fakes.counts import FakeCounts
from tests.fakes.driver import FakeDriver
from tests.fakes.gateway import FakeGateway
from tests.fakes.store import FakeStore
from tests.rollout.play import BEGIN, POLICY, Words, serving, under_way
from tests.rollout.traffic import Both, ticks

FULL: Final = StoreError("the store cannot be written: disk full", "make room on the disk")

SERVICE: Final = Service(
    "shop",
    tuple(
        Version(name, run=("serve", name), instances=2, ready=Probe("http", "/healthz")) for name in ("v1", "v2", "v3")
    ),
    "v1",
)


class KilledError(Exception):
    """The control plane was killed here."""


@dataclass
class Journal(FakeStore):
    """A store that writes down when it was written, and that can kill its writer before or after that."""

    on_save: Callable[[str], None] = lambda _step: None

    async def save(self, rollout: Rollout, events: Iterable[Event]) -> Rollout:
        self.on_save("save")
        if self.broken is not None:
            raise StoreError(self.broken.message, self.broken.remedy)
        saved = await super().save(rollout, events)
        self.on_save(f"saved {saved.phase}")
        return saved


@dataclass
class Stage:
    """One control plane; ``log`` has what it did in its order, ``kill_at`` ends it after that entry of the log."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(BEGIN))
    store: Journal = field(default_factory=Journal)
    gateway: FakeGateway = field(default_factory=FakeGateway)
    log: list[str] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    kill_at: str = ""
    orders: int = 0

    def __post_init__(self) -> None:
        self.driver = FakeDriver(self.clock, start_s=0.0, stop_s=0.0)
        self.counts = FakeCounts(self.clock, since=BEGIN)
        self.comparisons = FakeComparisons()
        self.checks = FakeChecks()
        self.store.on_save = self.did
        self.gateway.on_publish = lambda split: self.did(said(split))

    @classmethod
    async def at(cls, rollout: Rollout) -> Self:
        """A control plane with this rollout, whose versions run and whose gateways obey."""
        stage = cls()
        for number in range(rollout.number):
            await stage.store.save(replace(serving(), number=number, revision=0), [])
        saved = await stage.store.save(replace(rollout, revision=0), [])
        stage.begin(saved)
        await stage.settle()
        stage.log.clear()
        stage.heard.clear()
        return stage

    @classmethod
    async def climbing(cls, **fields: object) -> Self:
        """At 10 % of users on v2, far from the step's end."""
        return await cls.at(
            under_way(Phase.PROGRESSING, replace(POLICY, at_least_s=3600.0, at_most_s=7200.0), **fields)
        )

    def begin(self, rollout: Rollout) -> None:
        """A new process over the same world."""
        self.actor = Actor(SERVICE, self.driver, self.gateway, "secret")
        self.controller = Controller(
            rollout,
            observer=Observer(
                SERVICE,
                self.driver,
                self.gateway,
                self.counts,
                self.clock,
                self.comparisons,
                Jury(self.counts),
                self.checks,
            ),
            actor=self.actor,
            store=self.store,
            clock=self.clock,
            on_event=self.heard.append,
        )

    async def restart(self) -> None:
        """After a kill: begin from what is stored."""
        self.kill_at = ""
        stored = await self.store.load("shop")
        assert stored is not None
        self.begin(stored)

    def did(self, what: str) -> None:
        """Write it down, and die if the test says so."""
        self.log.append(what)
        if self.kill_at and what.startswith(self.kill_at):
            raise KilledError(what)

    async def settle(self, turns: int = 4) -> None:
        """Several cycles, half a second apart."""
        for _ in range(turns):
            await self.controller.turn()
            self.clock.time += 0.5

    async def serves(self, seconds: int, both: Both, *, turns: bool = True) -> None:
        """Users' requests come for so long, a cycle each second."""
        for tick in ticks(seconds, both, begin=self.clock.time):
            self.clock.time += 0.5
            for version, side in (("v2", tick.candidate), ("v1", tick.stable)):
                self.counts.add(version, {200: side.requests - side.errors, 503: side.errors})
            self.clock.time += 0.5
            if turns:
                await self.controller.turn()

    def command(self, verb: Verb, **words: Unpack[Words]) -> Command:
        """A command of Ada's."""
        self.orders += 1
        filled: Words = {"actor": "ada", **words}
        if verb == "start":
            filled = {"version": "v2", "policy": POLICY, **filled}
        return Command(id=f"order-{self.orders}", verb=verb, **filled)

    async def order(self, verb: Verb, **words: Unpack[Words]) -> Reply:
        """Give a command and have it decided in one cycle. Raises what `Controller.submit` raises."""
        submitted = asyncio.create_task(self.controller.submit(self.command(verb, **words)))
        await asyncio.sleep(0)
        try:
            await self.controller.turn()
        except KilledError:
            submitted.cancel()
            raise
        return await submitted

    @property
    def rollout(self) -> Rollout:
        """What the control plane believes."""
        return self.controller.rollout

    async def stored(self) -> Rollout:
        """What would survive it."""
        self.store.broken, broken = None, self.store.broken
        found = await self.store.load("shop")
        self.store.broken = broken
        assert found is not None
        return found

    async def audit(self) -> list[str]:
        """The stored audit log, as ``actor kind: reason``."""
        return [f"{event.actor} {event.kind}: {event.reason}" for _, event in await self.store.events("shop")]

    @property
    def split(self) -> Split:
        """What the gateways were told last."""
        return self.gateway.published[-1].split


def said(split: Split) -> str:
    """The log's words for a published split."""
    return f"publish {split.weight}" if split.candidate else f"publish {split.stable}"
