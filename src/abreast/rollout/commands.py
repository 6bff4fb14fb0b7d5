"""People's commands, one function each: accepted with what it did, or refused with the reason and what is allowed."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from abreast.model.event import EventKind
from abreast.model.group import Stage
from abreast.model.rollout import Phase, Rollout
from abreast.model.units import FULL_WEIGHT, about, format_weight
from abreast.rollout import group
from abreast.rollout.actions import Reply
from abreast.rollout.checks import holding
from abreast.rollout.observed import Command
from abreast.rollout.steps import step_from, weight_at
from abreast.rollout.transitions import HALTED, TRANSITIONS, Trigger
from abreast.rollout.turn import Turn

Outcome = tuple[Turn, Reply]


def obey(turn: Turn, command: Command, read: Rollout) -> Outcome:
    """Carry out one command; a refusal is an event too, so that the audit log shows who tried what.

    ``read`` is the rollout as the turn found it: what a command before this one in the same turn changed
    gets its revision only when it is recorded, and is no less a change.
    """
    revision = read.revision if turn.rollout == read else read.revision + 1
    if command.revision is not None and command.revision != revision:
        message = f"the rollout changed meanwhile: revision {revision}, you had read {command.revision}"
        reply = Reply(accepted=False, message=message, remedy="look at: abreast status", conflict=True)
        outcome = (turn, reply)
    else:
        outcome = _apart(turn, command) if command.alone else _VERBS[command.verb](turn, command)
    after, reply = outcome
    if reply.accepted:
        return after, replace(reply, idle=after is turn)
    reason = f"{command.verb} refused: {reply.message}"
    return after.noted(EventKind.REFUSED, command.actor, reason, verb=command.verb), reply


def _apart(turn: Turn, command: Command) -> Outcome:
    """Carry it out without the group, to which the rollout does not belong from then on."""
    policy = command.policy or turn.rollout.policy
    if policy.group is None:
        return turn, Reply(accepted=False, message="there is no group to be left", remedy="give it without `--alone`")
    if command.verb not in _ALONE:
        message = f"{command.verb} concerns this service only"
        return turn, Reply(accepted=False, message=message, remedy="give it without `--alone`")
    words = f"without group {policy.group.name}"
    told = replace(command, reason=f"{command.reason} ({words})" if command.reason else words)
    after, reply = _VERBS[command.verb](turn.changed(replace(turn.rollout, alone=True)), told)
    return (after, reply) if reply.accepted else (turn, reply)


def allowed(rollout: Rollout) -> tuple[str, ...]:
    """The verbs that the present phase takes, for messages and buttons."""
    verbs = {
        Trigger.START: "start",
        Trigger.RETRY: "retry",
        Trigger.CLIMBED: "promote",
        Trigger.BAKED: "promote",
        Trigger.FULL: "promote --full",
        Trigger.RETIRE: "retire",
        Trigger.PAUSE: "pause",
        Trigger.RESUME: "resume",
        Trigger.WEIGHT: "weight",
        Trigger.ABORT: "abort",
        Trigger.UNDO: "undo",
    }
    found = [verbs[trigger] for phase, trigger in TRANSITIONS if phase is rollout.phase and trigger in verbs]
    if rollout.phase in HALTED and rollout.resume_to is Phase.PROGRESSING:
        found += ["promote", "promote --full", "weight"]
    if rollout.phase in HALTED and rollout.resume_to is Phase.BAKING:
        found.append("promote")
    if Trigger.UNDO.value in found and not rollout.promoted:
        found.remove("undo")
    if rollout.phase in {Phase.RETIRING, Phase.ROLLED_BACK}:
        found.append("retire")
    return tuple(dict.fromkeys(found))


def _refuse(turn: Turn, message: str) -> Outcome:
    verbs = allowed(turn.rollout)
    remedy = f"possible now: {', '.join(verbs)}" if verbs else "wait for the phase to end; see: abreast status"
    return turn, Reply(accepted=False, message=message, remedy=remedy)


def _held(turn: Turn, waiting: str) -> Outcome:
    """Refused for the group's sake."""
    remedy = "wait for the group, or leave it with this rollout: `--alone`"
    return turn, Reply(accepted=False, message=waiting, remedy=remedy)


def _accept(turn: Turn, message: str) -> Outcome:
    return turn, Reply(accepted=True, message=message)


def _why(command: Command, did: str) -> str:
    return f"{did}: {command.reason}" if command.reason else did


def _sheltering(rollout: Rollout) -> str:
    return f"{rollout.stable} has no ready instance and {rollout.candidate} serves its users; wait until it is back"


def _start(turn: Turn, command: Command) -> Outcome:
    before = turn.rollout
    name = command.version
    if before.active:
        return _refuse(turn, f"a rollout of {before.candidate} is {before.phase}; one at a time")
    if name is None or command.policy is None:
        return _refuse(turn, "no version was named")
    if before.sheltering:
        return _refuse(turn, _sheltering(before))
    if name == before.serving:
        return _refuse(turn, f"{name} already serves all users")
    attempt, unclear = group.beginning(before, command.policy.group, turn.observed, alone=command.alone)
    if unclear:
        return _held(turn, unclear)
    reason = _why(command, f"rollout of {name} beside {before.serving} began")
    rollout = Rollout(
        service=before.service,
        number=before.number + 1,
        stable=before.serving,
        candidate=name,
        policy=command.policy,
        phase=Phase.PENDING,
        phase_since=turn.now,
        started_at=turn.now,
        attempt_since=turn.now,
        attempt=attempt,
        alone=command.alone,
        reason=reason,
    )
    started = turn.changed(rollout).noted(
        EventKind.STARTED, command.actor, reason, stable=rollout.stable, candidate=name
    )
    return _accept(
        started, f"rollout {rollout.number}: {rollout.stable} → {name} begins; waiting for {name} to be ready"
    )


def _retry(turn: Turn, command: Command) -> Outcome:
    if turn.rollout.phase is not Phase.ROLLED_BACK:
        return _refuse(turn, f"only a rollout that was rolled back can be retried, this one is {turn.rollout.phase}")
    if turn.rollout.sheltering:
        return _refuse(turn, _sheltering(turn.rollout))
    policy = command.policy or turn.rollout.policy
    attempt, unclear = group.beginning(turn.rollout, policy.group, turn.observed, alone=command.alone)
    if unclear:
        return _held(turn, unclear)
    reason = _why(command, f"{turn.rollout.candidate} is tried again")
    moved = turn.moved(Trigger.RETRY, command.actor, reason)
    fresh = replace(
        moved.rollout,
        policy=policy,
        attempt_since=turn.now,
        attempt=attempt,
        alone=command.alone,
        step=0,
        released_at=None,
        retire_now=False,
        held=False,
        candidate_missing_since=None,
    )
    return _accept(moved.changed(fresh), f"{fresh.candidate} is tried again, by the same users first")


def _pause(turn: Turn, command: Command) -> Outcome:
    rollout = turn.rollout
    if rollout.phase is Phase.PAUSED:
        return _accept(turn, "already paused")
    if (rollout.phase, Trigger.PAUSE) not in TRANSITIONS:
        return _refuse(turn, f"cannot pause while {rollout.phase}")
    paused = turn.moved(Trigger.PAUSE, command.actor, _why(command, "paused"))
    message = f"paused at {format_weight(rollout.weight)}; the gates go on protecting"
    return _accept(paused, message)


def _resume(turn: Turn, command: Command) -> Outcome:
    if turn.rollout.phase not in HALTED:
        return _refuse(turn, f"nothing is paused or frozen: the rollout is {turn.rollout.phase}")
    resumed = _resumed(turn, command, "resumed")
    return _accept(resumed, f"{resumed.rollout.phase} again at {format_weight(resumed.rollout.weight)}")


def _resumed(turn: Turn, command: Command, did: str) -> Turn:
    """Back in the phase that was left; the present step's clock starts over, so that it is proven again."""
    reason = _why(command, did)
    moved = turn.moved(Trigger.RESUME, command.actor, reason)
    rollout = replace(moved.rollout, step_since=turn.now, attempt_since=turn.now)
    if rollout.phase is Phase.PROGRESSING and rollout.weight != weight_at(rollout, rollout.step):
        return moved.changed(rollout).stepped(step_from(rollout, rollout.weight), command.actor, reason)
    return moved.changed(rollout)


def _promote(turn: Turn, command: Command) -> Outcome:
    rollout = turn.rollout
    goal = rollout.resume_to if rollout.phase in HALTED else rollout.phase
    if goal not in {Phase.PROGRESSING, Phase.BAKING}:
        hint = f": {rollout.candidate} is not ready yet" if goal is Phase.PENDING else ""
        return _refuse(turn, f"cannot promote while {rollout.phase}{hint}")
    if not turn.observed.ready(rollout.candidate):
        return _refuse(turn, f"{rollout.candidate} has no ready instance")
    waiting = ""
    if goal is Phase.BAKING or command.full:
        waiting = group.holding(rollout, turn.observed, Stage.BAKED if goal is Phase.BAKING else Stage.READY)
    if waiting:
        return _held(turn, waiting)
    awake = _resumed(turn, command, "promoted") if rollout.phase in HALTED else turn
    raised = awake.rollout.weight > rollout.weight
    rollout = awake.rollout
    if goal is Phase.BAKING:
        reason = _why(command, "the rest of the bake was skipped")
        return _accept(awake.moved(Trigger.BAKED, command.actor, reason), reason)
    if command.full:
        reason = _why(command, "the remaining steps were skipped")
        return _accept(awake.moved(Trigger.FULL, command.actor, reason), f"all users go to {rollout.candidate}")
    return _climb(awake, command, raised=raised)


def _climb(turn: Turn, command: Command, *, raised: bool) -> Outcome:
    """On to the next step; ``raised``: resuming from a weight set by hand has done that already."""
    rollout = turn.rollout
    ladder = rollout.policy.ladder
    if rollout.step >= len(ladder):
        waiting = "; ".join(holding(rollout, turn.observed.checks, "promotion"))
        if waiting:
            return _refuse(turn, f"all steps are done, but not confirmed yet: {waiting}")
        waiting = group.holding(rollout, turn.observed, Stage.READY)
        if waiting:
            return _held(turn, waiting)
        return _accept(turn, f"all users go to {rollout.candidate}")
    if raised:
        return _accept(turn, f"next: {ladder[rollout.step]}")
    skipped = str(ladder[rollout.step])
    reason = _why(command, f"approved past {skipped}")
    noted = turn.noted(EventKind.APPROVED, command.actor, reason, step=rollout.step + 1)
    stepped = noted.stepped(rollout.step + 1, command.actor, reason)
    after = f"next: {ladder[stepped.rollout.step]}" if stepped.rollout.step < len(ladder) else "all users"
    return _accept(stepped, f"past {skipped}; {after}")


def _abort(turn: Turn, command: Command) -> Outcome:
    rollout = turn.rollout
    if rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK}:
        return _accept(turn, f"already {rollout.phase}: no user is sent to {rollout.candidate}")
    if rollout.phase is Phase.COMPLETED:
        return _refuse(turn, f"no rollout is under way; {rollout.serving} serves all users")
    bound = group.bound(rollout, turn.observed)
    if bound:
        return _held(turn, bound)
    aborted = turn.moved(Trigger.ABORT, command.actor, _why(command, "aborted"))
    return _accept(aborted, f"all users go back to {rollout.stable}")


def _undo(turn: Turn, command: Command) -> Outcome:
    rollout = turn.rollout
    if rollout.phase is Phase.COMPLETED and rollout.candidate:
        return _refuse(turn, f"{rollout.stable} is retired; roll it out again with: abreast start {rollout.stable}")
    if not rollout.promoted or rollout.phase is Phase.COMPLETED:
        return _refuse(turn, f"nothing was promoted; the rollout is {rollout.phase}")
    bound = group.bound(rollout, turn.observed)
    if bound:
        return _held(turn, bound)
    undone = turn.moved(Trigger.UNDO, command.actor, _why(command, "promotion undone"))
    return _accept(undone, f"all users go back to {rollout.stable}")


def _retire(turn: Turn, command: Command) -> Outcome:
    rollout = turn.rollout
    if rollout.phase not in {Phase.BAKING, Phase.RETIRING, Phase.ROLLED_BACK}:
        return _refuse(turn, f"no version can be retired while {rollout.phase}")
    loser = rollout.candidate if rollout.phase is Phase.ROLLED_BACK else rollout.stable
    released = rollout.released_at is not None
    waiting = group.holding(rollout, turn.observed, Stage.BAKED) if rollout.phase is Phase.BAKING else ""
    if waiting:
        return _held(turn, waiting)
    if released and (rollout.retire_now or rollout.phase is Phase.ROLLED_BACK):
        return _accept(turn, f"{loser} is already out of the gateway")
    wait = "for who works in the database as it" if released else about(rollout.policy.retire_after_s)
    reason = _why(command, f"{loser} is retired now, without waiting {wait}")
    awake = turn.moved(Trigger.RETIRE, command.actor, reason) if rollout.phase is Phase.BAKING else turn
    noted = awake.noted(EventKind.APPROVED, command.actor, reason)
    return _accept(noted.changed(replace(noted.rollout, retire_now=True)), reason)


def _weight(turn: Turn, command: Command) -> Outcome:
    rollout = turn.rollout
    goal = rollout.resume_to if rollout.phase in HALTED else rollout.phase
    weight = command.weight
    if goal is not Phase.PROGRESSING:
        return _refuse(turn, f"the weight cannot be set by hand while {rollout.phase}")
    if weight is None or not 0 <= weight <= FULL_WEIGHT:
        return _refuse(turn, f"{weight} is no weight")
    if weight and not turn.observed.ready(rollout.candidate):
        return _refuse(turn, f"{rollout.candidate} has no ready instance")
    waiting = group.holding(rollout, turn.observed, Stage.READY) if weight == FULL_WEIGHT else ""
    if waiting:
        return _held(turn, waiting)
    reason = _why(command, f"weight set to {format_weight(weight)} by hand")
    halted = turn if rollout.phase in HALTED else turn.moved(Trigger.WEIGHT, command.actor, reason)
    weighted = halted.weighted(weight, command.actor, reason)
    message = f"{format_weight(weight)} of users go to {rollout.candidate}; the steps are {weighted.rollout.phase}"
    return _accept(weighted, message)


_ALONE = frozenset({"start", "retry", "promote", "weight", "abort", "undo", "retire"})
"""Verbs that a person can give without the group."""

_VERBS: Mapping[str, Callable[[Turn, Command], Outcome]] = {
    "start": _start,
    "retry": _retry,
    "pause": _pause,
    "resume": _resume,
    "promote": _promote,
    "abort": _abort,
    "undo": _undo,
    "retire": _retire,
    "weight": _weight,
}
"""Each verb's function."""
