"""Relays that run elsewhere and connect to a control plane, as one to whoever collects."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from abreast.findings.report import Batch
from abreast.ports import Clock
from abreast.shadow.collector import Relays
from abreast.shadow.order import Order
from abreast.shadow.relay_client import Ask, RelayClient, RelayUnreachableError

BACK_S: Final = 15.0
"""A relay that is away for longer is lost, and what it held with it; so long a new decider waits for all to speak."""


@dataclass
class _Seen:
    """One relay; ``ask`` is its present connection, ``away_since`` when it was missed first (Unix seconds)."""

    ask: Ask
    client: RelayClient
    away_since: float | None = None


class Roster:
    """`abreast.shadow.collector.Relays` over the connections there are now: by the relays' names among the nodes.

    Each connection begins anew: a batch that came over the one before comes again, and is known by its number.
    """

    def __init__(self, connected: Callable[[], Mapping[str, Ask]], clock: Clock, *, alone: bool = False) -> None:
        """``alone``: nobody else can compare, so that it is an error when there are none."""
        self._alone = alone
        self._connected = connected
        self._clock = clock
        self._relays: dict[str, _Seen] = {}
        self._wanted = False
        self._next = 0
        self._settled_at = clock.now() + BACK_S
        self.losses = 0
        """How many relays were lost since this control plane began."""

    @property
    def running(self) -> bool:
        """Whether there are any, and they are needed."""
        self._look()
        return self._wanted and bool(self._relays)

    def adopt(self) -> bool:
        """They run by themselves; whether there are any."""
        self._look()
        return bool(self._relays)

    def lost(self, known: Collection[str]) -> Collection[str]:
        """Which of the relays (their own names) that were heard of are gone; none while some have not spoken yet."""
        self._look()
        if self._clock.now() < self._settled_at:
            return ()
        names = {each.client.relay for each in self._relays.values()}
        return [name for name in known if name not in names]

    async def keep(self) -> bool:
        """Look who is there; whether one was lost just now. Raises OSError if nobody could compare."""
        before = self.losses
        self._wanted = True
        self._look()
        if self._alone and not self._relays:
            raise OSError("none is connected; start one, beside any host that reaches the versions: abreast relay")
        return self.losses > before

    async def tell(self, order: Order) -> None:
        """Give all of them the order. Raises RelayUnreachableError if none has it; ValueError if one refuses."""
        told = await asyncio.gather(*(each.client.tell(order) for each in self._there()), return_exceptions=True)
        _raise([each for each in told if isinstance(each, ValueError)][:1])
        if told and all(isinstance(each, RelayUnreachableError) for each in told):
            _raise(told)

    async def report(self) -> Batch | None:
        """The next batch of any, each in its turn. Raises RelayUnreachableError when none answers."""
        there = self._there()
        silent: list[RelayUnreachableError] = []
        for place in range(len(there)):
            relay = there[(self._next + place) % len(there)]
            try:
                batch = await relay.client.report()
            except RelayUnreachableError as error:
                silent.append(error)
                continue
            if batch is not None:
                self._next += place + 1
                return batch
        if there and len(silent) == len(there):
            raise silent[0]
        return None

    def acknowledge(self, batch: Batch) -> None:
        """It is recorded; a relay that is gone by now will say it again, and is not believed twice."""
        for each in self._relays.values():
            if each.client.relay == batch.relay:
                each.client.acknowledge(batch)

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last, of all relays. Raises RelayUnreachableError when none answers."""
        said = await asyncio.gather(*(each.client.recorded() for each in self._there()), return_exceptions=True)
        lines = [line for each in said if not isinstance(each, BaseException) for line in each]
        if said and not lines:
            _raise([each for each in said if isinstance(each, RelayUnreachableError)][:1])
        return lines

    async def stop(self) -> bool:
        """They are needed no more; they wait for what comes, so that none was ended."""
        self._wanted = False
        return False

    async def close(self, *, stop: bool) -> None:
        """Nothing runs for this control plane alone."""
        del stop

    def _there(self) -> list[_Seen]:
        """Those that can be asked, by name."""
        self._look()
        return [self._relays[name] for name in sorted(self._relays) if self._relays[name].away_since is None]

    def _look(self) -> None:
        """Take over who is connected now; forget who has been away for long."""
        now, connected = self._clock.now(), self._connected()
        for name, ask in connected.items():
            seen = self._relays.get(name)
            if seen is None or seen.ask is not ask:
                self._relays[name] = _Seen(ask, RelayClient(ask, self._clock))
                self._settled_at = now + BACK_S
            else:
                seen.away_since = None
        for name in [each for each in self._relays if each not in connected]:
            seen = self._relays[name]
            if seen.away_since is None:
                seen.away_since = now
            elif now - seen.away_since >= BACK_S:
                del self._relays[name]
                self.losses += 1


class Nearest:
    """`abreast.shadow.collector.Relays`: those elsewhere if there are any, else one of this machine."""

    def __init__(self, own: Relays, elsewhere: Relays) -> None:
        self._own = own
        self._elsewhere = elsewhere

    @property
    def _chosen(self) -> Relays:
        return self._elsewhere if self._elsewhere.running else self._own

    @property
    def running(self) -> bool:
        """Whether there is any."""
        return self._chosen.running

    @property
    def losses(self) -> int:
        """How many were lost since this control plane began."""
        return self._own.losses + self._elsewhere.losses

    def adopt(self) -> bool:
        """Take over what an earlier control plane left running; whether there was any."""
        return self._elsewhere.adopt() | self._own.adopt()

    def lost(self, known: Collection[str]) -> Collection[str]:
        """Gone from both places."""
        elsewhere = set(self._elsewhere.lost(known))
        return [name for name in self._own.lost(known) if name in elsewhere]

    async def keep(self) -> bool:
        """Use those elsewhere; one of this machine ends when they are there."""
        lost = await self._elsewhere.keep()
        if not self._elsewhere.running:
            return await self._own.keep() or lost
        if self._own.running:
            await self._own.stop()
        return lost

    async def tell(self, order: Order) -> None:
        """Give all of them the order. Raises RelayUnreachableError; ValueError if it is refused."""
        await self._chosen.tell(order)

    async def report(self) -> Batch | None:
        """The next batch of any. Raises RelayUnreachableError."""
        return await self._chosen.report()

    def acknowledge(self, batch: Batch) -> None:
        """It is recorded."""
        self._chosen.acknowledge(batch)

    async def recorded(self) -> Sequence[str]:
        """Users' requests since this was asked last. Raises RelayUnreachableError."""
        return await self._chosen.recorded()

    async def stop(self) -> bool:
        """They are needed no more; whether one of this machine was ended."""
        await self._elsewhere.stop()
        return await self._own.stop()

    async def close(self, *, stop: bool) -> None:
        """Let go."""
        await self._elsewhere.close(stop=stop)
        await self._own.close(stop=stop)


def _raise(errors: Sequence[BaseException | None]) -> None:
    for error in errors:
        if error is not None:
            raise error
