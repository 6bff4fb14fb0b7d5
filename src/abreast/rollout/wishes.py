"""What the world should look like, said in full in every turn: traffic, what runs, who may write."""

from collections.abc import Iterator

from abreast.model.rollout import Phase, Rollout
from abreast.rollout import data
from abreast.rollout.actions import Action, ContractData, FenceData, OpenData, RunVersion, SetSplit, StopVersion
from abreast.rollout.observed import Observed
from abreast.rollout.turn import share_of, split_of


def wishes(rollout: Rollout, observed: Observed) -> Iterator[Action]:
    """What the world should look like, whole: the split, the versions that shall run, and those that may stop."""
    split = split_of(rollout)
    share = share_of(split, rollout.candidate)
    # What a node obeys while an answer of its is due is not known: it may be more than it shall.
    urgent = any(node.acked is None or share_of(node.acked, rollout.candidate) > share for node in observed.nodes)
    yield SetSplit(split, urgent)
    yield from _data_wishes(rollout, observed)
    wanted = dict.fromkeys(_wanted(rollout))
    for version in wanted:
        if version != rollout.candidate or data.may_run(rollout, observed):
            yield RunVersion(version)
    for version in _leaving(rollout, observed):
        if drained_at(rollout, observed, version) <= observed.now:
            yield StopVersion(version)


def _data_wishes(rollout: Rollout, observed: Observed) -> Iterator[Action]:
    """The candidate writes while it may have users, and no longer once it has lost them and answered its last."""
    gate, candidate = rollout.policy.data, rollout.candidate
    if gate is None or candidate is None:
        return
    if rollout.phase is Phase.PENDING:  # later a person may fence it, and nobody takes that back
        yield OpenData(rollout.stable, candidate, gate.expand)
    for version in _to_fence(rollout, observed):
        if drained_at(rollout, observed, version) <= observed.now:
            yield FenceData(version)
    due = data.contract_due(rollout, observed.data)
    if due is not None and due <= observed.now:
        yield ContractData(rollout.stable, candidate)


def _to_fence(rollout: Rollout, observed: Observed) -> tuple[str, ...]:
    """The candidate that shall write no more once it is drained, if there is one."""
    cared_for = rollout.policy.data is not None and rollout.candidate is not None
    return (rollout.candidate or "",) if cared_for and data.is_over(rollout, observed) else ()


def _leaving(rollout: Rollout, observed: Observed) -> list[str]:
    """Versions that still run although nobody wants them and no gateway routes to them: drained, then stopped."""
    running = {instance.version for instance in observed.instances}
    return [version for version in sorted(running - set(_wanted(rollout))) if not observed.routed(version)]


def due_next(rollout: Rollout, observed: Observed) -> float | None:
    """When the next wish comes by time alone: a version may be stopped, a candidate fenced, a side dropped."""
    emptied = [*_leaving(rollout, observed), *_to_fence(rollout, observed)]
    times = [drained_at(rollout, observed, version) for version in emptied]
    contract = data.contract_due(rollout, observed.data)
    return min((at for at in (*times, contract) if at is not None and at > observed.now), default=None)


def _wanted(rollout: Rollout) -> Iterator[str]:
    if rollout.phase is Phase.COMPLETED or rollout.candidate is None:
        yield rollout.serving
        return
    if not (rollout.phase is Phase.RETIRING and rollout.released_at is not None):
        yield rollout.stable
    if not (rollout.phase is Phase.ROLLED_BACK and rollout.released_at is not None):
        yield rollout.candidate


def drained_at(rollout: Rollout, observed: Observed, version: str) -> float:
    """When the version may be stopped at the latest: at once without requests in flight, else after draining.

    A version without counts has none in flight, unless counting has only just begun (after a restart).
    """
    tally = observed.step.get(version)
    if tally is None:
        return max(observed.now, observed.counting_since + rollout.policy.drain_s)
    if not tally.in_flight:
        return observed.now
    return max(rollout.released_at or 0.0, rollout.phase_since) + rollout.policy.drain_s
