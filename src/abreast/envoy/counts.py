"""What the gateway counted, by version and tick: read from Envoy's admin socket, kept in memory.

Envoy's totals only grow while one process lives, so a tick is a difference of totals. A new process begins at
zero; during a hot restart the new one also takes over what the old one still counts (Envoy merges its parent's
counters), so that only the newest process is read. What is missed then: latencies of the old one's last requests,
and attempts that ended within about a millisecond (Envoy notes what it has told just after it has told it).
"""

import bisect
import re
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import orjson

from abreast.analysis.tick import Side
from abreast.envoy.bootstrap import ADS
from abreast.envoy.capture import SAMPLED
from abreast.envoy.listener import ATTEMPTS, USERS
from abreast.envoy.seconds import Seconds
from abreast.findings.ledger import GatewayTotals
from abreast.nodes.second import NodeSecond
from abreast.ports import Clock, Latencies, VersionCounts
from abreast.rollout.observed import Tally

TICK_S: Final = 0.25
"""How often totals are read: 0.7 ms of Envoy's time each."""

_BLIND_READINGS: Final = 2

MEMORY_S: Final = 7200.0
"""How far back tallies reach; an older start is answered from here on."""

_COUNTER: Final = re.compile(
    rf"({ATTEMPTS}|{USERS})\.n\.version\.(.*?)\.code\.(\d+|-|)(?:\.shadow\.(.*)\.capture\.(.*))?"
)
_UNSAID: Final = {"", "-"}
_HISTOGRAM: Final = re.compile(rf"{ATTEMPTS}\.us\.version\.(.+)")
_ACTIVE: Final = re.compile(rf"cluster\.(?!{ADS}\.)([^/]+?)(?:/timed)?\.upstream_rq_active")
_FILTER: Final = rf"^({ATTEMPTS}|{USERS})\.|^cluster\.[^/]+(/timed)?\.upstream_rq_active$"
_WAITING: Final = r"^http\.gateway\.downstream_rq_active$"
Label = TypeVar("Label", int, str)

_NO_VERSION: Final = ""
"""Envoy's word where no version was reached: a request that found no healthy instance."""


@dataclass(frozen=True)
class Totals:
    """One reading of one Envoy process: attempts and users' requests by version and code, latencies, in flight.

    ``captures``: users' requests while shadowing, by what became of their copies (`abreast.envoy.capture`).
    """

    attempts: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    users: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    latencies: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    in_flight: Mapping[str, int] = field(default_factory=dict)
    captures: Mapping[str, int] = field(default_factory=dict)


def parse(answer: bytes) -> Totals:
    """Totals from the admin's ``/stats?format=json&histogram_buckets=detailed``.

    Bucket bounds are Envoy's own (two significant digits, so 1 to 10 % wide), in microseconds.
    """
    attempts: dict[str, dict[int, int]] = {}
    users: dict[str, dict[int, int]] = {}
    latencies: dict[str, dict[int, int]] = {}
    in_flight: dict[str, int] = {}
    captures: dict[str, int] = {}
    for stat in orjson.loads(answer)["stats"]:
        if "histograms" in stat:
            for each in stat["histograms"]["details"]:
                found = _HISTOGRAM.fullmatch(each["name"])
                if found:
                    latencies[found[1]] = _buckets(each["totals"])
            continue
        name, value = stat["name"], stat["value"]
        if counter := _COUNTER.fullmatch(name):
            kind = attempts if counter[1] == ATTEMPTS else users
            code = int(counter[3]) if counter[3].isdigit() else 0
            codes = kind.setdefault(counter[2], {})
            codes[code] = codes.get(code, 0) + value
            if outcome := _outcome(counter[4], counter[5]):
                captures[outcome] = captures.get(outcome, 0) + value
        elif active := _ACTIVE.fullmatch(name):
            in_flight[active[1]] = in_flight.get(active[1], 0) + value
    return Totals(attempts, users, latencies, in_flight, captures)


def _outcome(route: str | None, script: str | None) -> str:
    """What became of a request's copy; empty where nothing is copied. The script never ran if nobody answered."""
    if route is None or route in _UNSAID:
        return ""
    if route != SAMPLED:
        return route
    return "no-upstream" if script is None or script in _UNSAID else script


def _buckets(totals: Iterable[Mapping[str, Any]]) -> dict[int, int]:
    return {int(each["lower_bound"]): int(each["count"]) for each in totals}


def difference(after: Mapping[Label, int], before: Mapping[Label, int]) -> dict[Label, int]:
    """What was added between two totals; what shrank belongs to a process that began anew at zero."""
    added = {}
    for key, value in after.items():
        grown = value - before.get(key, 0)
        new = grown if grown >= 0 else value
        if new:
            added[key] = new
    return added


@dataclass
class _Sum:
    """Requests and errors of one version since counting began, with when the last one began."""

    requests: int = 0
    errors: int = 0
    started: int = 0
    in_flight: int = 0
    last_request_at: float | None = None


class EnvoyCounts:
    """Implements `abreast.ports.Counts` over ticks of differences; `feed` takes a reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.now()
        self._source = ""
        self._readings = 0
        self._totals = Totals()
        self._sums: dict[str, _Sum] = {}
        self._times: deque[float] = deque()
        self._marks: deque[Mapping[str, tuple[int, int, int]]] = deque()
        self._ticks: deque[tuple[float, Mapping[str, VersionCounts]]] = deque()
        self._minute: dict[str, VersionCounts] = {}
        self._earlier: dict[str, VersionCounts] = {}
        self._seconds = Seconds(
            lambda version, age_s: self._waiting(version, age_s, self._times[-1]),
            lambda version: self._sums[version].last_request_at,
            self._since,
        )
        self._users: dict[int, int] = {}
        self._captures: dict[str, int] = {}
        self._resumed = GatewayTotals()
        self._mark(self._since)

    @property
    def since(self) -> float:
        """Unix seconds since when the counts are complete."""
        return self._since

    @property
    def users(self) -> Mapping[int, int]:
        """Users' requests by what they got in the end (0: no answer), since counting began."""
        return dict(self._users)

    @property
    def exposed_users(self) -> Mapping[int, int]:
        """All of them: there is no other gateway."""
        return self.users

    def feed(self, source: str, totals: Totals, *, inherited: bool = False) -> None:
        """Take in a reading of the Envoy process named ``source``.

        ``inherited``: it ran before counting began, so its first readings count nothing: two, because asking for
        histograms is what brings them up to date, and the first answer may still be without them.
        """
        fresh = source != self._source
        before = Totals() if fresh else self._totals
        self._readings = 1 if fresh else self._readings + 1
        self._source, self._totals = source, totals
        blind = inherited and self._readings <= _BLIND_READINGS
        if source == self._resumed.source:
            self._add_captures(totals.captures, self._resumed.counts if fresh else before.captures)
        elif not blind:
            self._add_captures(totals.captures, before.captures)
        if blind:
            return
        now = self._clock.now()
        self._seconds.begin(now)
        self._add_users(totals, before)
        tick: dict[str, VersionCounts] = {}
        for version in {*totals.attempts, *totals.in_flight}:
            codes = difference(totals.attempts.get(version, {}), before.attempts.get(version, {}))
            spans = difference(totals.latencies.get(version, {}), before.latencies.get(version, {}))
            in_flight = totals.in_flight.get(version, 0)
            if version != _NO_VERSION:
                tick[version] = VersionCounts(codes, Latencies(spans), in_flight)
        self._add(now, tick)

    def _add_users(self, totals: Totals, before: Totals) -> None:
        for version, answers in totals.users.items():
            fresh = difference(answers, before.users.get(version, {}))
            self._seconds.add_users(fresh)
            for code, count in fresh.items():
                self._users[code] = self._users.get(code, 0) + count

    def _add_captures(self, after: Mapping[str, int], before: Mapping[str, int]) -> None:
        fresh = difference(after, before)
        self._seconds.add_captures(fresh)
        for outcome, count in fresh.items():
            self._captures[outcome] = self._captures.get(outcome, 0) + count

    def _add(self, now: float, tick: Mapping[str, VersionCounts]) -> None:
        for version, counts in tick.items():
            total = self._sums.setdefault(version, _Sum())
            total.requests += counts.requests
            total.errors += counts.errors
            started = max(0, counts.requests + counts.in_flight - total.in_flight)
            total.started += started
            total.in_flight = counts.in_flight
            if started:
                total.last_request_at = now
            self._minute[version] = self._minute.get(version, VersionCounts()) + counts
            self._seconds.add(version, counts)
        self._ticks.append((now, tick))
        while self._ticks and self._ticks[0][0] < now - 60:
            self._ticks.popleft()
        self._mark(now)

    def _mark(self, now: float) -> None:
        self._times.append(now)
        self._marks.append({name: (each.requests, each.errors, each.started) for name, each in self._sums.items()})
        while self._times[0] < now - MEMORY_S:
            self._times.popleft()
            self._marks.popleft()

    def tally(self, since: float) -> Mapping[str, Tally]:
        """Totals per version from ``since`` to now."""
        mark = self._mark_at(since)
        tallies = {}
        for version, total in self._sums.items():
            requests, errors, _ = mark.get(version, (0, 0, 0))
            tallies[version] = Tally(
                total.requests - requests, total.errors - errors, total.in_flight, total.last_request_at
            )
        return tallies

    def _mark_at(self, since: float) -> Mapping[str, tuple[int, int, int]]:
        index = max(bisect.bisect_right(self._times, since) - 1, 0)
        return self._marks[index]

    def recent(self, seconds: float) -> Mapping[str, VersionCounts]:
        """Everything of the last ``seconds`` (60 at most), per version."""
        begin = self._clock.now() - seconds
        total: dict[str, VersionCounts] = {}
        for at, tick in self._ticks:
            if at >= begin:
                for version, counts in tick.items():
                    total[version] = total.get(version, VersionCounts()) + counts
        return total

    def waiting(self, version: str, longer_than_s: float) -> int:
        """How many requests at least have been in flight for longer than that.

        Envoy does not tell ages. But of those in flight now, no more than were started within the last
        ``longer_than_s`` can be younger; the rest is older. So a hung version shows before its time-outs do.
        """
        return self._waiting(version, longer_than_s, self._clock.now())

    def _waiting(self, version: str, longer_than_s: float, now: float) -> int:
        total = self._sums.get(version)
        if total is None:
            return 0
        _, _, started = self._mark_at(now - longer_than_s).get(version, (0, 0, 0))
        return max(0, total.in_flight - (total.started - started))

    def seconds(self, since: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """What each version did in each whole second that ended after ``since``, oldest first."""
        return self._seconds.since(since)

    def finished(self, node: str, after: int = 0) -> Sequence[NodeSecond]:
        """The seconds that are over with a number above ``after``, to be handed in as that node's; of two minutes."""
        return self._seconds.finished(node, after)

    def take_captures(self) -> Mapping[str, int]:
        """What became of the copies of the requests counted since this was called last, for the ledger."""
        taken, self._captures = self._captures, {}
        return taken

    @property
    def captures_at(self) -> GatewayTotals:
        """Up to where `take_captures` has counted, once it was called."""
        return GatewayTotals(self._source, dict(self._totals.captures))

    def resume_captures(self, at: GatewayTotals) -> None:
        """Count the copies from there on, where an earlier control plane stopped; to be called before any reading."""
        self._resumed = at

    def take_minute(self) -> Mapping[str, VersionCounts]:
        """What was counted since this was called last, for the store."""
        taken, self._minute, self._earlier = self._minute, {}, self._whole()
        return taken

    def cumulative(self) -> Mapping[str, VersionCounts]:
        """Everything since counting began, per version: a version that was counted once stays."""
        return self._whole()

    def _whole(self) -> dict[str, VersionCounts]:
        versions = {**self._earlier, **self._minute}
        empty = VersionCounts()
        return {
            name: self._earlier.get(name, empty) + self._minute[name] if name in self._minute else self._earlier[name]
            for name in versions
        }


class AdminSocket:
    """Reads one Envoy's statistics over its admin socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._client = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://envoy", timeout=2.0
        )

    async def totals(self) -> Totals:
        """One reading. Raises httpx.HTTPError when Envoy does not answer."""
        query = {"filter": _FILTER, "format": "json", "histogram_buckets": "detailed"}
        answer = await self._client.get("/stats", params=query)
        answer.raise_for_status()
        return parse(answer.content)

    async def live(self) -> bool:
        """Whether Envoy is initialised and takes requests; False once this was closed."""
        if self._client.is_closed:
            return False
        try:
            answer = await self._client.get("/ready")
        except httpx.HTTPError:
            return False
        return answer.is_success

    async def stop_listening(self) -> None:
        """Take no new connection; requests on the open ones go on. Raises httpx.HTTPError."""
        (await self._client.post("/drain_listeners")).raise_for_status()

    async def reopen_logs(self) -> None:
        """Open the files of access logs again, which were moved or are new. Raises httpx.HTTPError."""
        (await self._client.post("/reopen_logs")).raise_for_status()

    async def users_waiting(self) -> int:
        """How many users' requests are under way. Raises httpx.HTTPError."""
        query = {"filter": _WAITING, "format": "json"}
        answer = await self._client.get("/stats", params=query)
        answer.raise_for_status()
        return sum(int(stat.get("value", 0)) for stat in orjson.loads(answer.content)["stats"])

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()
