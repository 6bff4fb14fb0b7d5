"""Counts of one lane: of the attempt, of the step, and cut into strata, in which both versions had something."""

from collections.abc import Mapping
from typing import Any, Self

from abreast.analysis.assessment import Counted
from abreast.analysis.process import Stratum


class Counting:
    """Seconds are added one by one; those in which one side had nothing wait for the next ones."""

    __slots__ = ("_cut", "_step", "_total")

    def __init__(self) -> None:
        """Nothing counted."""
        self._total = [0, 0, 0, 0]
        self._step = self._cut = (0, 0, 0, 0)

    def begin(self) -> None:
        """Another step: its proof is made of the step alone, so what still waits for its other side is left out."""
        bad_c, seen_c, bad_s, seen_s = self._total
        self._step = self._cut = (bad_c, seen_c, bad_s, seen_s)

    def add(self, bad_c: int, seen_c: int, bad_s: int, seen_s: int) -> Stratum | None:
        """Bad ones of all, of either version, in one more second. The stratum that it completes, if it does."""
        total = self._total
        total[0] += bad_c
        total[1] += seen_c
        total[2] += bad_s
        total[3] += seen_s
        all_bad_c, all_c, all_bad_s, all_s = total
        cut_bad_c, cut_c, cut_bad_s, cut_s = self._cut
        if all_c == cut_c or all_s == cut_s:
            return None
        self._cut = (all_bad_c, all_c, all_bad_s, all_s)
        return Stratum(all_bad_c - cut_bad_c, all_c - cut_c, all_bad_s - cut_bad_s, all_s - cut_s)

    @property
    def attempt(self) -> Counted:
        """Since the beginning."""
        return Counted(*self._total)

    @property
    def step(self) -> Counted:
        """Since the step began."""
        return Counted(*(now - then for now, then in zip(self._total, self._step, strict=True)))

    @property
    def share_s(self) -> float:
        """Stable's share of bad ones since the beginning; 0 if it had nothing."""
        _, _, bad_s, seen_s = self._total
        return bad_s / seen_s if seen_s else 0.0

    def state(self) -> dict[str, Any]:  # Any: JSON
        """All of it as JSON; `restored` takes it."""
        return {"total": list(self._total), "step": list(self._step), "cut": list(self._cut)}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Self:
        """Go on from a `state`."""
        counting = cls()
        counting._total = list(state["total"])
        counting._step, counting._cut = _four(state["step"]), _four(state["cut"])
        return counting


def _four(numbers: list[int]) -> tuple[int, int, int, int]:
    bad_c, seen_c, bad_s, seen_s = numbers
    return bad_c, seen_c, bad_s, seen_s
