"""Servers' desks and agents' lines over real TLS on loopback, with a store in a file and its clock in hand."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from abreast.clock import SystemClock
from abreast.link.certificates import FleetAuthority
from abreast.link.credentials import Credentials
from abreast.link.desk import Desk, Records
from abreast.link.line import Charge, Line
from abreast.link.messages import Tell
from abreast.model.agent import AgentKind, AgentName, JoinToken, Position, ServerAddress
from abreast.model.service import Endpoint, GatewaySettings, Version
from abreast.model.traffic import Backend, Split, Traffic
from abreast.nodes.second import NodeSecond
from abreast.rollout.observed import NodeState
from abreast.store.agents import SqlAgents
from abreast.store.fleet import Replica, SqlFleet
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.store.lease_world import CLOCK, World, make_clock

DEADLINE_S = 15.0
FIRST = Position(1, 1)
NOWHERE = ServerAddress("127.0.0.1", 1)
G1 = AgentName(AgentKind.GATEWAY, "g1")


def traffic(weight: int) -> Traffic:
    """20 % or so on v2."""
    versions = [
        Backend(Version(name), (Endpoint("127.0.0.1", 9000 + place),)) for place, name in enumerate(("v1", "v2"))
    ]
    return Traffic("shop", Split("v1", "v2", weight, "salt"), versions[0], versions[1], GatewaySettings())


async def until(true: Callable[[], object]) -> None:
    """Wait until that holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not true():
            await asyncio.sleep(0.01)


@dataclass
class FakeServer:
    """One server's desk, listening; ``position`` and ``current`` are as the test says."""

    name: str
    roll: SqlAgents
    authority: FleetAuthority
    position: Position = FIRST
    current: bool = True
    looks: int = 0
    address: ServerAddress = NOWHERE
    counted: list[NodeSecond] = field(default_factory=list)
    desk: Desk | None = None

    async def start(self, port: int = 0) -> "FakeServer":
        """Listen, at a port of its own."""
        records = Records(
            lambda: self.position, lambda: self.current, self._caught_up, lambda nodes: nodes, self._count
        )
        self.desk = Desk(self.name, self.roll, self.authority, records, SystemClock())
        self.address = ServerAddress("127.0.0.1", await self.desk.start(Endpoint("127.0.0.1", port)))
        return self

    async def stop(self) -> None:
        """Send all away."""
        if self.desk is not None:
            await self.desk.close()

    def tell(self, weight: int, position: Position | None = None) -> None:
        """Have all agents do this."""
        assert self.desk is not None
        self.position = position or self.position
        self.desk.publish(traffic(weight))

    def _count(self, seconds: Sequence[NodeSecond], now: float) -> None:
        assert abs(SystemClock().now() - now) < DEADLINE_S
        self.counted += seconds

    async def _caught_up(self, theirs: Position) -> bool:
        self.looks += 1
        await asyncio.sleep(0.02)
        return self.position >= theirs


@dataclass
class FakeAgent:
    """One agent's line, and what it heard; ``nodes`` are what it reports."""

    line: Line
    credentials: Credentials
    told: list[Tell] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    nodes: list[NodeState] = field(default_factory=list)
    counted: list[NodeSecond] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    @property
    def weight(self) -> int | None:
        """What it was told last."""
        return self.told[-1].traffic.split.weight if self.told else None

    def start(self) -> "FakeAgent":
        """Be connected from now on."""
        self.task = asyncio.create_task(self.line.run())
        return self

    async def stop(self) -> None:
        """As if it were killed."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


@dataclass
class Fleet:
    """Several servers on one store, and agents."""

    directory: Path
    store: SqlStore
    clock: World
    authority: FleetAuthority
    servers: list[FakeServer] = field(default_factory=list)
    agents: list[FakeAgent] = field(default_factory=list)
    tokens: int = 0

    @property
    def roll(self) -> SqlAgents:
        """Who may join, and who is there."""
        return SqlAgents(self.store, "shop", database_now=CLOCK)

    async def serve(self, name: str, authority: FleetAuthority | None = None) -> FakeServer:
        """One more server."""
        server = await FakeServer(name, self.roll, authority or self.authority).start()
        self.servers.append(server)
        return server

    async def token(self, agent: AgentName = G1, valid_s: float = 60.0, authority: str = "") -> JoinToken:
        """A join token."""
        self.tokens += 1
        token = JoinToken(f"{self.tokens:012x}", "s" * 43, authority or self.authority.fingerprint)
        await self.roll.invite(token, agent, valid_s, "ada", 1.0)
        return token

    def agent(self, credentials: Credentials, servers: Sequence[FakeServer] | None = None) -> FakeAgent:
        """An agent, not started, that knows these servers, by default all."""
        told: list[Tell] = []
        said: list[str] = []
        nodes = [NodeState("gateway-1.0", None, connected=True)]
        counted: list[NodeSecond] = []
        line = Line(
            [each.address for each in (self.servers if servers is None else servers)],
            credentials,
            Charge(lambda: nodes, lambda after: [each for each in counted if each.number > after], told.append),
            say=said.append,
            clock=SystemClock(),
            random=Random(7),
        )
        made = FakeAgent(line, credentials, told, said, nodes, counted)
        self.agents.append(made)
        return made

    async def joined(self, name: AgentName = G1, file: str = "agent") -> Credentials:
        """The credentials of an agent that has joined through the first server."""
        credentials = Credentials(self.directory / f"{file}.json", name)
        await credentials.join(self.servers[0].address, await self.token(name))
        return credentials

    async def rows(self) -> Sequence[Replica]:
        """What all servers see."""
        return await SqlFleet(self.store, "shop", database_now=CLOCK).replicas()

    async def until_row(self, true: Callable[[Replica], bool]) -> Replica:
        """The row of the one agent, once it is so."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                for row in await self.rows():
                    if true(row):
                        return row
                await asyncio.sleep(0.02)


@asynccontextmanager
async def fleet(directory: Path, servers: str = "a") -> AsyncIterator[Fleet]:
    """Servers of these names, listening."""
    store = await open_store(directory / "store.db")
    await make_clock(store)
    made = Fleet(directory, store, World(store, "shop"), FleetAuthority.make(SystemClock().now()))
    try:
        for name in servers:
            await made.serve(name)
        yield made
    finally:
        for agent in made.agents:
            await agent.stop()
        for server in made.servers:
            await server.stop()
        await store.close()
