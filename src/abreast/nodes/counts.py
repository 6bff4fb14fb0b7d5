"""`abreast.ports.Counts` over several gateways, made of the seconds that they hand in.

A server has the seconds of its own gateway at once, and those of all others from the store: each second once, by its
node, since and number, whichever way it comes and however often. So it knows what all gateways did, about a second
late, and goes on knowing it when it is the one that decides from now on.
"""

import bisect
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import Final

from abreast.analysis.tick import WAITING_S, Side
from abreast.nodes.joined import KEPT_S, PRESENT_S, Joined
from abreast.nodes.second import NodeSecond, VersionSecond
from abreast.ports import Clock, VersionCounts
from abreast.rollout.observed import Tally

MEMORY_S: Final = 7200.0
"""How far back tallies reach; an older start is answered from here on."""

RECENT_S: Final = 60.0

_NUMBERS: Final = 600
"""So far back it is known, by number, which seconds of a node were taken in."""

_CLOSE_S: Final = 1.0


def aligned(second: NodeSecond, ended_ago_s: float, now: float) -> NodeSecond:
    """As the clock that shows ``now`` tells it.

    Clocks that agree by a second are taken as they are, so that the same second stays the same; one that is further
    off is corrected by whole seconds.
    """
    off_s = now - ended_ago_s - second.at
    return second if abs(off_s) <= _CLOSE_S else second.shifted(float(round(off_s)))


@dataclass
class _Node:
    """What is known of one gateway: since when without a gap, its last second, and when that was heard of."""

    complete_since: float
    heard_at: float
    last: NodeSecond
    here: bool

    def is_there(self, now: float) -> bool:
        return abs(now - self.heard_at) < PRESENT_S


class NodeCounts:
    """Implements `abreast.operations.control.UserCounts`: what all gateways counted, by what they handed in."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begun = clock.now()
        self._nodes: dict[str, _Node] = {}
        self._numbers: dict[tuple[str, float], set[int]] = {}
        self._totals: dict[str, tuple[int, int]] = {}
        self._last_requests: dict[str, float] = {}
        self._times: list[float] = [-inf]
        self._marks: list[Mapping[str, tuple[int, int]]] = [{}]
        self._kept: deque[tuple[float, NodeSecond]] = deque()
        self._joined = Joined(0.0)
        self._users: dict[int, int] = {}
        self._here_users: dict[int, int] = {}
        self._here: dict[str, VersionCounts] = {}
        self._captures: dict[str, int] = {}

    @property
    def since(self) -> float:
        """Unix seconds from which on the counts of all gateways are complete."""
        return max((self._begun, *(node.complete_since for node in self._nodes.values())))

    @property
    def users(self) -> Mapping[int, int]:
        """Users' requests at all gateways by what they got in the end (0: no answer), since counting began."""
        return dict(self._users)

    @property
    def exposed_users(self) -> Mapping[int, int]:
        """Those of the gateways that hand in their seconds here: other servers expose the others'."""
        return dict(self._here_users)

    def hand_in(self, seconds: Iterable[NodeSecond]) -> Sequence[NodeSecond]:
        """Seconds of a gateway of this server's, by its clock, oldest first; which of them are new."""
        return self._take(seconds, here=True)

    def take(self, seconds: Iterable[NodeSecond]) -> Sequence[NodeSecond]:
        """Seconds out of the store, by this server's clock (`aligned`), oldest first; which of them are new."""
        return self._take(seconds, here=False)

    def take_captures(self) -> Mapping[str, int]:
        """What became of the copies of requests at all gateways, as far as it was told since this was called last."""
        taken, self._captures = self._captures, {}
        return taken

    def missed(self) -> None:
        """Something was not heard of: complete counts begin now."""
        self._begun = self._clock.now()

    def rejoin(self, after: float) -> None:
        """Hand out, by `seconds`, what ended after that: whatever is older was weighed by who decided before."""
        self._joined, self._captures = Joined(after), {}
        for heard_at, each in self._kept:
            self._joined.add(each, heard_at)
            if each.at > after:
                self._add_captures(each)

    def tally(self, since: float) -> Mapping[str, Tally]:
        """Totals per version from ``since`` to now; in flight: at the gateways that are there."""
        mark = self._marks[max(bisect.bisect_right(self._times, since) - 1, 0)]
        tallies = {}
        for version, (requests, errors) in self._totals.items():
            before = mark.get(version, (0, 0))
            tallies[version] = Tally(
                requests - before[0],
                errors - before[1],
                self._in_flight(version),
                self._last_requests.get(version),
            )
        return tallies

    def recent(self, seconds: float) -> Mapping[str, VersionCounts]:
        """Everything of the last ``seconds`` (60 at most), per version."""
        begin = self._clock.now() - min(seconds, RECENT_S)
        total: dict[str, VersionCounts] = {}
        for _, second in self._kept:
            if second.at >= begin:
                for version, each in second.versions.items():
                    total[version] = total.get(version, VersionCounts()) + each.counts
        return {name: replace(counts, in_flight=self._in_flight(name)) for name, counts in total.items()}

    def seconds(self, since: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """What each version did at all gateways in each whole second that ended after ``since``, oldest first."""
        return self._joined.since(since, self._clock.now())

    def waiting(self, version: str, longer_than_s: float) -> int:
        """How many requests at least have been in flight for longer than that, or than the longest age told apart."""
        age = min(bisect.bisect_left(WAITING_S, longer_than_s), len(WAITING_S) - 1)
        return sum(each.waiting[age] for each in self._last(version))

    def cumulative(self) -> Mapping[str, VersionCounts]:
        """Everything of the gateways that hand in their seconds here, since counting began, per version."""
        return {
            name: replace(counts, in_flight=sum(each.counts.in_flight for each in self._last(name, here=True)))
            for name, counts in self._here.items()
        }

    def _take(self, seconds: Iterable[NodeSecond], *, here: bool) -> Sequence[NodeSecond]:
        now = self._clock.now()
        fresh = [each for each in seconds if self._is_new(each, now, here=here)]
        for each in fresh:
            self._joined.add(each, now)
            self._kept.append((now, each))
            self._add(each, now, here=here)
        while self._kept and not now - KEPT_S <= self._kept[0][0] <= now + KEPT_S:
            self._kept.popleft()
        return fresh

    def _is_new(self, second: NodeSecond, now: float, *, here: bool) -> bool:
        """Whether it was not taken in before; what the node did last is noted."""
        numbers = self._numbers.setdefault((second.node, second.since), set())
        if second.number in numbers or second.number <= max(numbers, default=0) - _NUMBERS:
            return False
        numbers.add(second.number)
        if len(numbers) > 2 * _NUMBERS:
            numbers.intersection_update(range(second.number - _NUMBERS, second.number + _NUMBERS))
        node = self._nodes.get(second.node)
        if node is None or node.last.since != second.since:
            if node is None or second.since > node.last.since or not node.is_there(now):
                self._begin(_Node(second.at - 1, now, second, here))
        elif second.number > node.last.number:
            gap = second.number > node.last.number + 1
            since = second.at - 1 if gap else node.complete_since
            self._nodes[second.node] = _Node(since, now, second, here)
        return True

    def _begin(self, node: _Node) -> None:
        """A gateway that is new, or counts anew; of its earlier starts only those that may still be told are known."""
        name = node.last.node
        before = self._nodes.get(name)
        known = {node.last.since, before.last.since if before else node.last.since}
        self._nodes[name] = node
        for key in [key for key in self._numbers if key[0] == name and key[1] not in known]:
            del self._numbers[key]

    def _add(self, second: NodeSecond, now: float, *, here: bool) -> None:
        for code, count in second.users.items():
            self._users[code] = self._users.get(code, 0) + count
            if here:
                self._here_users[code] = self._here_users.get(code, 0) + count
        self._add_captures(second)
        for version, each in second.versions.items():
            requests, errors = self._totals.get(version, (0, 0))
            self._totals[version] = requests + each.counts.requests, errors + each.counts.errors
            if each.last_request_at is not None:
                self._last_requests[version] = max(each.last_request_at, self._last_requests.get(version, 0.0))
            if here:
                self._here[version] = self._here.get(version, VersionCounts()) + each.counts
        self._mark(min(second.at, now), now)

    def _add_captures(self, second: NodeSecond) -> None:
        for outcome, count in second.captures.items():
            self._captures[outcome] = self._captures.get(outcome, 0) + count

    def _mark(self, at: float, now: float) -> None:
        """The totals as they are from then on; what is told late counts from the newest mark on."""
        while self._times[-1] > now:  # the clock was set back
            del self._times[-1], self._marks[-1]
        if at > self._times[-1]:
            self._times.append(at)
            self._marks.append({})
        self._marks[-1] = dict(self._totals)
        if len(self._times) > 1 and self._times[1] < now - 2 * MEMORY_S:
            begin = min(bisect.bisect_left(self._times, now - MEMORY_S), len(self._times) - 1)
            del self._times[:begin], self._marks[:begin]

    def _in_flight(self, version: str) -> int:
        return sum(each.counts.in_flight for each in self._last(version))

    def _last(self, version: str, *, here: bool = False) -> Iterable[VersionSecond]:
        """What the gateways that are there told last of it."""
        now = self._clock.now()
        for node in self._nodes.values():
            if node.is_there(now) and (node.here or not here) and version in node.last.versions:
                yield node.last.versions[version]
