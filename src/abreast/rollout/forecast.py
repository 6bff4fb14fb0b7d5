"""What a policy will take: for each step the time and the candidate requests that it needs."""

from dataclasses import dataclass

from abreast.model.rollout import ApproveStep, BakeStep, HoldStep, Policy, ShadowStep, Step, WeightStep
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.gates import answers_needed


@dataclass(frozen=True)
class StepForecast:
    """One step to come.

    ``weight`` is the candidate's share in it. ``requests`` is how many candidate requests the errors gate
    needs before the step may end (of a shadow step: how many compared answers the differences gate needs if none
    differs); ``requests_s`` how long they take at the rate given (None: no rate).
    ``least_s`` is the shortest time; ``most_s`` the time after which `on_timeout` decides, None where
    a person is waited for. ``blind`` marks a step whose gate could never decide at that rate, because
    fewer requests than it needs fall into its window.
    """

    step: Step
    weight: int
    requests: int
    requests_s: float | None
    least_s: float
    most_s: float | None
    blind: bool = False


def forecast(policy: Policy, rate_per_s: float | None = None) -> tuple[StepForecast, ...]:
    """Each step of the policy; ``rate_per_s`` is all users' requests per second, shared out by weight."""
    weight = 0
    steps = []
    for step in policy.steps:
        if isinstance(step, WeightStep):
            weight = step.weight
        steps.append(_forecast(step, weight, policy, rate_per_s))
    return tuple(steps)


def _forecast(step: Step, weight: int, policy: Policy, rate_per_s: float | None) -> StepForecast:
    if isinstance(step, HoldStep | BakeStep):
        return StepForecast(step, weight, 0, None, step.for_s, step.for_s)
    if isinstance(step, ApproveStep):
        return StepForecast(step, weight, 0, None, 0.0, None)
    if weight == FULL_WEIGHT:  # no evidence is gathered any more: the ladder is done
        return StepForecast(step, weight, 0, None, 0.0, 0.0)
    if isinstance(step, ShadowStep):
        return _copied(step, weight, policy, rate_per_s)
    gate = policy.errors
    least_s = policy.at_least_s if step.for_s is None else step.for_s
    most_s = max(policy.at_most_s, least_s)
    if rate_per_s is None:
        return StepForecast(step, weight, gate.min_requests, None, least_s, most_s)
    candidate_per_s = rate_per_s * weight / FULL_WEIGHT
    needed_s = gate.min_requests / candidate_per_s if candidate_per_s else float("inf")
    return StepForecast(
        step,
        weight,
        gate.min_requests,
        needed_s,
        min(max(least_s, needed_s), most_s),
        most_s,
        blind=candidate_per_s * gate.window_s < gate.min_requests,
    )


def _copied(step: ShadowStep, weight: int, policy: Policy, rate_per_s: float | None) -> StepForecast:
    """A shadow step: copies are made of what stable answers, within the budget."""
    least_s = policy.at_least_s if step.for_s is None else step.for_s
    if not step.share:
        return StepForecast(step, weight, 0, None, least_s, least_s)
    most_s = max(policy.at_most_s, least_s)
    needed = answers_needed(policy.differences)
    if rate_per_s is None:
        return StepForecast(step, weight, needed, None, least_s, most_s)
    stable_per_s = rate_per_s * (FULL_WEIGHT - weight) / FULL_WEIGHT
    copies_per_s = min(stable_per_s * step.share / FULL_WEIGHT, policy.shadow.at_most_per_s)
    needed_s = needed / copies_per_s if copies_per_s else float("inf")
    return StepForecast(step, weight, needed, needed_s, min(max(least_s, needed_s), most_s), most_s)
