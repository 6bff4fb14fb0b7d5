"""What gateways counted, on its way: from this server's into its counts and the store, and out of the store.

This server's own Envoy is asked for its seconds; `Delivery.hand_in` takes those of any further gateway whose seconds
reach this server and no other.
"""

from collections.abc import Sequence
from typing import Protocol

from abreast.nodes.counts import NodeCounts, aligned
from abreast.nodes.joined import KEPT_S
from abreast.nodes.second import NodeSecond
from abreast.ports import Clock
from abreast.store.node_seconds import Told


class Counting(Protocol):
    """A gateway that counts: `abreast.envoy.counts.EnvoyCounts`."""

    def finished(self, node: str, after: int = 0) -> Sequence[NodeSecond]:
        """The seconds that are over with a number above ``after``, as that node's, oldest first."""


class Delivery:
    """Seconds of one server; ``name`` is its own gateway's. Whatever is not written within two minutes is given up."""

    def __init__(self, name: str, own: Counting, clock: Clock) -> None:
        self.counts = NodeCounts(clock)
        self.name = name
        self._own = own
        self._clock = clock
        self._collected = 0
        self._unwritten: tuple[NodeSecond, ...] = ()
        self._read_to = 0
        self._read_at = clock.now()

    def collect(self) -> None:
        """Take what this server's own gateway has counted meanwhile."""
        seconds = self._own.finished(self.name, self._collected)
        if seconds:
            self._collected = seconds[-1].number
            self.hand_in(seconds)

    def hand_in(self, seconds: Sequence[NodeSecond]) -> None:
        """Take seconds of a gateway of this server's, by its clock, oldest first: they count here at once."""
        begin = self._clock.now() - KEPT_S
        waiting = (*self._unwritten, *self.counts.hand_in(seconds))
        self._unwritten = tuple(each for each in waiting if each.at >= begin)

    @property
    def unwritten(self) -> Sequence[NodeSecond]:
        """What the other servers cannot know of yet."""
        return self._unwritten

    def written(self, seconds: Sequence[NodeSecond]) -> None:
        """They are in the store."""
        names = {(each.node, each.since, each.number) for each in seconds}
        self._unwritten = tuple(each for each in self._unwritten if (each.node, each.since, each.number) not in names)

    @property
    def read_to(self) -> int:
        """The id of the second that was read last from the store."""
        return self._read_to

    def read(self, told: Sequence[Told]) -> None:
        """Take what was read from the store after that; what is known counts no second time."""
        now = self._clock.now()
        if not 0 <= now - self._read_at < KEPT_S:
            self.counts.missed()
        self._read_at = now
        if told:
            self._read_to = told[-1].id
            self.counts.take([aligned(each.second, each.ended_ago_s, now) for each in told])
