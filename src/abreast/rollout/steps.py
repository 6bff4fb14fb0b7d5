"""The kinds of steps, each answering the same questions: what to do on entering, is it done, what is missing?"""

from dataclasses import dataclass, replace

from abreast.analysis.assessment import Assessment
from abreast.model.rollout import ApproveStep, HoldStep, Rollout, ShadowStep, WeightStep
from abreast.model.traffic import Split
from abreast.model.units import about
from abreast.rollout.checks import holding
from abreast.rollout.data import judge_data
from abreast.rollout.gates import Verdict, judge_differences, judge_errors, judge_latency
from abreast.rollout.observed import Observed


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
        found = _timed(rollout, observed, step.for_s, "hold")
    else:
        found = _watched(rollout, observed, split, step)
    # What somebody else has not let pass is never skipped as merely unproven.
    waiting = holding(rollout, observed.checks, "step") if found.done or found.unproven else ()
    if not waiting:
        return found
    if not found.done:
        return replace(found, unproven=False)
    overdue_at = rollout.step_since + rollout.policy.at_most_s
    overdue = observed.now >= overdue_at
    return Progress(done=False, because="; ".join(waiting), wake_at=None if overdue else overdue_at, overdue=overdue)


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
    pending = next(((gate, each) for gate, each in evidence(rollout, observed) if not each.proven), None)
    if pending is None:
        proofs = "; ".join(f"{gate}: {each.sentence}" for gate, each in evidence(rollout, observed))
        nothing = "nothing is copied any more" if isinstance(step, ShadowStep) else "no gate of ours has to be proven"
        return Progress(done=True, because=proofs or nothing)
    gate, verdict = pending
    return Progress(
        done=False,
        because=f"{gate} at {step}: {verdict.sentence}",
        wake_at=wake_at,
        overdue=overdue,
        unproven=not verdict.worse,
    )


def evidence(rollout: Rollout, observed: Observed) -> tuple[tuple[str, Verdict], ...]:
    """What the present step has to prove, by the gates' names, and how far that is; nothing for other steps."""
    policy = rollout.policy
    step = policy.ladder[rollout.step] if rollout.step < len(policy.ladder) else None
    if isinstance(step, ShadowStep):
        if not step.share:
            return ()
        shown = ("differences", judge_differences(policy.differences, observed.differences))
        return (shown, *_of_data(rollout, observed))
    if not isinstance(step, WeightStep):
        return ()
    # A step entered in this very cycle has no evidence of its own yet: what there is belongs to the one before.
    begun = max(rollout.step_since, rollout.weight_since) < observed.now
    assessment = observed.assessment if begun else Assessment()
    verdicts = [("errors", judge_errors(rollout, assessment))] if policy.errors.watch else []
    if policy.latency is not None:
        verdicts.append(("latency", judge_latency(rollout, assessment)))
    return (*verdicts, *_of_data(rollout, observed))


def _of_data(rollout: Rollout, observed: Observed) -> tuple[tuple[str, Verdict], ...]:
    return () if rollout.policy.data is None else (("data", judge_data(rollout, observed)),)
