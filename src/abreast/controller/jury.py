"""Makes evidence of what the gateways counted, second by second, and keeps what is to be recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from abreast.analysis.assessment import Assessment
from abreast.analysis.tick import Side, Tick
from abreast.model.rollout import Rollout
from abreast.ports import Counts
from abreast.rollout.observed import Observed
from abreast.rollout.watch import Watch, is_alone, is_live, is_warming

_UNSAVED: Final = 3600
"""Ticks that wait at most for a store that cannot be written; older ones are evidence, but not on record."""


@dataclass(frozen=True)
class Unsaved:
    """Ticks of one rollout that are not recorded yet, and the evidence after the last of them."""

    rollout: int
    ticks: Sequence[Tick]
    state: Mapping[str, Any]  # Any: JSON


class Jury:
    """`abreast.ports.Verdicts` over a `Watch`; ``watch`` goes on where an earlier control plane stopped."""

    def __init__(self, counts: Counts, watch: Watch | None = None, *, since: float | None = None) -> None:
        """Whatever is counted from then on (Unix seconds; None: from when counting began) is evidence."""
        self._counts = counts
        self._watch = watch or Watch()
        self._fed = counts.since if since is None else since
        self._rollout = 0
        self._unsaved: list[Tick] = []

    def assess(self, rollout: Rollout, observed: Observed) -> Assessment:
        """What is known of the present attempt; seconds before a change of step belong to the step before."""
        self._fed = min(self._fed, observed.now)  # a clock that was set back must not stop the evidence
        changed_at = max(rollout.attempt_since, rollout.step_since, rollout.weight_since)
        followed = False
        for at, sides in self._counts.seconds(self._fed):
            if not followed and at > changed_at:
                self._follow(rollout)
                followed = True
            self._fed = at
            if is_live(rollout):
                self._add(_tick(rollout, observed, at, sides))
        if not followed:
            self._follow(rollout)
        return self._watch.assessment

    def unsaved(self) -> Unsaved | None:
        """What is to be recorded now, if anything; `saved` says that it was."""
        return Unsaved(self._rollout, tuple(self._unsaved), self._watch.state()) if self._unsaved else None

    def saved(self, what: Unsaved) -> None:
        """It is on record."""
        known = set(map(id, what.ticks))
        self._unsaved = [tick for tick in self._unsaved if id(tick) not in known]

    def _follow(self, rollout: Rollout) -> None:
        if rollout.number != self._rollout:
            self._rollout, self._unsaved = rollout.number, []
        self._watch.follow(rollout)

    def _add(self, tick: Tick) -> None:
        self._watch.add(tick)
        self._unsaved.append(tick)
        del self._unsaved[:-_UNSAVED]


def _tick(rollout: Rollout, observed: Observed, at: float, sides: Mapping[str, Side]) -> Tick:
    return Tick(
        at,
        sides.get(rollout.candidate or "", Side()),
        sides.get(rollout.stable, Side()),
        warming=is_warming(rollout, observed),
        alone=is_alone(rollout),
    )
