"""A changed spec during a rollout: what is not yet done follows it, what is done stays as it was."""

from dataclasses import replace

from abreast.model.errors import RefusedError, UsageError
from abreast.model.rollout import Phase, Policy, Rollout, Step, WeightStep
from abreast.model.service import Service
from abreast.model.units import format_duration

_UNTOUCHED = frozenset({Phase.PENDING, Phase.ROLLING_BACK, Phase.ROLLED_BACK})
"""No step is under way: all of them are still to come, or will only be walked again after a `retry`."""


def replan(rollout: Rollout, policy: Policy) -> Rollout:
    """The rollout with the new policy. Everything but the steps takes effect at once.

    Raises RefusedError, which quotes both, when a step that is done or under way would change; only the weight of the
    step under way may: that is an order, as `abreast weight` is one, and `decide` carries it out. A completed rollout
    is returned as it is: the new policy is for the next one.
    """
    phase = rollout.resume_to or rollout.phase
    if policy == rollout.policy or rollout.phase is Phase.COMPLETED:
        return rollout
    if phase not in _UNTOUCHED:
        _refuse_ladder(rollout, policy)
    if rollout.active and rollout.policy.group != policy.group:
        message = "group: another group or order during a rollout would leave the other members without this one"
        raise RefusedError(message, "put it back until the rollout is over (abreast status)")
    if phase in {Phase.BAKING, Phase.RETIRING}:
        _refuse_bake(rollout, policy, phase)
    return replace(rollout, policy=policy)


def _refuse_ladder(rollout: Rollout, policy: Policy) -> None:
    """Refuse a change of the steps up to the one under way, that one included."""
    old, new = rollout.policy.ladder, policy.ladder
    climbed = rollout.promoted or rollout.step >= len(old)
    reached = max(len(old), len(new)) if climbed else rollout.step + 1
    for index in range(reached):
        was, would = _at(old, index), _at(new, index)
        if was == would or (index == rollout.step and not climbed and _reweighs(rollout, was, would)):
            continue
        under_way = index == rollout.step and not climbed
        state = "under way" if under_way else "done" if index < len(old) else "past, all users are moved"
        message = f"step {index + 1} is {state}: {_quoted(was)}; the changed spec says: {_quoted(would)}"
        remedy = f"put {_quoted(was)} back as step {index + 1}, or `abreast abort` and start again"
        if was is None:
            remedy = f"remove step {index + 1} again; it can be walked by the next rollout"
        raise RefusedError(message, remedy)


def _refuse_bake(rollout: Rollout, policy: Policy, phase: Phase) -> None:
    """Refuse a change of a bake that has begun."""
    if rollout.policy.bake_s == policy.bake_s:
        return
    was, would = format_duration(rollout.policy.bake_s), format_duration(policy.bake_s)
    state = "under way" if phase is Phase.BAKING else "done"
    message = f"the bake is {state}: `bake {was}`; the changed spec says: `bake {would}`"
    remedy = f"put `bake: {was}` back; to keep the old version for longer, raise rollout.retire.after"
    raise RefusedError(message, remedy)


def _reweighs(rollout: Rollout, was: Step | None, would: Step | None) -> bool:
    """Whether nothing but the weight would change, while the steps are walked: one set by hand waits for a `resume`."""
    if rollout.phase is not Phase.PROGRESSING or not isinstance(was, WeightStep) or not isinstance(would, WeightStep):
        return False
    return replace(was, weight=would.weight) == would


def _at(steps: tuple[Step, ...], index: int) -> Step | None:
    return steps[index] if index < len(steps) else None


def _quoted(step: Step | None) -> str:
    """The step as `status` names it, with what is told apart by its `for`."""
    if step is None:
        return "no such step"
    for_s = step.for_s if step.kind in {"weight", "shadow"} else None
    return f"`{step}`" if for_s is None else f"`{step} for {format_duration(for_s)}`"


def require_versions(service: Service, rollout: Rollout) -> None:
    """Raise UsageError if the spec lacks a version that the rollout still runs or routes to."""
    used = [rollout.serving]
    if rollout.active or (rollout.phase is Phase.ROLLED_BACK and rollout.released_at is None):
        used += [name for name in (rollout.stable, rollout.candidate) if name]
    missing = sorted({name for name in used if service.version(name) is None})
    if missing:
        names = ", ".join(missing)
        message = f"versions: {names} is missing in the spec, but the rollout of {service.name} uses it"
        raise UsageError(message, f"put {names} back until its instances are retired (abreast status)")


def require_same(before: Service, after: Service, rollout: Rollout) -> None:
    """Raise RefusedError for changes that cannot be made while this runs."""
    if before.name != after.name:
        message = f"service: {after.name!r} is another service than {before.name!r}"
        raise RefusedError(message, f"put {before.name!r} back, or run the other service in its own directory")
    if rollout.active and before.users != after.users:
        message = "users.by: changing who is one user during a rollout would move users between the versions"
        raise RefusedError(message, "put it back until the rollout is over (abreast status)")
