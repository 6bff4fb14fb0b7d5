"""Pictures of what was found. Needs matplotlib, which nothing else here does: ``pip install 'abreast[plot]'``."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Final

from abreast.model.errors import UsageError
from abreast.simulate.course import RULES, End, Way
from abreast.simulate.rules import Abreast, Decision
from abreast.simulate.stream import Stream
from abreast.simulate.summary import until_rolled_back

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from abreast.simulate.course import Outcome
    from abreast.simulate.truth import Truth

SUFFIXES: Final = (".png", ".svg")

_PANEL_IN: Final = (6.0, 3.2)
"""Width and height of one panel, in inches."""

_LOWEST: Final = -1.0
_HIGHEST: Final = 1.2
"""Evidence beyond these says nothing more."""

_COLORS: Final = dict(zip(RULES, ("#0b6e4f", "#c8553d", "#e0a030", "#5b7db1", "#8e6bb0"), strict=True))


@dataclass(frozen=True, slots=True)
class Growth:
    """The evidence of one run of abreast's rule, each second: natural logarithms as parts of the proof needed."""

    worse: tuple[float, ...]
    fine: tuple[float, ...]
    advanced_s: tuple[int, ...]
    end: End


def require_plottable(file: Path) -> None:
    """Find out before minutes of simulating whether ``file`` can be drawn. Raises UsageError."""
    if file.suffix not in SUFFIXES:
        raise UsageError(f"--plot: {str(file)!r} is neither .png nor .svg", "name the file such as found.svg")
    try:
        import matplotlib as mpl  # noqa: PLC0415  # optional: only who wants a picture needs it
    except ImportError as error:
        raise UsageError("--plot: matplotlib is not installed", "pip install 'abreast[plot]'") from error
    mpl.use("Agg")


def growth(truth: Truth, seed: int, way: Way) -> Growth:
    """Run abreast's rule and look at the lane of errors each second."""
    way = way.at(truth)
    stream, rule = Stream(truth, seed), Abreast(way.limits, way.weights[1], way.at_least_s)
    worse: list[float] = []
    fine: list[float] = []
    advanced_s: list[int] = []
    step = 0
    for at_s in range(way.longest_s):
        decision = rule.decide(stream.tick(way.weights[step]))
        errors = rule.engine.assessment().errors
        worse.append(max(errors.worse.log_e / errors.worse.needed, errors.hard.log_e / errors.hard.needed))
        fine.append(errors.fine.log_e / errors.fine.needed)
        if decision is Decision.ROLL_BACK:
            return Growth(tuple(worse), tuple(fine), tuple(advanced_s), End.ROLLED_BACK)
        if decision is Decision.ADVANCE and not way.stay:
            step += 1
            advanced_s.append(at_s)
            if step == len(way.ladder):
                return Growth(tuple(worse), tuple(fine), tuple(advanced_s), End.PROMOTED)
            rule.moved(way.weights[step + 1])
    return Growth(tuple(worse), tuple(fine), tuple(advanced_s), End.UNDECIDED)


def draw(file: Path, found: Sequence[tuple[Truth, Sequence[tuple[Outcome, ...]]]], way: Way) -> None:
    """A row for each truth: when each rule rolled back, and the evidence of one run. Raises UsageError.

    ``found`` holds, for each truth, the outcomes of each seed. `require_plottable` comes before it.
    """
    from matplotlib.figure import Figure as Picture  # noqa: PLC0415  # optional, see above

    width, height = _PANEL_IN
    picture = Picture(figsize=(2 * width, height * len(found)), layout="constrained")
    panels = picture.subplots(len(found), 2, squeeze=False)
    for (left, right), (truth, outcomes) in zip(panels, found, strict=True):
        _draw_rollbacks(left, truth, outcomes)
        _draw_growth(right, growth(truth, 0, way))
    try:
        picture.savefig(file)
    except OSError as error:
        message = f"--plot: {str(file)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "name a file in a directory that is there and yours") from error


def _draw_rollbacks(axes: Axes, truth: Truth, outcomes: Sequence[tuple[Outcome, ...]]) -> None:
    longest = max(1.0, *(outcome.requests_c for each in outcomes for outcome in each))
    for place, first in enumerate(outcomes[0]):
        until = sorted(filter(isfinite, until_rolled_back([each[place] for each in outcomes])))
        shares = [(rank + 1) / len(outcomes) for rank in range(len(until))]
        rolled_back = f"{len(until) / len(outcomes):.0%}".replace("%", " %")
        axes.step(
            [1.0, *(max(1.0, requests) for requests in until), longest],
            [0.0, *shares, len(until) / len(outcomes)],
            where="post",
            color=_COLORS[first.rule],
            label=f"{first.rule}: {rolled_back} rolled back",
        )
    axes.set_xscale("log")
    axes.set_ylim(-0.02, 1.02)
    axes.set_title(f"{truth.name}: {truth.told}")
    axes.set_xlabel("candidate requests until the rollback")
    axes.set_ylabel("share of runs rolled back")
    axes.legend(fontsize="small")


def _draw_growth(axes: Axes, grown: Growth) -> None:
    seconds = range(1, len(grown.worse) + 1)
    axes.plot(seconds, _clipped(grown.worse), color="#c8553d", label="worse than tolerated")
    axes.plot(seconds, _clipped(grown.fine), color="#0b6e4f", label="within the margin (each step anew)")
    axes.axhline(1.0, color="#555555", linewidth=0.8, linestyle="--")
    for at_s in grown.advanced_s:
        axes.axvline(at_s + 1, color="#bbbbbb", linewidth=0.8)
    axes.set_ylim(_LOWEST - 0.1, _HIGHEST + 0.1)
    axes.set_title(f"the errors of one run, {grown.end.value}")
    axes.set_xlabel("seconds")
    axes.set_ylabel("evidence, as part of a proof")
    axes.legend(fontsize="small", loc="lower right")


def _clipped(evidence: Sequence[float]) -> list[float]:
    return [min(_HIGHEST, max(_LOWEST, each)) for each in evidence]
