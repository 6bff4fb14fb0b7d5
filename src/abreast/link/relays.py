"""The servers' end of a relay's line: each relay is connected to every server, and the one that decides asks it."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from abreast.link import messages
from abreast.link.messages import Admitted, Question, Refused, Renew, Reply
from abreast.link.refusals import not_enrolled, taken
from abreast.model.agent import AgentKind, AgentName
from abreast.model.service import Endpoint
from abreast.ports import Clock

log: Final = logging.getLogger(__name__)

ANSWER_S: Final = 3.0
"""How long a relay may take to answer."""

AWAY_S: Final = 5.0
"""A relay whose connection ended is offered to gateways for so long: it may only have to connect again."""

ENROLLED_S: Final = 5.0
"""How often it is looked whether a relay may still be here."""

Ask = Callable[[str, str, bytes], Awaitable[Reply]]
"""Takes a method, a target and a body. Raises TimeoutError, ConnectionError."""


@dataclass(frozen=True)
class Present:
    """A relay that is connected: where gateways bring copies to, and how it is asked."""

    address: Endpoint
    ask: Ask


class RelayBook:
    """The relays that are connected to this server. ``on_change`` is called when their addresses may be others."""

    def __init__(self, clock: Clock, on_change: Callable[[], None] = lambda: None) -> None:
        self.clock = clock
        self.on_change = on_change
        self._present: dict[str, Present] = {}
        self._gone: dict[str, tuple[Endpoint, float]] = {}

    @property
    def present(self) -> Mapping[str, Present]:
        """By name."""
        return dict(self._present)

    @property
    def addresses(self) -> tuple[Endpoint, ...]:
        """Where gateways may bring copies to."""
        now = self.clock.now()
        recent = {address for address, at in self._gone.values() if 0 <= now - at < AWAY_S}
        return tuple(sorted(recent | {each.address for each in self._present.values()}))

    def come(self, name: str, relay: Present) -> bool:
        """Note it; False where another of that name is here."""
        if name in self._present:
            return False
        self._present[name] = relay
        self._gone.pop(name, None)
        self.on_change()
        return True

    def go(self, name: str) -> None:
        """Its connection ended."""
        self._gone[name] = self._present.pop(name).address, self.clock.now()
        self.on_change()

    def leave(self, name: str) -> None:
        """It ended in order: nothing is brought to it any more."""
        if self._gone.pop(name, None) is not None:
            self.on_change()


class RelaySession:
    """One relay's connection. ``enrolled`` tells whether it may (still) be here, ``renew`` makes certificates."""

    def __init__(
        self,
        book: RelayBook,
        name: str,
        socket: ServerConnection,
        enrolled: Callable[[], Awaitable[bool]],
        renew: Callable[[Renew], Admitted | Refused],
    ) -> None:
        self._book = book
        self._agent = AgentName(AgentKind.RELAY, name)
        self._name = name
        self._socket = socket
        self._enrolled = enrolled
        self._renew = renew
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Reply]] = {}
        self._left = False

    async def run(self, address: Endpoint | None) -> None:
        """Until the connection ends, or the relay may be here no more."""
        if address is None:
            await self._say(Refused("request", f"relay/{self._name} says no address", "see its log"))
            return
        if not self._book.come(self._name, Present(address, self.ask)):
            await self._say(taken(self._agent))
            return
        log.info("relay/%s is connected: copies go to %s", self._name, address)
        tasks = [asyncio.create_task(self._hear(), name="link"), asyncio.create_task(self._watch(), name="link")]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except ConnectionClosed as error:
            log.info("relay/%s is connected no more: %s", self._name, error)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError(f"relay/{self._name} is connected no more"))
            self._book.go(self._name)
            if self._left:
                self._book.leave(self._name)

    async def ask(self, method: str, target: str, body: bytes) -> Reply:
        """One question. Raises TimeoutError, ConnectionError."""
        number = next(self._numbers)
        waiting: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._asked[number] = waiting
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._say(Question(number, method, target, body.decode()))
                return await waiting
        except ConnectionClosed as error:
            message = f"relay/{self._name} is connected no more"
            raise ConnectionError(message) from error
        finally:
            del self._asked[number]

    async def _hear(self) -> None:
        async for text in self._socket:
            try:
                message = messages.of_agent(text)
            except ValueError as error:
                log.warning("relay/%s says what is no message: %s", self._name, error)
                return
            if isinstance(message, Reply):
                waiting = self._asked.get(message.number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            elif isinstance(message, Renew):
                await self._say(self._renew(message))
            elif isinstance(message, messages.Leave):
                self._left = True
                await self._say(messages.Left())

    async def _watch(self) -> None:
        """Until it was revoked."""
        while await self._enrolled():
            await self._book.clock.sleep(ENROLLED_S)
        await self._say(not_enrolled(self._agent))

    async def _say(self, message: messages.FromServer) -> None:
        await self._socket.send(messages.by_server(message))
