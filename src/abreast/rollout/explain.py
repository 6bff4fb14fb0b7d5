"""Why the rollout is where it is, what is missing to go on, and what a person can do: sentences for people."""

from collections.abc import Iterator

from abreast.model.rollout import Phase, Rollout
from abreast.model.units import about, format_weight
from abreast.rollout.actions import SetSplit
from abreast.rollout.commands import allowed
from abreast.rollout.decide import LIVE, decide
from abreast.rollout.gates import judge_differences, judge_errors
from abreast.rollout.observed import Observed, Tally
from abreast.rollout.turn import split_of


def explain(rollout: Rollout, observed: Observed) -> tuple[str, ...]:
    """Sentences, the most important first."""
    return tuple(_sentences(rollout, observed))


def candidate_silence(rollout: Rollout, observed: Observed, patience_s: float) -> str | None:
    """Why the candidate gets no requests although its weight is above 0; None if it does, or none are due.

    ``patience_s``: how long the weight must have stood before silence means something. Looks at the causes in
    the order in which they hide each other: no instance, gateways that do not obey, no users at all, few users.
    """
    split = split_of(rollout)
    stood = observed.now - max(rollout.weight_since, observed.counting_since)
    if not rollout.weight or rollout.phase not in LIVE or stood < patience_s:
        return None
    candidate = observed.step.get(rollout.candidate or "", Tally())
    if candidate.requests or candidate.in_flight:
        return None
    weight = format_weight(rollout.weight)
    silent = f"{rollout.candidate} got no request for {about(stood)} although its weight is {weight}"
    if rollout.sheltering == "candidate":
        return f"{silent}: it has no ready instance, so its users are served by {rollout.stable}"
    behind = [node.id for node in observed.nodes if node.acked != split]
    if behind:
        nacks = "; ".join(node.nack for node in observed.nodes if node.nack)
        return f"{silent}: {', '.join(behind)} did not take the present snapshot{f' ({nacks})' if nacks else ''}"
    stable = observed.step.get(rollout.stable, Tally())
    if not stable.requests:
        return f"{silent}: {rollout.stable} got none either; no user reaches the gateway"
    return (
        f"{silent}: {rollout.stable} had {stable.requests}; the users seen all fall into stable's buckets. "
        "Few users, or a users.by key that is the same for many of them, leave the candidate empty"
    )


def _sentences(rollout: Rollout, observed: Observed) -> Iterator[str]:
    decision = decide(rollout, observed)
    if rollout.candidate is None or rollout.phase is Phase.COMPLETED:
        yield f"{rollout.serving} serves all users. {rollout.reason}."
    else:
        lasting = about(observed.now - rollout.phase_since)
        yield f"{rollout.stable} → {rollout.candidate} is {rollout.phase} for {lasting}: {rollout.reason}."
        copied = f", and {format_weight(rollout.shadow)} of requests copied to it" if rollout.shadow else ""
        yield f"The order is {format_weight(rollout.weight)} of users on {rollout.candidate}{copied}."
    if decision.because and rollout.phase is not Phase.COMPLETED:
        left = (
            f" (looked at again in {about(decision.wake_at - observed.now)} at the latest)" if decision.wake_at else ""
        )
        because = decision.because
        yield f"W{because[1:]}{left}." if because.startswith("waiting ") else f"Waiting: {because}{left}."
    yield from _evidence(rollout, observed)
    split = next(action.split for action in decision.actions if isinstance(action, SetSplit))
    for node in observed.nodes:
        if node.acked != split:
            words = f": {node.nack}" if node.nack else "" if node.connected else ": it is not connected"
            yield f"Gateway {node.id} does not obey yet{words}."
    silence = candidate_silence(rollout, observed, patience_s=10.0)
    if silence:
        yield f"{silence}."
    verbs = allowed(rollout)
    if verbs:
        yield f"You can: {', '.join(verbs)}."


def _evidence(rollout: Rollout, observed: Observed) -> Iterator[str]:
    if rollout.phase not in LIVE or rollout.candidate is None:
        return
    gate = rollout.policy.errors
    candidate = observed.window.get(rollout.candidate, Tally())
    stable = observed.window.get(rollout.stable, Tally())
    yield f"Gate errors: {judge_errors(gate, candidate, stable, f'the last {about(gate.window_s)}').sentence}."
    if rollout.shadow or observed.differences.compared:
        yield f"Gate differences: {judge_differences(rollout.policy.differences, observed.differences).sentence}."
