"""A candidate with weight and without requests: the routing is wrong, or there are too few users."""

from typing import Final

from abreast.model.rollout import Rollout
from abreast.model.units import about, format_weight
from abreast.rollout.observed import Observed, Tally
from abreast.rollout.turn import split_of
from abreast.rollout.watch import LIVE

PATIENCE_S: Final = 30.0
"""How long the candidate may be without requests, once it has weight, before that is an alarm."""


def candidate_silence(rollout: Rollout, observed: Observed, patience_s: float) -> str | None:
    """Why the candidate gets no requests although its weight is above 0; None if it does, or none are due.

    ``patience_s``: how long the weight must have stood before silence means something. Looks at the causes in
    the order in which they hide each other: no instance, gateways that do not obey, no users at all, few users.
    """
    split = split_of(rollout)
    stood = observed.now - max(rollout.weight_since, rollout.step_since, observed.counting_since)
    counted = rollout.policy.errors.watch  # where nobody counts, silence says nothing
    if not counted or not rollout.weight or rollout.phase not in LIVE or stood < patience_s:
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
