"""What a replay found, for people and for programs: the same course or another, and how far to trust it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from abreast.model.checks import PromqlGate
from abreast.model.event import Event, EventKind, sentence
from abreast.model.rollout import Phase, Policy, ShadowStep, WeightStep
from abreast.model.units import FULL_WEIGHT, about, format_weight
from abreast.replay.course import Course, Misfit, Moment, decided_anew
from abreast.replay.difference import SLACK_S, Row, side_by_side
from abreast.replay.recording import Recording
from abreast.rollout.checks import checks, title


@dataclass(frozen=True)
class Outcome:
    """A recording, and its course under ``policy`` (None: its own)."""

    recording: Recording
    course: Course
    policy: Policy | None = None

    @classmethod
    def of(
        cls,
        recording: Recording,
        policy: Policy | None = None,
        tell: Callable[[Moment], None] = lambda _moment: None,
    ) -> "Outcome":
        """Decide it anew; ``tell`` hears of each moment that is past."""
        return cls(recording, decided_anew(recording, policy, tell), policy)

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every decision, then and now."""
        return side_by_side(self.recording.events, self.course.events)

    @property
    def same(self) -> bool:
        """Whether the same was decided at the same times."""
        return all(row.same for row in self.rows)

    @property
    def title(self) -> str:
        """Which rollout, and under which policy."""
        start = self.recording.start
        policy = "its own policy" if self.policy is None else "another policy"
        return f"rollout {start.number} of {start.service}, {start.stable} → {start.candidate}, under {policy}"

    def after(self, at: float) -> str:
        """How long after its start, as a clock shows it: ``+4:07``."""
        seconds = round(at - self.recording.start.started_at)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"+{hours}:{minutes:02}:{seconds:02}" if hours else f"+{minutes}:{seconds:02}"

    def summary(self) -> str:
        """The answer, in one sentence."""
        ticks = len(self.recording.ticks)
        what = f"{len(self.rows)} decisions over {ticks:,} seconds of traffic"
        if self.same:
            return f"The same course: {what}, each within {about(SLACK_S)} of the record. {self._end()}"
        row = next(row for row in self.rows if not row.same)
        if row.now is None and row.then is not None:
            first = f"at {self.after(row.then.at)} the record has what does not happen now: {said(row.then)}"
        elif row.then is None and row.now is not None:
            first = f"at {self.after(row.now.at)} happens what the record does not have: {said(row.now)}"
        else:
            then, now = (self.after(each.at) if each else "" for each in (row.then, row.now))
            first = f"what happened at {then} happens at {now}: {said(row.event)}"
        return f"Another course. The first difference in {what}: {first}. {self._end()}"

    def notes(self) -> Iterator[str]:
        """What does not follow from the ticks alone."""
        for misfit in self.course.misfits:
            yield self._unfit(misfit)
        yield from self.course.refused
        for taken in self.course.given:
            yield f"Taken as it is: {taken}"
        taken_over = [self.after(each.at) for each in self.recording.events if self._is_takeover(each)]
        if taken_over:
            times = ", ".join(taken_over)
            yield f"A server took over at {times}: for some seconds before nobody decided, so what was due came later."
        if any(event.kind is EventKind.SPEC for event in self.recording.events) and self.policy is None:
            yield "The spec changed during the rollout; all of it is decided by the policy as it was at the end."
        yield from _unrecorded(self.policy or self.recording.start.policy)

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """For programs; times are Unix seconds, weights hundredths of a percent."""
        start, last = self.recording.start, self.course.last
        return {
            "service": start.service,
            "rollout": start.number,
            "stable": start.stable,
            "candidate": start.candidate,
            "policy": "recorded" if self.policy is None else "given",
            "ticks": len(self.recording.ticks),
            "started_at": start.started_at,
            "ended_at": self.recording.ended_at,
            "same": self.same,
            "summary": self.summary(),
            "decisions": [{"same": row.same, "then": _event(row.then), "now": _event(row.now)} for row in self.rows],
            "misfits": [
                {"since": each.since, "until": each.until, "recorded": each.recorded, "replayed": each.replayed}
                for each in self.course.misfits
            ],
            "end": {
                "phase": last.phase.value,
                "step": last.step,
                "weight": last.weight,
                "because": self.course.because,
            },
            "notes": list(self.notes()),
        }

    def _is_takeover(self, event: Event) -> bool:
        return event.kind is EventKind.LEASE and event.at <= self.recording.ended_at

    def _end(self) -> str:
        last = self.course.last
        if last.phase is Phase.ROLLED_BACK:
            return f"It ends rolled back, at {self.after(last.phase_since)}."
        if last.promoted:
            return f"It ends with all users on {last.candidate} ({last.phase})."
        where = f"{last.phase} at {format_weight(last.weight)}"
        end = self.after(self.recording.ended_at)
        return f"When the record ends, at {end}, it is {where}: {self.course.because}."

    def _unfit(self, misfit: Misfit) -> str:
        span = (
            f"From {self.after(misfit.since)} to {self.after(misfit.until)} the traffic does not fit: "
            f"it was recorded with {format_weight(misfit.recorded)} of users on the candidate "
            f"and is decided for {format_weight(misfit.replayed)}"
        )
        if misfit.recorded in {0, FULL_WEIGHT}:
            alone = "the candidate" if misfit.recorded else "stable"
            return (
                f"{span}; where {alone} had all users there is nothing to compare, so nothing is proven in that time."
            )
        more, later = ("more", "later") if misfit.recorded < misfit.replayed else ("fewer", "sooner")
        return (
            f"{span}, where the candidate would have had {more} requests: proofs come {later} here than they would, "
            "and what that load would have done to it cannot be known."
        )


def said(event: Event) -> str:
    """What was decided, without why."""
    data = event.data
    if event.kind is EventKind.PHASE:
        return f"{data.get('before')} → {data.get('after')}"
    if event.kind is EventKind.STEP:
        return f"step {data.get('step')}: {data.get('what')}"
    if event.kind is EventKind.WEIGHT:
        return sentence(event.kind, "", data).removesuffix(": ")
    if event.kind is EventKind.VERDICT:
        return f"verdict: {data['verdict']}" if "verdict" in data else "verdict"
    return event.kind.value


def _unrecorded(policy: Policy) -> Iterator[str]:
    """What the record cannot tell of a policy."""
    asked = [title(check) for check in checks(policy) if isinstance(check, PromqlGate) or check.kind != "event"]
    if asked:
        yield (
            f"Answers of {', '.join(asked)} are not recorded: a step that the record walked too ends no sooner than it "
            "did there, and elsewhere they count as passed."
        )
    if any(isinstance(step, ShadowStep) and step.share for step in policy.ladder):
        yield (
            "What comparing answers showed is not recorded: a shadow step ends no sooner than it did in the record, "
            "and counts as proven where the record has none."
        )
    if any(isinstance(step, WeightStep) and step.shadow for step in policy.ladder) and not asked:
        yield "Of the differences gate only the verdict that the record has is known."


def _event(event: Event | None) -> dict[str, Any] | None:  # Any: JSON
    if event is None:
        return None
    return {"at": event.at, "kind": event.kind.value, "actor": event.actor, "what": said(event), "reason": event.reason}
