"""The invariants of ARCHITECTURE.md, as checks of one decision and of the world after one cycle."""

from dataclasses import replace
from math import log

from abreast.analysis.assessment import Assessment, LatencyEvidence
from abreast.model.event import Event, EventKind
from abreast.model.rollout import LadderStep, Phase, Rollout, ShadowStep, WeightStep
from abreast.model.traffic import Split
from abreast.model.units import FULL_WEIGHT
from abreast.rollout.actions import ContractData, Decision, FenceData, RunVersion, SetSplit, StopVersion
from abreast.rollout.data import missing_side
from abreast.rollout.decide import decide
from abreast.rollout.observed import Observed
from abreast.rollout.turn import ACTOR, share_of, split_of
from abreast.rollout.watch import next_weight
from tests.simulation.world import World

AHEAD_S = (0.001, 0.1, 1.0, 7.0, 30.0, 100.0, 1000.0, 10_000.0, 1_000_000.0)
"""How far ahead is looked for something that time alone would change."""

COPYING = frozenset({Phase.PROGRESSING, Phase.PAUSED, Phase.FROZEN})
"""Where users are, or are about to be, on both sides."""

CLEAR = log(20)
"""The evidence that ends a step."""

FAILURES = 3
"""The fewest failures that can be worse, each in a window of its own."""

RESTING = frozenset({Phase.COMPLETED, Phase.ROLLED_BACK})


def split_in(decision: Decision) -> Split:
    """The one split that a decision asks for."""
    (split,) = (action.split for action in decision.actions if isinstance(action, SetSplit))
    return split


def check_decision(before: Rollout, observed: Observed, decision: Decision) -> None:
    """Everything that one decision must keep; raises AssertionError, whose message names the invariant."""
    split = split_in(decision)
    running = {action.version for action in decision.actions if isinstance(action, RunVersion)}
    stopping = {action.version for action in decision.actions if isinstance(action, StopVersion)}
    assert not running & stopping, "a version is run and stopped at once"
    for version in stopping:
        assert not observed.routed(version), f"1: {version} is stopped while a gateway may route to it"
    assert {name for name in split.versions if share_of(split, name)} <= running, "6: users of what shall not run"
    assert set(split.versions) <= running or missing_side(decision.rollout, observed), "6: named, but shall not run"
    assert set(split.versions) <= set(observed.wanted), "6: the split names a version that nobody knows"
    _check_shelter(split, observed)
    _check_sides(running, decision.rollout, observed)
    _check_copies(split, decision.rollout)
    _check_evidence(before, observed, decision)
    _check_audit(before, decision)
    assert decide(before, observed) == decision, "10: the same facts, another decision"
    assert decision.because, "a decision without its because"
    assert set(decision.replies) == {command.id for command in observed.commands}, "a command without a reply"


def _check_shelter(split: Split, observed: Observed) -> None:
    if split.candidate is None:
        return
    stable, candidate = observed.ready(split.stable), observed.ready(split.candidate)
    assert not (split.weight > 0 and stable and not candidate), "2: users go to a candidate that is not there"
    assert not (split.weight < FULL_WEIGHT and candidate and not stable), "2: users go to a stable that is not"


def _check_sides(running: set[str], after: Rollout, observed: Observed) -> None:
    """A version without users does not begin to run before its side of the data is there."""
    candidate, data = after.candidate, observed.data
    begins = candidate in running and not after.weight and not observed.running(candidate)
    if after.policy.data is not None and begins:
        assert data is not None, "data: a candidate is started before the database has answered"
        assert candidate in data.ready, "data: a candidate is started without a side of its own"


def _check_copies(split: Split, after: Rollout) -> None:
    """Copies go only from a stable that answers users to a candidate that is not judged yet."""
    if split.shadow is None:
        return
    assert after.phase in COPYING, f"copies are made while {after.phase}"
    assert after.sheltering is None, "copies are made while a side is not there"
    assert split.weight < FULL_WEIGHT, "copies of what nobody asks stable any more"
    assert split.shadow.share == after.shadow, "9: what is copied is not what was noted"


def _check_evidence(before: Rollout, observed: Observed, decision: Decision) -> None:
    """8: nobody is promoted or rolled back because nothing was counted."""
    seen, policy = observed.assessment, before.policy
    ended = proven(before, decision)
    if isinstance(ended, WeightStep):
        assert seen.errors.step.seen_c, "8: no request of the candidate's was counted, but the step is done"
        assert seen.errors.step.seen_s, "8: nothing to compare with, but the step is done"
        assert seen.errors.fine.peak >= CLEAR, "8: a step is done against the evidence"
        assert max(before.step_since, before.weight_since) < observed.now, "8: a step is done by the one before"
        if policy.latency is not None:
            assert seen.latency is not None, "8: nobody looked at latency, but the step is done"
            assert min(each.fine.peak for each in seen.latency.quantiles) >= CLEAR, "8: a step is done too slowly"
    if isinstance(ended, ShadowStep) and ended.share:
        assert observed.differences.compared, "8: no answer was compared, but the step is done"
        assert observed.differences.clear.log_e > 0, "8: a step is done against the evidence"
    if isinstance(ended, WeightStep | ShadowStep):
        # In one turn a side that is there again has its users back before the step is looked at.
        both = replace(before, sheltering=None)
        assert observed.obeyed(split_of(both)), "a step is done that not every gateway obeys"
    if isinstance(ended, WeightStep) and policy.data is not None:
        assert observed.data is not None, "8: nobody looked at the rows, but the step is done"
        assert observed.data.drift is not None, "8: nobody looked at the rows, but the step is done"
        assert observed.data.drift <= policy.data.max_drift, "8: a step is done although rows contradict themselves"
    if not by_itself(before, observed, decision):
        return
    verdicts = [event for event in decision.events if worse(event)]
    if verdicts and before.phase is not Phase.PENDING:
        missing = before.candidate_missing_since
        gone = missing is not None and observed.now - missing >= policy.start_timeout_s
        errors, latency = seen.errors, seen.latency or LatencyEvidence()
        failed = (errors.attempt.bad_c or errors.alone.bad_c) and (errors.worse.proven or errors.hard.proven)
        slow = any(each.attempt.bad_c for each in latency.quantiles) and latency.worse.proven
        differ = observed.differences.compared and observed.differences.against.log_e > 0
        seen_drift = observed.data.drift if observed.data else None
        drifted = policy.data is not None and (seen_drift or 0) > policy.data.max_drift
        assert gone or failed or slow or differ or drifted, f"8: a verdict from {errors.attempt}"


def worse(event: Event) -> bool:
    """Whether it is a verdict against the candidate; the last step's proof is one for it."""
    return event.kind is EventKind.VERDICT and event.data.get("verdict") != "not-worse"


def by_itself(before: Rollout, observed: Observed, decision: Decision) -> bool:
    """Whether nobody ordered anything that was accepted, nor began another rollout."""
    ordered = any(decision.replies[command.id].accepted for command in observed.commands)
    return not ordered and decision.rollout.number == before.number


def proven(before: Rollout, decision: Decision) -> LadderStep | None:
    """The step that ended in this turn by itself, and by proof, if one did."""
    after, ladder = decision.rollout, before.policy.ladder
    climbed = before.phase is Phase.PROGRESSING and (after.phase is Phase.PROMOTING or after.step > before.step)
    ordered = any(reply.accepted for reply in decision.replies.values())
    if not climbed or ordered or after.number != before.number or before.step >= len(ladder):
        return None
    unproven = any(event.kind is EventKind.HELD for event in decision.events)
    return None if unproven and before.policy.on_timeout == "promote-unproven" else ladder[before.step]


def check_proof(world: World, before: Rollout, decision: Decision) -> None:
    """8, of the world itself: whatever the evidence says, so many requests there were that it can say so.

    A candidate request without a failure is worth less than budget / next weight of a proof of ln 20, and a failure
    less than a third of a proof of worse.
    """
    candidate, stable = before.candidate, before.stable
    if isinstance(proven(before, decision), WeightStep):
        since = max(before.step_since, before.weight_since) - 1
        requests, _ = world.truth(candidate, since)
        _, failed_on_stable = world.truth(stable, since)
        needed = 1 if failed_on_stable else CLEAR * next_weight(before) / before.policy.errors.budget
        assert requests >= needed, f"8: {requests} requests promoted, {needed} are needed"
    for event in decision.events:
        if worse(event) and event.reason.startswith("gate errors"):
            _, failed = world.truth(candidate, before.attempt_since - 1)
            assert failed >= FAILURES, f"8: a verdict from {failed} failures"
        if worse(event) and event.reason.startswith("gate latency"):
            slower = world.qualities[candidate or ""].ms > world.qualities[stable].ms
            assert slower, "8: a verdict on a candidate that is not slower"


def _check_audit(before: Rollout, decision: Decision) -> None:
    """9: whatever changes has its event; the rest of the checks are in Event itself."""
    after = decision.rollout
    kinds = {event.kind for event in decision.events}
    if after.number == before.number:
        assert (after.phase is before.phase) or EventKind.PHASE in kinds, "9: a phase without an event"
        assert (after.weight == before.weight) or EventKind.WEIGHT in kinds, "9: a weight without an event"
        assert (after.shadow == before.shadow) or EventKind.SHADOW in kinds, "9: a share copied without an event"
        sheltered = {EventKind.SHELTERED, EventKind.UNSHELTERED} & kinds
        assert (after.sheltering == before.sheltering) or sheltered, "9: a shelter without an event"
        assert (after.released_at is None) or before.released_at or EventKind.RELEASED in kinds
    else:
        assert after.number == before.number + 1, "a rollout's number was skipped"
        assert not before.active, "a rollout began while another was under way"
        assert EventKind.STARTED in kinds, "9: a start without an event"
    if after.number == before.number and after.weight < before.weight:
        lowered = [event for event in decision.events if event.kind is EventKind.WEIGHT]
        by_hand = any(event.actor != ACTOR for event in lowered)
        assert by_hand or after.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}, "4: users were sent back"


def check_wake(observed: Observed, decision: Decision) -> None:
    """If nothing but time goes by, nothing may become due before ``wake_at``."""
    quiet = replace(observed, commands=())
    if observed.now in {decision.rollout.step_since, decision.rollout.weight_since}:
        quiet = replace(quiet, assessment=Assessment())  # what is known is of the step before
    wake_at = decision.wake_at if decision.wake_at is not None else float("inf")
    settled = decide(decision.rollout, quiet)
    if _outcome(settled) != _outcome(decision):
        # The next facts differ anyway (counts of a new step): then whatever changed wakes the loop.
        return
    for ahead in AHEAD_S:
        if observed.now + ahead < wake_at:
            later = decide(decision.rollout, replace(quiet, now=observed.now + ahead))
            assert _outcome(later) == _outcome(decision), (
                f"after {ahead} s it would be {later.rollout.phase} ({later.because}), but it sleeps until "
                f"{wake_at - observed.now} s from now: {decision.because}"
            )


def _outcome(decision: Decision) -> tuple[object, ...]:
    rollout = decision.rollout
    ending = [str(action) for action in decision.actions if isinstance(action, StopVersion | FenceData | ContractData)]
    return (
        *(rollout.phase, rollout.step, rollout.weight, rollout.sheltering, rollout.released_at),
        *(rollout.held, sorted(ending), split_in(decision)),
    )


def check_stop(world: World, version: str) -> None:
    """1, of the world itself: no gateway routes to what is stopped now, and none is about to."""
    assert version not in world.routed(), f"1: {version} is stopped while a gateway routes to it"
    coming = {name for node in world.nodes for _, split in node.sent for name in split.versions}
    assert version not in coming, f"1: {version} is stopped while a snapshot with it is on its way"


def check_loss_of_data(world: World, version: str, how: str) -> None:
    """No gateway sends a user to a version that may no longer write, or whose side is gone, and none is about to."""
    for split in (*(node.truth for node in world.nodes), *(split for node in world.nodes for _, split in node.sent)):
        assert split is None or not share_of(split, version), f"data: {version} is {how} while a gateway sends it users"


def check_world(world: World, before: Rollout, after: Rollout) -> None:
    """7: when a rollout says that it was rolled back, no gateway sends a user to the candidate."""
    if after.phase is Phase.ROLLED_BACK and before.phase is not Phase.ROLLED_BACK:
        for node in world.nodes:
            users = node.truth.weight if node.truth and node.truth.candidate == after.candidate else 0
            promoted = node.truth is not None and node.truth.stable == after.candidate
            assert not users, f"7: rolled back, but {node.id} sends {users} to the candidate"
            assert not promoted, f"7: rolled back, but {node.id} sends everybody to the candidate"


def check_nested(old: Split | None, new: Split | None) -> None:
    """4: within one rollout a gateway's splits differ only by their weight, so users' places are nested."""
    if old and new and old.candidate and new.candidate and old.salt == new.salt:
        assert (old.stable, old.candidate) == (new.stable, new.candidate), "4: sides changed under one salt"


def check_rest(world: World, rollout: Rollout, because: str) -> None:
    """Liveness: once the faults have stopped, a rollout rests, or says what it waits for."""
    if rollout.phase is Phase.COMPLETED:
        assert all(node.truth == Split(rollout.serving) for node in world.nodes), "7: not everybody is there"
        assert {each.version for each in world.instances.values()} <= {rollout.serving}, "the old one still runs"
        return
    if rollout.phase is Phase.ROLLED_BACK and rollout.sheltering is None:
        assert all(
            node.truth is not None and node.truth.stable == rollout.stable and node.truth.weight == 0
            for node in world.nodes
        ), "7: a rollback that never ended"
        assert world.ready(rollout.candidate) == 0, "the candidate of a rollback is never retired"
        writes = rollout.candidate in world.database.sides - world.database.fenced
        assert rollout.policy.data is None or not writes, "data: the candidate of a rollback still writes"
        return
    assert because, f"stuck in {rollout.phase} without a word"
    waits_for_person = rollout.phase in {Phase.PAUSED, Phase.FROZEN} or "approve" in because
    waits_for_instance = not world.qualities[rollout.stable].starts or bool(
        rollout.candidate and not world.qualities[rollout.candidate].starts
    )
    waits_for_data = rollout.held and rollout.phase is Phase.PROGRESSING
    assert waits_for_person or waits_for_instance or waits_for_data, (
        f"stuck in {rollout.phase}, step {rollout.step}, weight {rollout.weight}: {because}"
    )
