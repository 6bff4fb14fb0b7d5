"""The kinds of steps, each answering the same questions: what to do on entering, is it done, what is missing?"""

from dataclasses import dataclass

from abreast.model.rollout import ApproveStep, HoldStep, Rollout, ShadowStep, WeightStep
from abreast.model.traffic import Split
from abreast.model.units import about, format_weight
from abreast.rollout.gates import Verdict, judge_differences, judge_errors
from abreast.rollout.observed import Observed, Tally


@dataclass(frozen=True)
class Progress:
    """``done``: the next step may begin; else ``because`` says what is missing.

    ``wake_at``: when time alone may change that; ``overdue``: it takes longer than ``at_most``; ``unproven``:
    nothing but evidence is missing, and what there is says nothing against the candidate.
    """

    done: bool
    because: str
    wake_at: float | None = None
    overdue: bool = False
    unproven: bool = False


def weight_at(rollout: Rollout, step: int) -> int:
    """The weight that the ladder stands at in that step: its own, or the last one before it."""
    weights = [each.weight for each in rollout.policy.ladder[: step + 1] if isinstance(each, WeightStep)]
    return weights[-1] if weights else 0


def step_from(rollout: Rollout, weight: int) -> int:
    """The first step whose weight is at or above a weight set by hand; past the end if there is none."""
    ladder = rollout.policy.ladder
    climbing = (i for i, step in enumerate(ladder) if isinstance(step, WeightStep) and step.weight >= weight)
    return next(climbing, len(ladder))


def progress(rollout: Rollout, observed: Observed, split: Split) -> Progress:
    """How far the present step is; ``split`` is what the gateways are told now."""
    step = rollout.policy.ladder[rollout.step]
    if isinstance(step, ApproveStep):
        what = f" ({step.text})" if step.text else ""
        return Progress(done=False, because=f"a person has to approve{what}: abreast promote")
    if isinstance(step, HoldStep):
        return _timed(rollout, observed, step.for_s, "hold")
    return _watched(rollout, observed, split, step)


def _timed(rollout: Rollout, observed: Observed, for_s: float, name: str) -> Progress:
    end = rollout.step_since + for_s
    if observed.now >= end:
        return Progress(done=True, because=f"{name} is over")
    left = about(end - observed.now)
    return Progress(done=False, because=f"{name}: {left} of {about(for_s)} left", wake_at=end)


def _watched(rollout: Rollout, observed: Observed, split: Split, step: WeightStep | ShadowStep) -> Progress:
    policy = rollout.policy
    overdue_at = rollout.step_since + policy.at_most_s
    overdue = observed.now >= overdue_at
    wake_at = None if overdue else overdue_at
    if rollout.sheltering:
        because = f"the {rollout.sheltering} has no ready instance"
        return Progress(done=False, because=because, wake_at=wake_at, overdue=overdue)
    if not observed.obeyed(split):
        return Progress(done=False, because="not every gateway obeys yet", wake_at=wake_at, overdue=overdue)
    timed = _timed(rollout, observed, step.for_s if step.for_s is not None else policy.at_least_s, str(step))
    if not timed.done:
        return timed
    gate, verdict = _evidence(rollout, observed, step)
    if verdict.proven:
        return Progress(done=True, because=verdict.sentence)
    return Progress(
        done=False,
        because=f"{gate}: {verdict.sentence}",
        wake_at=wake_at,
        overdue=overdue,
        unproven=not verdict.worse,
    )


def _evidence(rollout: Rollout, observed: Observed, step: WeightStep | ShadowStep) -> tuple[str, Verdict]:
    """What the step has to prove, named, and how far that is."""
    policy = rollout.policy
    if isinstance(step, ShadowStep):
        if not step.share:
            return "differences", Verdict(worse=False, proven=True, sentence="nothing is copied any more")
        name = f"differences at {step}"
        return name, judge_differences(policy.differences, observed.differences)
    candidate = observed.step.get(rollout.candidate or "", Tally())
    stable = observed.step.get(rollout.stable, Tally())
    return f"errors at {format_weight(step.weight)}", judge_errors(policy.errors, candidate, stable, "this step")
