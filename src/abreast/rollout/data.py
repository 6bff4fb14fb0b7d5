"""What the rows of both versions have to say: may the candidate start, may it go on, may it still write?"""

from collections.abc import Iterator
from typing import Final

from abreast.model.rollout import Phase, Rollout
from abreast.model.units import about
from abreast.rollout.gates import Verdict
from abreast.rollout.observed import DataState, Observed
from abreast.rollout.turn import share_of, split_of

STALE_S: Final = 120.0
"""What was seen longer ago proves nothing."""


def missing_side(rollout: Rollout, observed: Observed) -> str | None:
    """Why the candidate may not be started yet; None when it may, or when it has no data to care for."""
    gate, candidate = rollout.policy.data, rollout.candidate
    if gate is None or candidate is None:
        return None
    state = observed.data
    if state is None:
        return "data: the database has not answered yet"
    if candidate in state.ready:
        return None
    if state.doing:
        return f"data: {state.doing}"
    if gate.expand:
        return f"data: the side of {candidate} is about to be made"
    return f"data: {candidate} has no side of its own in the database yet: abreast data expand {candidate}"


def may_run(rollout: Rollout, observed: Observed) -> bool:
    """Whether the candidate may have instances: it has its side, or users, or has them already."""
    begun = rollout.weight > 0 or observed.running(rollout.candidate or "")
    return begun or missing_side(rollout, observed) is None


def ready_since(rollout: Rollout, observed: Observed) -> float:
    """Since when nothing but the instances themselves keeps the candidate from being ready."""
    since = observed.data.ready_since if rollout.policy.data is not None and observed.data is not None else 0.0
    return max(rollout.phase_since, since)


def judge_data(rollout: Rollout, observed: Observed) -> Verdict:
    """Contradicting rows are worse; what nobody has looked at decides nothing."""
    gate, state = rollout.policy.data, observed.data
    if gate is None:
        return Verdict(worse=False, proven=True, sentence="not watched", share=1.0)
    if state is None or state.drift is None or state.checked_at < rollout.attempt_since:
        return _undecided("nobody has looked at the rows yet")  # of what was before, somebody has taken care
    ago = observed.now - state.checked_at
    seen = (
        f"{state.drift:,} of {state.rows:,} rows contradict themselves between {rollout.stable} and {rollout.candidate}"
    )
    if state.drift > gate.max_drift:
        example = f"; the first is {state.example}" if state.example else ""
        return Verdict(worse=True, proven=False, sentence=f"{seen}, {gate.max_drift:,} may{example}", share=1.0)
    if ago > STALE_S:
        return _undecided(f"{seen}, but that was {about(ago)} ago")
    open_question = _of_fence(rollout.candidate or "", state)
    if open_question:
        return _undecided(open_question)
    return Verdict(worse=False, proven=True, sentence=f"{seen} ({about(ago)} ago)", share=1.0)


def _of_fence(candidate: str, state: DataState) -> str:
    """What is wrong with the candidate's rights to write; empty if nothing is."""
    if candidate in state.fenced:
        return f"{candidate} is fenced and writes nothing: abreast data unfence {candidate}"
    beside = state.unfenceable.get(candidate)
    return f"the fence is lost: {candidate} could write past it ({beside})" if beside else ""


def is_over(rollout: Rollout, observed: Observed) -> bool:
    """Whether the candidate has lost the traffic, so that it has nothing more to write.

    While stable has no ready instance the candidate of a rollback serves its users, and writes for them.
    """
    split = split_of(rollout)
    return rollout.phase is Phase.ROLLED_BACK and not share_of(split, rollout.candidate) and observed.obeyed(split)


def contract_due(rollout: Rollout, state: DataState | None) -> float | None:
    """When the old version's side is dropped by itself; None if it is not."""
    gate = rollout.policy.data
    if rollout.phase is not Phase.COMPLETED or rollout.candidate is None or gate is None or state is None:
        return None
    if gate.contract_after_s is None or rollout.stable != state.contractible:
        return None
    return rollout.phase_since + gate.contract_after_s


def told(rollout: Rollout, observed: Observed) -> Iterator[str]:
    """What the database says now, in sentences without a full stop; none where no version has a side of its own."""
    state = observed.data
    if state is None:
        if rollout.policy.data is not None:
            yield "the database has not answered yet"
        return
    if state.failed or state.doing:
        yield state.failed or state.doing
    if state.ready:
        yield f"{' and '.join(state.ready)} may write"
    for version in state.fenced:
        yield f"{version} is fenced and only reads"
    if not state.contractible:
        return
    if state.drift is None:
        yield "nobody has looked at the rows yet"
    else:
        ago = about(observed.now - state.checked_at)
        yield f"{state.drift:,} of {state.rows:,} rows contradict themselves ({ago} ago)"
    yield from _told_of_the_end(rollout, observed, state)


def _told_of_the_end(rollout: Rollout, observed: Observed, state: DataState) -> Iterator[str]:
    due = contract_due(rollout, state)
    if due is not None:
        yield f"the side of {state.contractible} is dropped in {about(max(0.0, due - observed.now))}"
    elif rollout.phase is Phase.COMPLETED and rollout.serving != state.contractible:
        yield f"the side of {state.contractible} stays until: abreast data contract"
    elif rollout.phase is Phase.ROLLED_BACK:
        yield f"the side of {rollout.candidate} stays until: abreast data undo"


def _undecided(why: str) -> Verdict:
    return Verdict(worse=False, proven=False, sentence=f"undecided: {why}")
