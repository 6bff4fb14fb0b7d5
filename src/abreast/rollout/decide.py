"""The heart: facts in, decision out. No clock, no log, no await; the same input gives the same output.

A turn goes through six stages: obey people, protect users, go back with the release group, go on by the steps, shelter
users of a side that has nothing ready, and say what the world should look like. What it should look like is said in
full each time, so a crash at any point heals in the next cycle.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from abreast.analysis.assessment import Assessment
from abreast.model.event import Event, EventKind
from abreast.model.group import Stage
from abreast.model.rollout import Phase, Policy, Rollout, WeightStep
from abreast.model.units import about, format_weight
from abreast.rollout import data, group
from abreast.rollout.actions import Decision, Reply
from abreast.rollout.checks import holding, protected
from abreast.rollout.commands import obey
from abreast.rollout.gates import judge_differences, judge_errors, judge_latency
from abreast.rollout.observed import Differences, Observed, Tally
from abreast.rollout.silence import PATIENCE_S, candidate_silence
from abreast.rollout.steps import evidence, progress
from abreast.rollout.transitions import Trigger
from abreast.rollout.turn import ACTOR, Turn, shelter_of, split_of
from abreast.rollout.watch import LIVE
from abreast.rollout.wishes import drained_at, due_next, wishes


def first(service: str, stable: str, policy: Policy, now: float) -> tuple[Rollout, Event]:
    """Rollout number 0 of a service: its first version, serving everybody; and the event that says so."""
    reason = f"{stable} is the first version of {service}"
    rollout = Rollout(
        service=service,
        number=0,
        stable=stable,
        candidate=None,
        policy=policy,
        phase=Phase.COMPLETED,
        phase_since=now,
        started_at=now,
        attempt_since=now,
        reason=reason,
    )
    return rollout, Event(now, 0, EventKind.STARTED, ACTOR, reason, {"stable": stable})


def decide(rollout: Rollout, observed: Observed) -> Decision:
    """One turn: what the rollout becomes, what happened, what the world shall look like, when to look again."""
    turn = _reweighed(Turn(rollout, observed))
    replies: dict[str, Reply] = {}
    for command in observed.commands:
        turn, replies[command.id] = obey(turn, command, rollout)
    turn = _missing(_forgotten(turn, rollout))
    turn = _sheltered(_accompanied(_protected(_silent(turn))))
    turn, because, wake_at = _advanced(turn)
    # Once more, for a weight that was ordered just now.
    turn = _sheltered(turn)
    return Decision(
        rollout=turn.rollout,
        events=turn.events,
        actions=tuple(wishes(turn.rollout, observed)),
        wake_at=min((at for at in (wake_at, due_next(turn.rollout, observed)) if at is not None), default=None),
        because=because,
        replies=replies,
    )


def _reweighed(turn: Turn) -> Turn:
    """With the weight that a changed spec gave to the step under way; a weight by hand is of another phase."""
    rollout = turn.rollout
    if rollout.phase is not Phase.PROGRESSING or rollout.step >= len(rollout.policy.ladder):
        return turn
    step = rollout.policy.ladder[rollout.step]
    if not isinstance(step, WeightStep) or step.weight == rollout.weight:
        return turn
    return turn.stepped(rollout.step, ACTOR, f"the changed spec says: {step}; the step begins anew")


def _forgotten(turn: Turn, before: Rollout) -> Turn:
    """Without what was counted before a person began a new attempt in this very turn: it is not held against it."""
    if turn.rollout.attempt_since == before.attempt_since:
        return turn
    step = {name: replace(tally, requests=0, errors=0) for name, tally in turn.observed.step.items()}
    observed = replace(turn.observed, step=step, assessment=Assessment(), differences=Differences(), checks={})
    return replace(turn, observed=observed)


def _missing(turn: Turn) -> Turn:
    """Remember since when the candidate has had nothing ready, while it should have."""
    rollout = turn.rollout
    missing = rollout.phase in LIVE and not turn.observed.ready(rollout.candidate)
    since = rollout.candidate_missing_since
    if missing == (since is not None):
        return turn
    return turn.changed(replace(rollout, candidate_missing_since=turn.now if missing else None))


def _silent(turn: Turn) -> Turn:
    """Say once that the candidate gets no requests although it has weight, and once that it does again."""
    rollout = turn.rollout
    silence = candidate_silence(rollout, turn.observed, PATIENCE_S)
    if (silence is not None) == rollout.silent:
        return turn
    got = turn.observed.step.get(rollout.candidate or "", Tally())
    if silence is None and not (got.requests or got.in_flight) and rollout.phase in LIVE and rollout.weight:
        return turn  # a new weight begins a new patience
    reason = silence or f"{rollout.candidate} is not expected to have requests any more"
    if silence is None and (got.requests or got.in_flight):
        reason = f"{rollout.candidate} gets requests again"
    return turn.changed(replace(rollout, silent=silence is not None)).noted(EventKind.SILENT, ACTOR, reason)


def _protected(turn: Turn) -> Turn:
    """Roll back (or freeze) on a verdict; also while paused or waiting for a person."""
    rollout, observed = turn.rollout, turn.observed
    stop = protected(rollout, observed.checks)
    if stop is not None and (stop.ordered or rollout.phase is Phase.PENDING):
        return _worse(turn, Trigger.WORSE, stop.reason)
    if rollout.phase not in LIVE:
        return turn
    reason = None if stop is None else stop.reason
    since = rollout.candidate_missing_since
    if since is not None and turn.now - since >= rollout.policy.start_timeout_s and observed.ready(rollout.stable):
        reason = f"{rollout.candidate} has had no ready instance for {about(turn.now - since)}"
    verdicts = (
        ("errors", judge_errors(rollout, observed.assessment)),
        ("latency", judge_latency(rollout, observed.assessment)),
        ("differences", judge_differences(rollout.policy.differences, observed.differences)),
        ("data", data.judge_data(rollout, observed)),
    )
    worse = next((f"gate {gate}: {verdict.sentence}" for gate, verdict in verdicts if verdict.worse), None)
    reason = worse or reason
    if reason is None:
        return turn
    return _worse(turn, Trigger.FREEZE if rollout.policy.on_failure == "freeze" else Trigger.WORSE, reason)


def _worse(turn: Turn, trigger: Trigger, reason: str) -> Turn:
    return turn.noted(EventKind.VERDICT, ACTOR, reason, verdict="worse").moved(trigger, ACTOR, reason)


def _accompanied(turn: Turn) -> Turn:
    """Go back with another member of the group, once it is this one's turn."""
    found = group.following(turn.rollout, turn.observed)
    if found is None or found.waiting:
        return turn
    return turn.moved(Trigger.ABORT, ACTOR, found.reason)


Advance = tuple[Turn, str, float | None]


def _advanced(turn: Turn) -> Advance:
    """Go on as far as the facts allow; then say what is waited for, and until when at most."""
    while True:
        before = turn.rollout
        turn, because, wake_at = _advance(turn)
        if (turn.rollout.phase, turn.rollout.step) == (before.phase, before.step):
            if turn.rollout.candidate_missing_since is not None and turn.rollout.phase in LIVE:
                limit = turn.rollout.candidate_missing_since + turn.rollout.policy.start_timeout_s
                wake_at = limit if wake_at is None else min(limit, wake_at)
            return turn, because, wake_at


def _advance(turn: Turn) -> Advance:
    ending = group.following(turn.rollout, turn.observed)
    if ending is not None:
        return turn, f"{ending.reason}; this service goes back after {ending.waiting}", ending.until
    return _ADVANCES[turn.rollout.phase](turn)


def _halted(turn: Turn) -> Advance:
    rollout = turn.rollout
    return turn, f"{rollout.phase}: a person has to resume, promote or abort ({rollout.reason})", None


def _completed(turn: Turn) -> Advance:
    return turn, f"{turn.rollout.serving} serves all users", None


def _pending(turn: Turn) -> Advance:
    rollout, observed = turn.rollout, turn.observed
    name = rollout.candidate or ""
    ready, wanted = observed.ready(name), max(observed.wanted.get(name, 1), 1)
    waiting = "; ".join(holding(rollout, observed.checks, "start"))
    if ready >= wanted and waiting:
        return turn, waiting, None
    if ready >= wanted:
        reason = f"{ready} of {wanted} instances of {name} are ready"
        return turn.moved(Trigger.READY, ACTOR, reason).stepped(0, ACTOR, reason), reason, None
    sideless = data.missing_side(rollout, observed)
    failed = observed.data.failed if observed.data is not None else ""
    if sideless is not None and not observed.running(name):
        if failed:
            reason = f"data: {failed}"
            return turn.noted(EventKind.VERDICT, ACTOR, reason).moved(Trigger.WORSE, ACTOR, reason), reason, None
        return turn, sideless, None
    limit = data.ready_since(rollout, observed) + rollout.policy.start_timeout_s
    details = sorted({each.detail for each in observed.instances if each.version == name and each.detail})
    detail = f" ({'; '.join(details)})" if details else ""
    because = f"{ready} of {wanted} instances of {name} are ready{detail}"
    # What was hopeless before this attempt may have been mended: the attempt itself has to fail first.
    hopeless = observed.hopeless.get(name) if turn.now != rollout.phase_since else None
    if hopeless or turn.now >= limit:
        reason = hopeless or f"{because} after {about(rollout.policy.start_timeout_s)}"
        return turn.noted(EventKind.VERDICT, ACTOR, reason).moved(Trigger.WORSE, ACTOR, reason), reason, None
    return turn, because, limit


def _progressing(turn: Turn) -> Advance:
    rollout = turn.rollout
    policy = rollout.policy
    if rollout.step >= len(policy.ladder):
        waiting = "; ".join(holding(rollout, turn.observed.checks, "promotion"))
        waiting = waiting or group.holding(rollout, turn.observed, Stage.READY)
        if waiting:
            return turn, waiting, None
        reason = "all steps are done"
        return turn.moved(Trigger.CLIMBED, ACTOR, reason), reason, None
    step = progress(rollout, turn.observed, split_of(rollout))
    reason = step.because
    if step.done or (step.overdue and step.unproven and policy.on_timeout == "promote-unproven"):
        if not step.done:
            reason = f"unproven after {about(policy.at_most_s)}, going on as the policy says: {step.because}"
            turn = turn.noted(EventKind.HELD, ACTOR, reason)
        if step.done and evidence(rollout, turn.observed) and rollout.step + 1 == len(policy.ladder):
            # No further step is entered whose event would say why this one was done.
            turn = turn.noted(EventKind.VERDICT, ACTOR, reason, verdict="not-worse")
        return turn.stepped(rollout.step + 1, ACTOR, reason), reason, None
    if step.overdue and not rollout.held:
        held = turn.changed(replace(rollout, held=True))
        return (
            held.noted(EventKind.HELD, ACTOR, f"held after {about(policy.at_most_s)}: {reason}"),
            reason,
            None,
        )
    return turn, reason, step.wake_at


def _promoting(turn: Turn) -> Advance:
    rollout = turn.rollout
    if rollout.sheltering is None and turn.observed.obeyed(split_of(rollout)):
        reason = f"every gateway sends all users to {rollout.candidate}"
        return turn.moved(Trigger.OBEYED, ACTOR, reason), reason, None
    return turn, "waiting for every gateway to send all users to the candidate", None


def _baking(turn: Turn) -> Advance:
    rollout = turn.rollout
    if rollout.sheltering:
        return turn, f"the {rollout.sheltering} has no ready instance; the bake does not end like this", None
    end = group.bake_end(rollout)
    if turn.now >= end:
        waiting = group.holding(rollout, turn.observed, Stage.BAKED)
        if waiting:
            return turn, waiting, None
        bake_s = rollout.policy.bake_s
        reason = f"{rollout.candidate} baked for {about(bake_s)}" if bake_s else "there is no bake step"
        return turn.moved(Trigger.BAKED, ACTOR, reason), reason, None
    return turn, f"baking: {about(end - turn.now)} left; undo is instant", end


def _rolling_back(turn: Turn) -> Advance:
    rollout = turn.rollout
    if rollout.sheltering is None and turn.observed.obeyed(split_of(rollout)):
        reason = f"{group.confirmed(rollout)}{rollout.reason}"
        return turn.moved(Trigger.OBEYED, ACTOR, reason), reason, None
    if rollout.sheltering:
        return turn, f"waiting for {rollout.stable} to be ready", None
    return turn, f"waiting for every gateway to send all users to {rollout.stable}", None


def _retiring(turn: Turn) -> Advance:
    """The side that lost: first unused and out of the gateway, then drained and stopped."""
    rollout, observed = turn.rollout, turn.observed
    policy = rollout.policy
    loser = (rollout.stable if rollout.phase is Phase.RETIRING else rollout.candidate) or ""
    if rollout.released_at is not None:
        return _released(turn, loser)
    impeded = _impeded(rollout, observed, loser)
    if impeded:
        return turn, impeded, None
    tally = observed.step.get(loser, Tally())
    quiet_since = max(rollout.phase_since, observed.counting_since, tally.last_request_at or 0.0)
    due = max(rollout.phase_since + policy.retire_after_s, quiet_since + policy.unused_for_s)
    end = due + policy.open_for_s
    if not rollout.retire_now and turn.now < due:
        return turn, f"{loser} stays warm for at least {about(due - turn.now)} more", due
    if not rollout.retire_now and tally.in_flight and turn.now < end:
        streams = f"{tally.in_flight} open stream{'s' * (tally.in_flight > 1)}"
        return turn, f"{loser} is kept by {streams}, for {about(end - turn.now)} more at most", end
    waiting = group.holding(rollout, observed, Stage.RETIRING) if rollout.phase is Phase.RETIRING else ""
    if waiting:
        return turn, waiting, None
    reason = f"{loser} is unused and leaves the gateway"
    if rollout.retire_now:
        reason = f"{loser} is retired by order"
    elif tally.in_flight:
        reason = f"{loser} leaves the gateway with {tally.in_flight} streams that are still open after their time"
    released = turn.changed(replace(rollout, released_at=turn.now))
    noted = released.noted(EventKind.RELEASED, ACTOR, reason, version=loser)
    return noted, reason, turn.now + policy.drain_s


def _impeded(rollout: Rollout, observed: Observed, loser: str) -> str:
    """Why the loser has to stay in the gateway, whatever its times are; empty if nothing keeps it there."""
    if rollout.sheltering is not None:
        return f"the {rollout.sheltering} has no ready instance; {loser} serves its users meanwhile"
    if not observed.obeyed(split_of(rollout)):
        return "waiting for every gateway to obey"
    silent = "" if rollout.retire_now else observed.unheard(loser)
    return f"waiting for {silent}: silent, and may still send users to {loser}" if silent else ""


def _released(turn: Turn, loser: str) -> Advance:
    """Out of the gateway: once every gateway says so and its last requests are answered, it is stopped."""
    rollout, observed = turn.rollout, turn.observed
    if observed.routed(loser):
        silent = observed.unheard(loser)
        who = f"{silent}, which is silent," if silent else "every gateway"
        return turn, f"waiting for {who} to leave {loser} out", None
    if observed.running(loser):
        drained = drained_at(rollout, observed, loser)
        if drained > turn.now:
            return turn, f"{loser} has requests in flight; it is stopped after draining", drained
        return turn, f"waiting for {loser} to stop", None
    if rollout.phase is Phase.RETIRING:
        kept = _kept(rollout, observed, loser) or group.holding(rollout, observed, Stage.RELEASED)
        if kept:
            return turn, kept, None
        reason = f"{loser} is retired; {rollout.candidate} is the stable version now"
        return turn.moved(Trigger.STOPPED, ACTOR, reason), reason, None
    return turn, f"{rollout.stable} serves all users; {rollout.reason}", None


def _kept(rollout: Rollout, observed: Observed, loser: str) -> str:
    """Who still works in the database as the version that was stopped; empty if nobody does."""
    sessions = observed.data.connected.get(loser, 0) if observed.data else 0
    if not sessions or rollout.retire_now:
        return ""
    others = f"{sessions} session{'s' * (sessions > 1)}"
    because = f"{loser} has stopped, but somebody works in the database as {loser} ({others}): end that"
    return f"{because}, or give: abreast retire"


_ADVANCES: Mapping[Phase, Callable[[Turn], Advance]] = {
    Phase.PENDING: _pending,
    Phase.PROGRESSING: _progressing,
    Phase.PAUSED: _halted,
    Phase.FROZEN: _halted,
    Phase.PROMOTING: _promoting,
    Phase.BAKING: _baking,
    Phase.RETIRING: _retiring,
    Phase.COMPLETED: _completed,
    Phase.ROLLING_BACK: _rolling_back,
    Phase.ROLLED_BACK: _retiring,
}
"""How each phase goes on by itself."""


def _sheltered(turn: Turn) -> Turn:
    """Lend the users of a side that has nothing ready to the other side, or give them back."""
    before, after = turn.rollout.sheltering, shelter_of(turn.rollout, turn.observed)
    if before == after:
        return turn
    rollout = turn.rollout
    changed = turn.changed(replace(rollout, sheltering=after))
    if after is None:
        return changed.noted(EventKind.UNSHELTERED, ACTOR, _unsheltered(turn), side=before)
    reason = f"the {after} has no ready instance; the other side serves its users meanwhile"
    return changed.noted(EventKind.SHELTERED, ACTOR, reason, side=after)


def _unsheltered(turn: Turn) -> str:
    """Why a side's users are no longer lent to the other side."""
    rollout, observed = turn.rollout, turn.observed
    side, split = rollout.sheltering, format_weight(rollout.weight)
    if observed.ready(rollout.candidate if side == "candidate" else rollout.stable):
        return f"the {side} is ready again and has its users back ({split})"
    if not observed.ready(rollout.candidate) and not observed.ready(rollout.stable):
        return f"the other side has no ready instance either; users are split as ordered ({split})"
    return f"no users are meant for the {side} any more ({split})"
