"""What happened to the requests so far: counters that may be read while the run goes on."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from enum import StrEnum
from typing import NamedTuple

from abreast.load.histogram import Histogram

ERROR_STATUS = 400
"""From this status on an answer counts as failed: the mix asks only for what exists."""


class Failure(StrEnum):
    """Why a request got no whole answer."""

    REFUSED = "refused"
    """No connection, or the server said that it did not take the request."""
    RESET = "reset"
    """The connection or stream was reset."""
    CLOSED = "closed"
    """The connection was closed before the answer was whole."""
    STALE = "stale"
    """A kept connection was closed while the request was on its way, before any byte of the answer."""
    TIMEOUT = "timeout"
    """No whole answer in time, counted from the intended time."""
    PROTOCOL = "protocol"
    """The answer was not HTTP."""


class Exchange:
    """One request on its way. Times are on the monotonic clock, in seconds."""

    __slots__ = ("holder", "intended_s", "kind", "number", "resent", "sent_s", "settled", "user")

    def __init__(self, number: int, kind: int, user: int, intended_s: float) -> None:
        """Start unsent; the clock runs from the intended time."""
        self.number = number
        self.kind = kind
        self.user = user
        self.intended_s = intended_s
        self.sent_s = 0.0
        self.settled = False
        self.resent = 0
        self.holder: object = None


class Result(NamedTuple):
    """One finished request, as given to ``on_result``. ``failure`` is empty after a whole answer."""

    number: int
    kind: int
    user: int
    intended_s: float
    sent_s: float
    done_s: float
    status: int
    version: str
    failure: str

    @property
    def latency_s(self) -> float:
        """From the intended time to the end of the answer: what a user would have waited."""
        return self.done_s - self.intended_s


class Tally:
    """Live counters of one run.

    ``sent`` requests had their turn, ``done`` of them ended, ``ok`` with a status below 400.
    ``failures`` says what happened to the others (``http-503`` for an answer with that status).
    ``last_sent_s`` and ``last_answer_s`` hold, for each version seen, when the latest request that
    it answered was sent, and when its latest answer was whole (monotonic clock).
    """

    def __init__(self) -> None:
        """Start at nothing."""
        self.sent = 0
        self.done = 0
        self.ok = 0
        self.resent = 0
        self.failures: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.versions: Counter[str] = Counter()
        self.last_sent_s: dict[str, float] = {}
        self.last_answer_s: dict[str, float] = {}
        self.users: defaultdict[str, set[int]] = defaultdict(set)
        self.sides: dict[int, str] = {}
        self.flips: Counter[tuple[str, str]] = Counter()
        self.latency = Histogram()
        self.service = Histogram()
        self.lag = Histogram()

    @property
    def failed(self) -> int:
        """How many requests ended badly."""
        return self.done - self.ok

    @property
    def in_flight(self) -> int:
        """How many requests have had their turn and no end yet."""
        return self.sent - self.done

    def answered(self, exchange: Exchange, status: int, version: str) -> Result:
        """Count a whole answer; ``version`` is empty when the watched header was not there."""
        now_s = time.monotonic()
        self.done += 1
        self.statuses[status] += 1
        self.latency.add(now_s - exchange.intended_s)
        self.service.add(now_s - exchange.sent_s)
        if status < ERROR_STATUS:
            self.ok += 1
            failure = ""
        else:
            failure = f"http-{status}"
            self.failures[failure] += 1
        if version:
            self._saw(version, exchange, now_s)
        return _result(exchange, now_s, status, version, failure)

    def lost(self, exchange: Exchange, failure: Failure) -> Result:
        """Count a request that got no whole answer; its wait counts as latency too."""
        now_s = time.monotonic()
        self.done += 1
        self.failures[failure.value] += 1
        self.latency.add(now_s - exchange.intended_s)
        return _result(exchange, now_s, 0, "", failure.value)

    def _saw(self, version: str, exchange: Exchange, now_s: float) -> None:
        self.versions[version] += 1
        self.last_answer_s[version] = now_s
        if exchange.sent_s > self.last_sent_s.get(version, 0.0):
            self.last_sent_s[version] = exchange.sent_s
        user = exchange.user
        before = self.sides.get(user)
        if before != version:
            self.sides[user] = version
            self.users[version].add(user)
            if before is not None:
                self.flips[before, version] += 1


def _result(exchange: Exchange, done_s: float, status: int, version: str, failure: str) -> Result:
    return Result(
        exchange.number,
        exchange.kind,
        exchange.user,
        exchange.intended_s,
        exchange.sent_s,
        done_s,
        status,
        version,
        failure,
    )
