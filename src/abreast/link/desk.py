"""The servers' end: tells every agent that is connected here what its gateway shall do, and hears what it obeys."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from abreast.link import contexts, messages
from abreast.link.certificates import AGENT_S, SERVER_S, FleetAuthority, enrolment_of, key_digest
from abreast.link.messages import PROTOCOL, Hello, Join, Refused, Renew, Report
from abreast.link.probes import answer_probe
from abreast.link.refusals import no_certificate, other_protocol, refusal
from abreast.link.relays import RelayBook, RelaySession
from abreast.model.agent import AgentKind, AgentName, Enrolment, JoinToken, Position, Presence
from abreast.model.errors import JoinError, PortInUseError, StoreError
from abreast.model.service import Endpoint
from abreast.model.traffic import Traffic
from abreast.nodes.second import NodeSecond
from abreast.ports import Clock
from abreast.rollout.observed import NodeState

log: Final = logging.getLogger(__name__)

PING_S: Final = 1.0
PONG_S: Final = 3.0
"""An end that is cut off is noticed after so long at the most, and half of it on average."""

REPORT_S: Final = 1.0
"""How often an agent is at least told to be there."""

FIRST_S: Final = 10.0
"""How long a connection may last without saying anything."""

_MOST_BYTES: Final = 4 * 2**20
"""Of one message of an agent's."""


class Roll(Protocol):
    """Who may come in, and who is there, in what all servers share. Every method raises StoreError."""

    service: str

    async def redeem(self, token: JoinToken, agent: AgentName, key: str, enrolment: str, at: float) -> Enrolment:
        """Use the token up for the key of that digest. Raises JoinError."""

    async def entry(self, presence: Presence) -> str:
        """What a report of it would come to."""

    async def report(self, presence: Presence, server: str, nodes: Sequence[NodeState]) -> str:
        """Its Envoys obey this. ``kept``; ``taken``: another start has the name; ``unknown``: not enrolled."""

    async def part(self, presence: Presence) -> None:
        """The connection ended."""

    async def leave(self, presence: Presence) -> None:
        """The agent ended in order."""


@dataclass(frozen=True)
class Records:
    """What a desk knows of its server's own state.

    ``position``: how far the record has come here; ``current``: whether the store is seen; ``caught_up`` waits until
    what is known here is not older than that position, or is what the store says now; whether it is. ``as_told`` puts
    nodes' splits the way the record has them. ``counted`` takes what an agent's gateway has counted, with what its
    clock shows.
    """

    position: Callable[[], Position]
    current: Callable[[], bool]
    caught_up: Callable[[Position], Awaitable[bool]]
    as_told: Callable[[Sequence[NodeState]], Sequence[NodeState]]
    counted: Callable[[Sequence[NodeSecond], float], None]


class Desk:
    """Serves agents. ``publish`` is that of `abreast.ports.Gateway`: every agent here is told at once."""

    def __init__(self, server: str, roll: Roll, authority: FleetAuthority, records: Records, clock: Clock) -> None:
        self.server = server
        self.authority = authority
        self.roll = roll
        self.records = records
        self.clock = clock
        self.relays = RelayBook(clock)
        self.on_renewal: Callable[[], None] = lambda: None
        """Called when certificates of this server's own are to be made anew. It may raise StoreError."""
        self.told: messages.Tell | None = None
        self.text = ""
        """The newest thing to tell, as a message."""
        self._sessions: set[Session] = set()
        self._tls = contexts.for_server(authority.for_server(clock.now()), authority.certificate)
        self._listener: Server | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, listen: Endpoint) -> int:
        """Take agents; returns the port. Raises PortInUseError."""
        quiet = logging.getLogger("websockets")
        quiet.setLevel(logging.CRITICAL)  # a handshake that failed is somebody else's fault
        try:
            self._listener = await serve(
                self._receive,
                listen.host,
                listen.port,
                ssl=self._tls,
                process_request=partial(answer_probe, self.records.current),
                ssl_handshake_timeout=FIRST_S,
                open_timeout=FIRST_S,
                ping_interval=PING_S,
                ping_timeout=PONG_S,
                close_timeout=1.0,
                max_size=_MOST_BYTES,
                compression=None,
                server_header=None,
                logger=quiet,
            )
        except OSError as error:
            message = f"--link: {listen} cannot be listened on: {error.strerror or error}"
            raise PortInUseError(message, "stop what holds it, or choose another address") from error
        self._tasks = [asyncio.create_task(self._renew(), name="link"), asyncio.create_task(self._watch(), name="link")]
        port: int = next(iter(self._listener.sockets)).getsockname()[1]
        return port

    async def close(self) -> None:
        """Send all agents away: they go to another server at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._listener is not None:
            self._listener.close(code=1001, reason="this server ends")
            await self._listener.wait_closed()

    def publish(self, traffic: Traffic) -> None:
        """Tell every agent that is connected here; what it told last changes nothing."""
        tell = messages.Tell(messages.told_abroad(traffic), self.records.position())
        if tell == self.told:
            return
        self.told, self.text = tell, messages.by_server(tell)
        for each in self._sessions:
            each.wake()

    def accept(self, session: "Session") -> None:
        """From now on this session is told everything."""
        self._sessions.add(session)

    def dismiss(self, session: "Session") -> None:
        """It is over."""
        self._sessions.discard(session)

    async def _receive(self, socket: ServerConnection) -> None:
        """One connection, from its first message to its end."""
        try:
            async with asyncio.timeout(FIRST_S):
                first = messages.of_agent(await socket.recv())
        except (TimeoutError, ConnectionClosed):
            return
        except ValueError as error:
            log.warning("an agent at %s says what is no message: %s", socket.remote_address, error)
            return
        peer = enrolment_of(socket.transport.get_extra_info("peercert"))
        try:
            if isinstance(first, messages.AskAuthority):
                await socket.send(messages.by_server(messages.Authority(self.authority.certificate)))
            elif isinstance(first, Join):
                await socket.send(messages.by_server(await self._join(first)))
            elif isinstance(first, Hello):
                await self._serve(socket, first, peer)
            else:
                await socket.send(messages.by_server(Refused("request", f"{first.kind} before hello", "say hello")))
        except ConnectionClosed:
            return

    async def _join(self, join: Join) -> messages.Admitted | Refused:
        if join.protocol != PROTOCOL:
            return other_protocol(join.protocol)
        token = JoinToken.parse(join.token)
        if token is None:
            return Refused("token", "what was given is no join token", "abreast join-token prints one")
        try:
            key = key_digest(join.request)
            now = self.clock.now()
            enrolment = await self.roll.redeem(token, join.agent, key, secrets.token_hex(8), now)
            certificate = self.authority.for_agent(join.request, enrolment, now)
        except JoinError as error:
            log.warning("%s is not let in: %s", join.agent, error.message)
            return Refused("token", error.message, error.remedy)
        except ValueError as error:
            return Refused("request", f"the signing request of {join.agent} makes no sense: {error}", "see its log")
        except StoreError as error:
            return Refused("store", error.message, error.remedy)
        log.info("%s joined", join.agent)
        return messages.Admitted(certificate)

    async def _serve(self, socket: ServerConnection, hello: Hello, peer: Enrolment | None) -> None:
        refused = await self._refusal(hello, peer)
        if refused is not None or peer is None:
            await socket.send(messages.by_server(refused or no_certificate()))
            return
        if peer.agent.kind is AgentKind.RELAY:
            await self._serve_relay(socket, hello, peer)
            return
        session = Session(self, socket, Presence(peer, hello.identity, hello.connection))
        await session.run(hello)

    async def _serve_relay(self, socket: ServerConnection, hello: Hello, peer: Enrolment) -> None:
        await socket.send(messages.by_server(messages.Welcome(self.server, self.records.current())))
        renew = partial(self.renewed, peer)
        session = RelaySession(
            self.relays,
            peer.agent.name,
            socket,
            partial(self._enrolled, Presence(peer, hello.identity, hello.connection)),
            renew,
        )
        await session.run(hello.address)

    async def _enrolled(self, presence: Presence) -> bool:
        """Nobody is sent away because the store is."""
        try:
            return await self.roll.entry(presence) != "unknown"
        except StoreError:
            return True

    def renewed(self, enrolment: Enrolment, renew: Renew) -> messages.Admitted | Refused:
        """A certificate like the present one, for later."""
        try:
            certificate = self.authority.for_agent(renew.request, enrolment, self.clock.now(), AGENT_S)
        except ValueError as error:
            message = f"the signing request of {enrolment.agent} makes no sense: {error}"
            return Refused("request", message, "see its log")
        return messages.Admitted(certificate)

    async def _refusal(self, hello: Hello, peer: Enrolment | None) -> Refused | None:
        """Why this agent is not served; without the store it is, by its certificate alone."""
        if hello.protocol != PROTOCOL:
            return other_protocol(hello.protocol)
        if peer is None or peer.service != self.roll.service:
            return no_certificate()
        try:
            entry = await self.roll.entry(Presence(peer, hello.identity, hello.connection))
        except StoreError:
            return None
        return refusal(entry, peer.agent)

    async def _renew(self) -> None:
        """A fresh certificate of the server's own for connections to come, long before the present one ends."""
        while True:
            await self.clock.sleep(SERVER_S / 3)
            contexts.show(self._tls, self.authority.for_server(self.clock.now()))
            try:
                self.on_renewal()
            except StoreError as error:
                log.warning("a certificate cannot be renewed: %s", error)

    async def _watch(self) -> None:
        """Say it to all when the store is not seen any more, or again."""
        before = self.records.current()
        while True:
            await self.clock.sleep(0.1)
            now = self.records.current()
            if now != before:
                for each in self._sessions:
                    each.wake()
            before = now


class Session:
    """One agent that is served."""

    def __init__(self, desk: Desk, socket: ServerConnection, presence: Presence) -> None:
        self._desk = desk
        self._socket = socket
        self._presence = presence
        self._news = asyncio.Event()
        self._reported = asyncio.Event()
        self._nodes: tuple[NodeState, ...] = ()
        self._left = False

    def wake(self) -> None:
        """There may be something new to tell."""
        self._news.set()

    async def run(self, hello: Hello) -> None:
        """Serve it until the connection ends."""
        desk, agent = self._desk, self._presence.enrolment.agent
        current = desk.records.current()
        await self._socket.send(messages.by_server(messages.Welcome(desk.server, current)))
        log.info("%s is connected", agent)
        tasks = [
            asyncio.create_task(self._tell(hello.position, current=current), name="link"),
            asyncio.create_task(self._record(), name="link"),
            asyncio.create_task(self._hear(), name="link"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except ConnectionClosed as error:
            log.info("%s is connected no more: %s", agent, error)
        finally:
            desk.dismiss(self)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._part()

    async def _part(self) -> None:
        try:
            if not self._left:
                await self._desk.roll.part(self._presence)
        except StoreError as error:
            log.debug("it is not on record that %s parted: %s", self._presence.enrolment.agent, error)

    async def _tell(self, position: Position | None, *, current: bool) -> None:
        """Tell it everything, from where this server knows no less than the agent does."""
        desk = self._desk
        while position is not None and not await desk.records.caught_up(position):
            current = await self._stand(current=current)
        desk.accept(self)
        self._news.set()
        told = ""
        while True:
            await self._news.wait()
            self._news.clear()
            current = await self._stand(current=current)
            if desk.text != told:
                told = desk.text
                await self._socket.send(told)

    async def _stand(self, *, current: bool) -> bool:
        """Say whether the store is seen, if that is news."""
        now = self._desk.records.current()
        if now != current:
            await self._socket.send(messages.by_server(messages.Standing(now)))
        return now

    async def _hear(self) -> None:
        async for text in self._socket:
            try:
                message = messages.of_agent(text)
            except ValueError as error:
                log.warning("%s says what is no message: %s", self._presence.enrolment.agent, error)
                return
            if isinstance(message, Report):
                self._nodes = self._named(message.nodes)
                self._reported.set()
            elif isinstance(message, messages.Counted):
                self._count(message)
            elif isinstance(message, Renew):
                renewed = self._desk.renewed(self._presence.enrolment, message)
                await self._socket.send(messages.by_server(renewed))
            elif isinstance(message, messages.Leave):
                await self._leave()

    def _count(self, counted: messages.Counted) -> None:
        agent = self._presence.enrolment.agent
        try:
            self._desk.records.counted(counted.read(str(agent)), counted.now)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            log.warning("what %s counted makes no sense: %r", agent, error)

    def _named(self, nodes: Sequence[NodeState]) -> tuple[NodeState, ...]:
        name = self._presence.enrolment.agent.name
        return tuple(replace(node, id=f"{name}/{node.id}") for node in nodes)

    async def _leave(self) -> None:
        self._left = True
        try:
            await self._desk.roll.leave(self._presence)
        except StoreError as error:
            log.warning("it is not on record that %s left: %s", self._presence.enrolment.agent, error)
        await self._socket.send(messages.by_server(messages.Left()))

    async def _record(self) -> None:
        """Put on record what it reports: as soon as that changes, else once a second, while it goes on reporting."""
        desk, kept, at = self._desk, None, 0.0
        while True:
            await self._reported.wait()
            self._reported.clear()
            nodes, now = tuple(desk.records.as_told(self._nodes)), desk.clock.now()
            if self._left or (nodes == kept and 0 <= now - at < REPORT_S * 0.9):
                continue
            try:
                entry = await desk.roll.report(self._presence, desk.server, nodes)
            except StoreError as error:
                log.debug("a report of %s is not on record: %s", self._presence.enrolment.agent, error)
                continue
            refused = refusal(entry, self._presence.enrolment.agent)
            if refused is not None:
                await self._socket.send(messages.by_server(refused))
                return
            kept, at = nodes, now
