"""One accumulating test: stakes on several bets, growing window by window, no window worth more than its cap.

Per bet θ two logarithms are kept: A, the stake at the start of the present window, and L, its growth inside it.

    evidence = logsumexp over θ of (A_θ + min(L_θ, cap));  the null is refused when it reaches ln(1/α)
    at the end of a window:  A += min(L, cap);  L = 0
    cap = min(ln(1/α) / parts, ln(1 / the candidate's share of the window's traffic))

The cap only ever lowers evidence, so the guarantee of `abreast.analysis.eprocess` stays. With it a burst, which falls
into one window, is no proof by itself; with the share in it, nor is bad luck in whose requests the burst fell on.
A weight change cuts a window in two, which together are worth no more than one.

Where a healthy past must not hide a late regression (`Test.stakes`), half of the stake is put in at the start, a
quarter when weights change, and a quarter window after window up to the longest time: never more than 1 in all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, log, log1p
from typing import Any, Final, NamedTuple, Self

FIRST_STAKE: Final = 0.5
CHANGES_STAKE: Final = 0.25
WINDOWS_STAKE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Stakes:
    """Over how many weight changes, and how many windows, fresh stakes are spread."""

    changes: int
    windows: int


@dataclass(frozen=True, slots=True)
class Test:
    """The null "p_c ≤ ρ·p_s + δ" (bets above 1; "≥" with bets below 1), and how it is tested.

    ``delta`` is a share, ``alpha`` the chance of refusing a true null, ever. ``parts``: one window is at most so
    large a part of the proof. ``share_cap``: nor more than the odds that one burst fell on the candidate.
    ``stakes`` None: all is staked at the start.
    """

    bets: tuple[float, ...]
    rho: float
    delta: float
    alpha: float
    window_s: float
    parts: float
    share_cap: bool = False
    stakes: Stakes | None = None

    @property
    def needed(self) -> float:
        """The evidence that refuses the null: ln(1/α)."""
        return -log(self.alpha)


class Stratum(NamedTuple):
    """Bad ones of all, of the candidate's and of stable's, in the same seconds."""

    bad_c: float
    seen_c: float
    bad_s: float
    seen_s: float


class Process:
    """The evidence of one test so far. ``peak`` is the most it ever was: a proof does not go away."""

    __slots__ = (
        "_bets",
        "_caps",
        "_changes",
        "_earlier",
        "_growth",
        "_seen_c",
        "_seen_s",
        "_spread",
        "_stakes",
        "_window",
        "_windows",
        "peak",
        "test",
    )

    def __init__(self, test: Test) -> None:
        """Nothing seen."""
        self.test = test
        self._bets = [(bet - 1, log(bet)) for bet in test.bets]
        self._spread = log(len(test.bets))
        self._caps = test.needed / test.parts
        self._stakes = [log((FIRST_STAKE if test.stakes else 1.0) / len(test.bets))] * len(test.bets)
        self._growth = [0.0] * len(test.bets)
        self._window: int | None = None
        self._earlier = 0.0
        self._seen_c = self._seen_s = 0.0
        self._changes = self._windows = 0
        self.peak = self.log_e

    @property
    def log_e(self) -> float:
        """The evidence now, as a natural logarithm."""
        return _log_sum_exp(self._logs())

    @property
    def ceiling(self) -> float:
        """`log_e` is not above this: found without exponentials, it saves most of them."""
        return max(self._logs()) + self._spread

    @property
    def proven(self) -> bool:
        """Whether the null was refused, now or earlier."""
        return self.peak >= self.test.needed

    def add(self, at: float, stratum: Stratum) -> None:
        """One more stratum, which ended ``at`` (Unix seconds, not falling). One side empty: it says nothing."""
        window = int(at // self.test.window_s)
        if window != self._window:
            self._go_to(window)
        if stratum.seen_c <= 0 or stratum.seen_s <= 0:
            return
        bad_c, seen_c, bad_s, seen_s = stratum
        weighed = self.test.rho * seen_c
        share, bad = weighed / (weighed + seen_s), bad_c + bad_s
        cost = self.test.delta * seen_c * (1 - share)
        if bad or cost:
            # With x = (bet - 1) * share, b is 1 / (1 + x), and a - 1 is (bet - 1) * (1 - share) / (1 + x).
            self._growth = [
                grown + (bad_c * log_bet - bad * log1p(more * share) if bad else 0.0) - cost * more / (1 + more * share)
                for grown, (more, log_bet) in zip(self._growth, self._bets, strict=True)
            ]
        self._seen_c += seen_c
        self._seen_s += seen_s
        logs = self._logs()
        if max(logs) + self._spread > self.peak:
            self.peak = max(self.peak, _log_sum_exp(logs))

    def changed(self) -> None:
        """The weight changes: fresh stakes come in if there are any. What is left of the window's cap is all it has."""
        stakes = self.test.stakes
        if stakes is None or self._changes >= stakes.changes:
            return
        used = self._earlier + max(0.0, min(max(self._growth), self._cap()))
        self._close()
        self._earlier = used
        self._changes += 1
        self._stake(CHANGES_STAKE / stakes.changes)

    def state(self) -> dict[str, Any]:  # Any: JSON
        """All of it as JSON, about 300 bytes; `restored` takes it."""
        return {
            "a": list(self._stakes),
            "l": list(self._growth),
            "window": self._window,
            "earlier": self._earlier,
            "seen": [self._seen_c, self._seen_s],
            "spent": [self._changes, self._windows],
            "peak": self.peak,
        }

    @classmethod
    def restored(cls, test: Test, state: Mapping[str, Any]) -> Self:
        """Go on from a `state` of the same test."""
        process = cls(test)
        process._stakes = list(state["a"])
        process._growth = list(state["l"])
        process._window, process._earlier = state["window"], state["earlier"]
        process._seen_c, process._seen_s = state["seen"]
        process._changes, process._windows = state["spent"]
        process.peak = state["peak"]
        return process

    def _logs(self) -> list[float]:
        """What each bet is worth now."""
        cap = self._cap()
        # min() would cost a call for each bet, here where a simulation spends most of its time.
        return [
            a + (grown if grown < cap else cap)  # noqa: FURB136 - see above
            for a, grown in zip(self._stakes, self._growth, strict=True)
        ]

    def _cap(self) -> float:
        """What is left of the window's; ``_earlier`` was used up before the weight changed within it."""
        cap = self._caps
        if self.test.share_cap and self._seen_c:
            cap = min(cap, log((self._seen_c + self._seen_s) / self._seen_c))
        return max(0.0, cap - self._earlier)

    def _go_to(self, window: int) -> None:
        before = self._window
        if before is not None and before - 1 <= window <= before:
            return  # one back: a clock that trembles at a border must not make two windows of one
        self._window = window
        if before is None:
            return
        self._close()
        stakes = self.test.stakes
        due = 0 if stakes is None else min(window - before, stakes.windows - self._windows)
        if stakes is not None and due > 0:
            self._windows += due
            self._stake(WINDOWS_STAKE * due / stakes.windows)

    def _close(self) -> None:
        self._stakes = self._logs()
        self._growth = [0.0] * len(self._growth)
        self._seen_c = self._seen_s = self._earlier = 0.0

    def _stake(self, part: float) -> None:
        fresh = log(part / len(self._stakes))
        self._stakes = [_log_add_exp(a, fresh) for a in self._stakes]


def _log_sum_exp(values: list[float]) -> float:
    highest = max(values)
    return highest + log(sum([exp(each - highest) for each in values]))


def _log_add_exp(one: float, other: float) -> float:
    high, low = (one, other) if one > other else (other, one)
    return high + log1p(exp(low - high))
