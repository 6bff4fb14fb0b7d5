"""What a policy will take: for each step the time and the candidate requests that it needs."""

from dataclasses import dataclass
from math import ceil, inf
from typing import Final

from abreast.model.rollout import ApproveStep, BakeStep, HoldStep, Policy, ShadowStep, Step, WeightStep
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.gates import answers_needed, errors_planned, latency_planned

WINDOWS_AT_LEAST: Final = 2
"""No window is more than a third of a proof: the third one can complete it."""


@dataclass(frozen=True)
class StepForecast:
    """One step to come.

    ``weight`` is the candidate's share in it. ``requests`` is how many candidate requests its slowest gate, ``gate``,
    needs before the step may end (of a shadow step: how many compared answers if none differs; infinite: it cannot be
    proven). ``requests_s`` is how long they take at the rate given (None: no rate). ``least_s`` is the shortest time;
    ``most_s`` the time after which `on_timeout` decides, None where a person is waited for.
    """

    step: Step
    weight: int
    requests: float
    requests_s: float | None
    least_s: float
    most_s: float | None
    gate: str = ""

    @property
    def fits(self) -> bool:
        """Whether the proof can be had before `on_timeout` decides, as far as it is known."""
        return self.requests_s is None or self.most_s is None or self.requests_s <= self.most_s


def forecast(policy: Policy, rate_per_s: float | None = None, bad: float = 0.0) -> tuple[StepForecast, ...]:
    """Each step of the policy; ``rate_per_s`` is all users' requests per second, shared out by weight.

    ``bad``: the share of requests that fails on stable, and will on a candidate that is as good.
    """
    weight = 0
    steps = []
    for place, step in enumerate(policy.steps):
        if isinstance(step, WeightStep):
            weight = step.weight
        later = [each.weight for each in policy.steps[place + 1 :] if isinstance(each, WeightStep)]
        steps.append(_forecast(step, (weight, later[0] if later else FULL_WEIGHT), policy, rate_per_s, bad))
    return tuple(steps)


def _forecast(
    step: Step, weights: tuple[int, int], policy: Policy, rate_per_s: float | None, bad: float
) -> StepForecast:
    weight = weights[0]
    if isinstance(step, HoldStep | BakeStep):
        return StepForecast(step, weight, 0, None, step.for_s, step.for_s)
    if isinstance(step, ApproveStep):
        return StepForecast(step, weight, 0, None, 0.0, None)
    if weight == FULL_WEIGHT:  # no evidence is gathered any more: the ladder is done
        return StepForecast(step, weight, 0, None, 0.0, 0.0)
    if isinstance(step, ShadowStep):
        return _copied(step, weight, policy, rate_per_s)
    needs = {"errors": errors_planned(policy, *weights, bad), "latency": latency_planned(policy, *weights)}
    gate = max(needs, key=lambda name: needs[name])
    needed = ceil(needs[gate]) if needs[gate] < inf else inf
    windows_s = WINDOWS_AT_LEAST * policy.errors.window_s if policy.errors.watch else 0.0
    least_s = max(policy.at_least_s if step.for_s is None else step.for_s, windows_s)
    most_s = max(policy.at_most_s, least_s)
    if rate_per_s is None:
        return StepForecast(step, weight, needed, None, least_s, most_s, gate)
    candidate_per_s = rate_per_s * weight / FULL_WEIGHT
    needed_s = needed / candidate_per_s if candidate_per_s else inf
    return StepForecast(step, weight, needed, needed_s, min(max(least_s, needed_s), most_s), most_s, gate)


def _copied(step: ShadowStep, weight: int, policy: Policy, rate_per_s: float | None) -> StepForecast:
    """A shadow step: copies are made of what stable answers, within the budget."""
    least_s = policy.at_least_s if step.for_s is None else step.for_s
    if not step.share:
        return StepForecast(step, weight, 0, None, least_s, least_s)
    least_s = max(least_s, WINDOWS_AT_LEAST * policy.differences.window_s)
    most_s = max(policy.at_most_s, least_s)
    needed = answers_needed(policy.differences)
    if rate_per_s is None:
        return StepForecast(step, weight, needed, None, least_s, most_s, "differences")
    stable_per_s = rate_per_s * (FULL_WEIGHT - weight) / FULL_WEIGHT
    copies_per_s = min(stable_per_s * step.share / FULL_WEIGHT, policy.shadow.at_most_per_s)
    needed_s = needed / copies_per_s if copies_per_s else inf
    took_s = min(max(least_s, needed_s), most_s)
    return StepForecast(step, weight, needed, needed_s, took_s, most_s, "differences")
