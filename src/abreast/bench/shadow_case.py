"""What is measured of copying: the cases, how much of each, and what one visit finds."""

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from abreast.bench.shadow_target import SHARES
from abreast.load import Request
from abreast.model.units import FULL_WEIGHT
from abreast.up_process import Json

ANSWER_BYTES: Final = 2048
BODY_BYTES: Final = 65_000
"""Just below what is copied at most (`model.shadow.BODY_LIMIT`): the most that a copy can cost."""


class Case(StrEnum):
    """What is done to the copies while users are served."""

    OFF = "off"
    SOME = "20 %"
    CANDIDATE_HUNG = "20 %, candidate hung"
    RELAY_HUNG = "20 %, relay hung"
    RELAY_KILLED = "20 %, relay killed"
    ALL = "100 %"

    @property
    def share(self) -> int:
        """What share is copied, in hundredths of a percent."""
        return {Case.OFF: 0, Case.ALL: FULL_WEIGHT}.get(self, SHARES[0])


GET: Final = Request("/orders/17")
POST: Final = Request(
    "/orders",
    method="POST",
    headers=(("content-type", "application/json"),),
    body='{"note": "' + "x" * (BODY_BYTES - len('{"note": ""}')) + '"}',
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured: GETs at ``rate_per_s``, POSTs of 65,000 bytes at ``post_rate_per_s``; 0 leaves them out."""

    rounds: int = 5
    rate_per_s: float = 300.0
    post_rate_per_s: float = 60.0
    service_s: float = 0.01
    """How long the versions take to answer."""
    visit_s: float = 10.0
    settle_s: float = 20.0
    """How long copies that are still on their way are waited for, after each visit."""
    connections: int = 32
    users: int = 2000
    workers: int = os.cpu_count() or 1
    cases: tuple[Case, ...] = tuple(Case)

    @classmethod
    def quick(cls) -> "Sizes":
        """One short round: a look, not evidence."""
        return cls(rounds=1, visit_s=3.0, settle_s=4.0)

    def kinds(self) -> tuple[tuple[Request, float], ...]:
        """The requests that are measured, each with its rate."""
        return tuple((each, rate) for each, rate in ((GET, self.rate_per_s), (POST, self.post_rate_per_s)) if rate)


@dataclass(frozen=True, slots=True)
class Copies:
    """What became of the copies: the ledger's growth. ``lost`` has also those that never came back from their way."""

    seen: int
    compared: int
    skipped: Mapping[str, int]
    lost: int

    @classmethod
    def between(cls, before: Json, after: Json) -> "Copies":
        """Of two readings of the ledger."""
        skipped: Counter[str] = Counter(after["skipped"])
        skipped.subtract(before["skipped"])
        grown = {name: after[name] - before[name] for name in ("seen", "compared", "lost", "pending")}
        lost = grown["lost"] + grown["pending"]
        return cls(grown["seen"], grown["compared"], {name: count for name, count in skipped.items() if count}, lost)


@dataclass(frozen=True, slots=True)
class Measured:
    """One case in one round. Latencies are the users', from the intended time; processor time is per user's request."""

    case: Case
    method: str
    round: int
    p50_ms: float
    p99_ms: float
    sent: int
    failed: int
    envoy_cpu_us: float
    relay_cpu_us: float
    control_cpu_us: float
    copies: Copies
    starved: bool
    """The load generator itself was late: these latencies are not abreast's."""
