"""The steps of a rollout as they are written → the steps that are walked, and what is wrong with them."""

from collections.abc import Iterator
from typing import Final

from abreast.model.document import Path
from abreast.model.rollout import DEFAULT_STEPS, ApproveStep, BakeStep, HoldStep, ShadowStep, Step, WeightStep
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_keys import RolloutKeys, StepKeys
from abreast.model.units import FULL_WEIGHT, format_duration, format_weight, parse_weight

STEPS: Final[Path] = ("rollout", "steps")
APPROVE: Final[Path] = ("rollout", "approve")
AT_MOST: Final[Path] = ("rollout", "step_time", "at_most")
KINDS: Final = ("shadow", "weight", "hold", "approve", "bake", "expand", "contract")
"""Each step is exactly one of these, but that a weight may have a shadow beside it."""


def compile_steps(rollout: RolloutKeys) -> tuple[Step, ...]:
    """The steps in order: weight 100 % put in where it is implied, each approval before its step.

    Only to be asked of a rollout without `step_conflicts`.
    """
    steps: list[Step] = []
    for written in rollout.steps or ():
        steps.extend(_step(written))
    if rollout.steps is None:
        steps = list(DEFAULT_STEPS)
    bakes = [step for step in steps if isinstance(step, BakeStep)]
    ladder = [step for step in steps if not isinstance(step, BakeStep)]
    if not any(isinstance(step, WeightStep) and step.weight == FULL_WEIGHT for step in ladder):
        ladder.append(WeightStep(FULL_WEIGHT))
    wanted = {_named_weight(name) for name in rollout.approve}
    result: list[Step] = []
    for step in ladder:
        if isinstance(step, WeightStep) and step.weight in wanted:
            result.append(ApproveStep(f"before {step}"))
        result.append(step)
    return (*result, *bakes)


def _step(written: StepKeys) -> Iterator[Step]:
    if written.weight is not None:
        yield WeightStep(written.weight, written.for_s, written.shadow)
    elif written.shadow is not None:
        yield ShadowStep(written.shadow, written.for_s)
    elif written.hold is not None:
        yield HoldStep(written.hold)
    elif written.approve is not None:
        yield ApproveStep(written.approve)
    elif written.bake is not None:
        yield BakeStep(written.bake)


def _named_weight(name: str) -> int | None:
    """The weight that ``weight 50%`` names; None for anything else."""
    kind, _, text = name.partition(" ")
    try:
        return parse_weight(text) if kind == "weight" and "%" in text else None
    except ValueError:
        return None


def step_conflicts(rollout: RolloutKeys) -> Iterator[Conflict]:
    """What the steps, their order and their times have against each other."""
    steps = rollout.steps
    if steps is not None and not steps:
        yield Conflict(STEPS, "the list has no steps", "list steps, or remove the key for the default ones")
    for index, step in enumerate(steps or ()):
        path: Path = (*STEPS, index)
        yield from _one_kind(path, step)
        yield from _for(path, step, rollout.step_time.at_most_s)
    yield from _order(steps or ())
    yield from _copying(steps or ())
    yield from _approvals(rollout)
    times = rollout.step_time
    if times.at_least_s > times.at_most_s:
        yield Conflict(
            ("rollout", "step_time", "at_least") if "at_least_s" in times.model_fields_set else AT_MOST,
            f"at_least is {format_duration(times.at_least_s)}, longer than at_most, {format_duration(times.at_most_s)}",
            "make at_most the longer one",
            (("rollout", "step_time"),),
        )


def _one_kind(path: Path, step: StepKeys) -> Iterator[Conflict]:
    kinds = [kind for kind in KINDS if getattr(step, kind) is not None]
    if kinds == ["shadow", "weight"]:  # the one pair that has a meaning
        return
    if len(kinds) > 1:
        message = f"this one step is both {' and '.join(f'`{kind}`' for kind in kinds)}"
        remedy = "make them steps of their own, each with its own -"
        if "shadow" in kinds and "bake" in kinds:
            message = f"{message}, but nothing is copied any more when all users are on the candidate"
            remedy = "remove `shadow` here; copying is for the steps before 100 %"
        yield Conflict(path, message, remedy)
    if not kinds:
        yield Conflict(path, "this step does nothing", f"give it one of {', '.join(KINDS[:-1])} and {KINDS[-1]}")


def _for(path: Path, step: StepKeys, at_most_s: float) -> Iterator[Conflict]:
    if step.for_s is None:
        return
    here: Path = (*path, "for")
    written = f"`for: {format_duration(step.for_s)}`"
    if step.weight is None and step.shadow is None:
        message = f"{written} belongs to a shadow or weight step only"
        yield Conflict(here, message, "write the time behind hold or bake itself, as in `- hold: 10m`", (path,))
    elif step.weight == FULL_WEIGHT:
        message = f"{written} has no meaning at 100 %: nothing comes after it to wait for"
        yield Conflict(here, message, f"write a step of its own: - bake: {format_duration(step.for_s)}", (path,))
    elif step.for_s > at_most_s:
        message = f"{format_duration(step.for_s)} is longer than step_time.at_most, {format_duration(at_most_s)}"
        yield Conflict(here, message, "raise rollout.step_time.at_most above it", (AT_MOST,))


def _copying(steps: tuple[StepKeys, ...]) -> Iterator[Conflict]:
    """Shadow 0 % ends something, and nothing is copied once all users are on the candidate."""
    copied = False
    for index, step in enumerate(steps):
        here: Path = (*STEPS, index, "shadow")
        if step.shadow is None:
            continue
        if step.weight == FULL_WEIGHT:
            message = f"shadow {format_weight(step.shadow)} has no meaning at 100 %: stable answers nobody any more"
            yield Conflict(here, message, "remove `shadow` here; copying ends by itself", ((*STEPS, index),))
        elif step.shadow == 0 and not copied:
            message = "shadow 0 % ends the copying, but no step before it begins one"
            before = tuple((*STEPS, earlier) for earlier in range(index))
            yield Conflict(here, message, "write a share above 0%, or remove it", before)
        copied = step.shadow > 0


def _order(steps: tuple[StepKeys, ...]) -> Iterator[Conflict]:
    """Weights rise, nothing but one bake follows 100 %, and a bake is the last step."""
    above: int | None = None
    baked = False
    for index, step in enumerate(steps):
        path: Path = (*STEPS, index)
        before = tuple((*STEPS, earlier) for earlier in range(index))
        if step.contract is not None:
            if index != len(steps) - 1:
                yield Conflict(path, "a step after `contract` stands below it", "make the contract the last step")
        elif step.expand is not None:
            if index:
                message = "`expand` comes before the candidate is started, so before every other step"
                yield Conflict(path, message, "make it the first step", before)
        elif baked:
            yield Conflict(path, "a step after the bake", "make the bake the last step", before)
        elif step.bake is not None:
            baked = True
        elif above == FULL_WEIGHT:
            message = "a step after weight 100 %, when all users are on the candidate already"
            yield Conflict(path, message, "only one bake may follow 100 %; move this step before it", before)
        elif step.weight is not None:
            yield from _rises(path, step.weight, above, before)
            above = max(above or 0, step.weight)


def _rises(path: Path, weight: int, above: int | None, before: tuple[Path, ...]) -> Iterator[Conflict]:
    here: Path = (*path, "weight")
    if weight == 0:
        yield Conflict(here, "weight 0 % sends no user to the candidate", "write a share above 0%, or a step hold")
    elif above is not None and weight <= above:
        message = f"weight {format_weight(weight)} does not rise above the {format_weight(above)} before it"
        yield Conflict(here, message, "order the weights from small to large, each one once", before)


def _approvals(rollout: RolloutKeys) -> Iterator[Conflict]:
    steps = rollout.steps
    weights = [step.weight for step in steps or () if step.weight is not None]
    if steps is None:
        weights = [step.weight for step in DEFAULT_STEPS if isinstance(step, WeightStep)]
    names = [f"weight {format_weight(weight)}".replace(" %", "%") for weight in {*weights, FULL_WEIGHT}]
    names.sort(key=lambda name: _named_weight(name) or 0)
    seen: set[int] = set()
    for index, name in enumerate(rollout.approve):
        path: Path = (*APPROVE, index)
        weight = _named_weight(name)
        if weight is None or weight not in {*weights, FULL_WEIGHT}:
            yield Conflict(path, f"no step is called {name!r}", f"write one of: {', '.join(names)}", (STEPS,))
        elif weight in seen:
            yield Conflict(path, f"{name!r} is here twice", "keep one of the two")
        else:
            seen.add(weight)
