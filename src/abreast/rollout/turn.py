"""One turn of deciding: the rollout as changed so far and what happened on the way; frozen."""

from dataclasses import dataclass, replace
from typing import Literal

from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Rollout, ShadowStep, WeightStep
from abreast.model.traffic import Shadowing, Split
from abreast.model.units import FULL_WEIGHT, format_weight
from abreast.rollout.observed import Observed
from abreast.rollout.transitions import HALTED, Trigger, target

ACTOR = "abreast"
"""Actor of everything that no person asked for."""


@dataclass(frozen=True)
class Turn:
    """The rollout so far, the facts, and the events of this turn; every method returns a new one."""

    rollout: Rollout
    observed: Observed
    events: tuple[Event, ...] = ()

    @property
    def now(self) -> float:
        """Unix seconds of this turn."""
        return self.observed.now

    def noted(self, kind: EventKind, actor: str, reason: str, **data: str | float | None) -> "Turn":
        """With one more event."""
        event = Event(self.now, self.rollout.number, kind, actor, reason, data)
        return replace(self, events=(*self.events, event))

    def changed(self, rollout: Rollout) -> "Turn":
        """With another state of the rollout."""
        return replace(self, rollout=rollout)

    def moved(self, trigger: Trigger, actor: str, reason: str) -> "Turn":
        """In the phase that the trigger leads to. Raises LookupError where the table has no such move."""
        phase = target(self.rollout, trigger)
        if phase is None:
            message = f"{trigger!r} is not possible in phase {self.rollout.phase!r}"
            raise LookupError(message)
        before = self.rollout
        resume_to = None
        if phase in HALTED:
            resume_to = before.resume_to if before.phase in HALTED else before.phase
        after = replace(before, phase=phase, phase_since=self.now, resume_to=resume_to, reason=reason)
        noted = self.changed(after).noted(EventKind.PHASE, actor, reason, before=before.phase.value, after=phase.value)
        if phase is Phase.ROLLING_BACK:
            back = noted.weighted(0, actor, reason).shadowed(0, actor, reason)
            return back.changed_fields(released_at=None, retire_now=False, held=False)
        if phase is Phase.PROMOTING:
            return noted.weighted(FULL_WEIGHT, actor, reason).shadowed(0, actor, reason)
        return noted

    def changed_fields(self, *, released_at: float | None, retire_now: bool, held: bool) -> "Turn":
        """With the marks of holding and retiring set."""
        return self.changed(replace(self.rollout, released_at=released_at, retire_now=retire_now, held=held))

    def weighted(self, weight: int, actor: str, reason: str) -> "Turn":
        """With another share of users on the candidate."""
        before = self.rollout
        if before.weight == weight:
            return self
        after = replace(before, weight=weight, weight_since=self.now)
        return self.changed(after).noted(EventKind.WEIGHT, actor, reason, before=before.weight, after=weight)

    def shadowed(self, share: int, actor: str, reason: str) -> "Turn":
        """With another share of requests copied."""
        before = self.rollout
        if before.shadow == share:
            return self
        after = self.changed(replace(before, shadow=share))
        return after.noted(EventKind.SHADOW, actor, reason, before=before.shadow, after=share)

    def stepped(self, step: int, actor: str, reason: str) -> "Turn":
        """In another step of the ladder (its length: past the end), its weight ordered."""
        ladder = self.rollout.policy.ladder
        entered = self.changed(replace(self.rollout, step=step, step_since=self.now, held=False))
        if step >= len(ladder):
            return entered
        kind = ladder[step]
        noted = entered.noted(EventKind.STEP, actor, reason, step=step + 1, of=len(ladder), what=str(kind))
        copying = noted.shadowed(shadow_at(self.rollout, step), actor, f"step {step + 1}: {kind}")
        if isinstance(kind, WeightStep):
            return copying.weighted(kind.weight, actor, f"step {step + 1}: {format_weight(kind.weight)}")
        return copying


def shadow_at(rollout: Rollout, step: int) -> int:
    """The share of requests that is copied in that step: its own, or the last one set before it."""
    share = 0
    for each in rollout.policy.ladder[: step + 1]:
        if isinstance(each, ShadowStep):
            share = each.share
        elif isinstance(each, WeightStep) and each.shadow is not None:
            share = each.shadow
    return share


def shadows_soon(rollout: Rollout) -> bool:
    """Whether requests are copied in the present step or the next: a relay needs a second or two to be there."""
    if rollout.phase not in {Phase.PENDING, Phase.PROGRESSING}:
        return False
    return any(shadow_at(rollout, rollout.step + ahead) for ahead in (0, 1))


def split_of(rollout: Rollout) -> Split:
    """What the gateways shall be told in this state."""
    if rollout.candidate is None or rollout.phase is Phase.COMPLETED:
        return Split(rollout.serving)
    if rollout.phase is Phase.PENDING:
        return Split(rollout.stable)
    if rollout.released_at is not None:
        return Split(rollout.candidate if rollout.promoted else rollout.stable)
    weight = {None: rollout.weight, "candidate": 0, "stable": FULL_WEIGHT}[rollout.sheltering]
    return Split(rollout.stable, rollout.candidate, weight, rollout.salt, _shadowing(rollout))


def _shadowing(rollout: Rollout) -> Shadowing | None:
    """What is copied; nothing while a side has no ready instance."""
    if not rollout.shadow or rollout.sheltering is not None or rollout.weight == FULL_WEIGHT:
        return None
    policy = rollout.policy.shadow
    return Shadowing(rollout.shadow, policy.at_most_per_s, policy.isolated)


def share_of(split: Split, version: str | None) -> int:
    """The share of users that a split gives to the version, in hundredths of a percent."""
    if version == split.candidate and version is not None:
        return split.weight
    return FULL_WEIGHT - split.weight if version == split.stable else 0


def shelter_of(rollout: Rollout, observed: Observed) -> Literal["stable", "candidate"] | None:
    """The side that has users but no ready instance while the other side has one, if any."""
    if rollout.candidate is None or rollout.phase in {Phase.PENDING, Phase.COMPLETED}:
        return None
    if rollout.released_at is not None:
        return None
    stable, candidate = observed.ready(rollout.stable), observed.ready(rollout.candidate)
    if rollout.weight > 0 and not candidate and stable:
        return "candidate"
    if rollout.weight < FULL_WEIGHT and not stable and candidate:
        return "stable"
    return None
