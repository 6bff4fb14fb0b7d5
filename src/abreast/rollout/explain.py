"""Why the rollout is where it is, what is missing to go on, and what a person can do: sentences for people."""

from collections.abc import Iterator

from abreast.model.rollout import Phase, Rollout
from abreast.model.units import about, format_weight
from abreast.rollout import data, group
from abreast.rollout.actions import SetSplit
from abreast.rollout.checks import told
from abreast.rollout.commands import allowed
from abreast.rollout.decide import decide
from abreast.rollout.evidence import evidence_of, why_alike
from abreast.rollout.observed import Observed
from abreast.rollout.silence import candidate_silence
from abreast.rollout.watch import is_live


def explain(rollout: Rollout, observed: Observed) -> tuple[str, ...]:
    """Sentences, the most important first."""
    return tuple(_sentences(rollout, observed))


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
    sides = "; ".join(data.told(rollout, observed))
    if sides:
        yield f"Data: {sides}."
    members = "; ".join(group.told(rollout, observed))
    if members:
        yield f"Group: {members}."
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
    for sentence in told(rollout, observed.checks):
        yield f"{sentence}."
    if not is_live(rollout):
        return
    for gate in evidence_of(rollout, observed):
        yield f"Gate {gate.name}: {gate.sentence}."
    alike = why_alike(rollout, observed)
    if alike is not None:
        yield f"{alike}."
