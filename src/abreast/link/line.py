"""An agent's end: connected to one of several servers as long as any of them answers, and going on without."""

import asyncio
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from websockets.asyncio.client import ClientConnection

from abreast.link import messages
from abreast.link.credentials import BROKEN, Credentials, dial, words_of
from abreast.link.messages import Admitted, Hello, Left, Question, Refused, Reply, Report, Standing, Tell, Welcome
from abreast.model.agent import Position, ServerAddress
from abreast.model.errors import StoreError
from abreast.model.service import Endpoint
from abreast.nodes.second import NodeSecond
from abreast.ports import Clock
from abreast.rollout.observed import NodeState

log: Final = logging.getLogger(__name__)

PING_S: Final = 1.0
PONG_S: Final = 3.0
REPORT_S: Final = 1.0

LOOK_S: Final = 0.2
"""How often it is looked for what was counted meanwhile."""

_MOST_SECONDS: Final = 20
"""In one message."""

BACK_OFF_S: Final = (0.2, 0.5, 1.0, 2.0)
"""The pause after a round in which no server served, by how many those were in a row; up to half of it less."""

SECOND_BEST_S: Final = 5.0
"""For so long an agent stays with a server that does not see the store before it looks for another again."""

RENEW_S: Final = 60.0
"""How often it is looked whether the certificate should be renewed."""


@dataclass(frozen=True)
class Relaying:
    """What a relay's line needs: where gateways bring copies, and who answers (method, target, body): status, body."""

    address: Endpoint
    answer: Callable[[str, str, str], tuple[int, str]]


@dataclass(frozen=True)
class Charge:
    """The gateway that an agent has in its charge.

    ``nodes`` are its Envoys; ``counted`` its seconds above the number given; ``tell`` hears what it shall do.
    """

    nodes: Callable[[], Sequence[NodeState]]
    counted: Callable[[int], Sequence[NodeSecond]]
    tell: Callable[[Tell], None]


class Line:
    """Keeps one agent connected. ``say`` gets a sentence when the connection changes.

    ``position`` is how far the agent obeys.
    """

    def __init__(
        self,
        servers: Sequence[ServerAddress],
        credentials: Credentials,
        charge: Charge,
        *,
        say: Callable[[str], None],
        clock: Clock,
        random: Random,
    ) -> None:
        self.position: Position | None = None
        self.relay: Relaying | None = None
        """What a relay answers; gateways are asked nothing."""
        self.server = ""
        self._servers = tuple(servers)
        self._credentials = credentials
        self._charge = charge
        self._say = say
        self._clock = clock
        self._random = random
        self._identity = secrets.token_hex(8)
        self._connections = 0
        self._news = asyncio.Event()
        self._leaving = asyncio.Event()
        self._left = asyncio.Event()
        self._last: ServerAddress | None = None
        self._troubles: set[str] = set()

    def wake(self) -> None:
        """The nodes may have changed."""
        self._news.set()

    async def leave(self, timeout_s: float) -> bool:
        """Tell the server, if one is connected, that this agent ends; whether it has heard it."""
        self._leaving.set()
        if not self.server:
            return False
        try:
            async with asyncio.timeout(timeout_s):
                await self._left.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Be connected to some server whenever one answers, until cancelled."""
        misses = 0
        while True:
            began = self._clock.now()
            if await self._round():
                misses = 0
                if self._clock.now() - began >= REPORT_S:
                    self._troubles.clear()
                    continue
            longest_s = BACK_OFF_S[min(misses, len(BACK_OFF_S) - 1)]
            misses += 1
            await self._clock.sleep(longest_s * (0.5 + self._random.random() / 2))

    async def _round(self) -> bool:
        """Try each server once, in an order of chance, the one that was lost last; whether one has served."""
        order = self._random.sample(self._servers, len(self._servers))
        order.sort(key=lambda each: each == self._last)
        for place, server in enumerate(order):
            if await self._talk(server, settle=place == len(order) - 1):
                return True
        return False

    async def _talk(self, server: ServerAddress, *, settle: bool) -> bool:
        """One connection, to its end; whether it has served. Without ``settle`` only one that sees the store may."""
        if not self._credentials.lets_in(self._clock.now()):
            self._complain("the certificate's time is over: join anew with a token (abreast join-token)")
            return False
        self._connections += 1
        try:
            async with dial(server, self._credentials.context(), ping_s=PING_S, pong_s=PONG_S) as socket:
                served = await self._serve(server, socket, settle=settle)
        except (*BROKEN, ValueError) as error:
            served = bool(self.server)
            if not served:
                self._complain(f"server {server} is not reached: {words_of(error)}")
                return False
            self._say(f"server {self.server} ({server}) is lost: {words_of(error)}; the gateway goes on as it was told")
        finally:
            self.server = ""
        self._last = server
        return served

    def _complain(self, trouble: str) -> None:
        """Once for each trouble, until a server has served for a while."""
        if trouble not in self._troubles:
            log.warning("%s", trouble)
        self._troubles.add(trouble)

    async def _serve(self, server: ServerAddress, socket: ClientConnection, *, settle: bool) -> bool:
        address = self.relay.address if self.relay else None
        await socket.send(messages.by_agent(Hello(self._identity, self._connections, self.position, address)))
        answer = messages.of_server(await socket.recv())
        if isinstance(answer, Refused):
            self._complain(f"server {server} refuses: {answer.message} → {answer.remedy}")
            return False
        if not isinstance(answer, Welcome) or (not answer.current and not settle):
            return False
        self.server = answer.server
        self._say(f"connected to server {answer.server} ({server})")
        tasks = [
            asyncio.create_task(self._hear(socket, current=answer.current), name="link"),
            asyncio.create_task(self._report(socket), name="link"),
            asyncio.create_task(self._renew(socket), name="link"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return bool(self.server)

    async def _hear(self, socket: ClientConnection, *, current: bool) -> None:
        """Until there is a reason to look for another server."""
        until = asyncio.get_running_loop().time() + SECOND_BEST_S
        current = current or len(self._servers) == 1
        while True:
            try:
                async with asyncio.timeout_at(None if current else until):
                    message = messages.of_server(await socket.recv())
            except TimeoutError:
                return
            if isinstance(message, Tell):
                self.position = message.position
                self._charge.tell(message)
            elif isinstance(message, Standing):
                if not message.current and len(self._servers) > 1:
                    self._say(f"server {self.server} does not see the store: another one is looked for")
                    return
                current = True
            elif isinstance(message, Admitted):
                self._keep(message.certificate)
            elif isinstance(message, Refused):
                self._complain(f"server {self.server} refuses: {message.message} → {message.remedy}")
                self.server = ""
                return
            elif isinstance(message, Left):
                self._left.set()
            elif isinstance(message, Question) and self.relay is not None:
                status, body = self.relay.answer(message.method, message.target, message.body)
                await socket.send(messages.by_agent(Reply(message.number, status, body)))

    def _keep(self, certificate: str) -> None:
        try:
            self._credentials.renewed(certificate)
        except StoreError as error:
            log.warning("the renewed certificate cannot be kept: %s", error)

    async def _report(self, socket: ClientConnection) -> None:
        """What the nodes obey, when that may have changed, else once a second; then that the agent ends, if so."""
        told: tuple[NodeState, ...] | None = None
        at, sent = 0.0, 0
        while True:
            nodes, now = tuple(self._charge.nodes()), self._clock.now()
            if nodes != told or not 0 <= now - at < REPORT_S:
                await socket.send(messages.by_agent(Report(nodes)))
                told, at = nodes, now
            sent = await self._count(socket, sent)
            if self._leaving.is_set():
                await socket.send(messages.by_agent(messages.Leave()))
                await self._left.wait()
                return
            await self._until_news()

    async def _count(self, socket: ClientConnection, after: int) -> int:
        """Hand in the seconds above that number; the number of the last one."""
        seconds = self._charge.counted(after)
        for begin in range(0, len(seconds), _MOST_SECONDS):
            some = tuple(each.as_json() for each in seconds[begin : begin + _MOST_SECONDS])
            await socket.send(messages.by_agent(messages.Counted(some, self._clock.now())))
        return seconds[-1].number if seconds else after

    async def _until_news(self) -> None:
        waits = [asyncio.create_task(each.wait()) for each in (self._news, self._leaving)]
        try:
            await asyncio.wait(waits, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        self._news.clear()

    async def _renew(self, socket: ClientConnection) -> None:
        while True:
            kept = self._credentials.kept
            if kept is not None and kept.renewal_due(self._clock.now()):
                await socket.send(messages.by_agent(messages.Renew(self._credentials.request())))
            await self._clock.sleep(RENEW_S)
