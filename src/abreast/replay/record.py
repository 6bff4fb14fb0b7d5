"""Where the recorded rollout was at each moment, and what of the world is known by that alone.

Not in the ticks: whether a version was ready, what queries and webhooks answered, and what comparing answers showed.
So much is known of it: when the record went on, it was content, and when it was not, its events say so.
"""

from collections.abc import Sequence
from typing import Final

from abreast.analysis.eprocess import OK_BETS, Evidence
from abreast.model.checks import Check, PromqlGate, Webhook
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, Policy, Rollout
from abreast.rollout.checks import checks, title
from abreast.rollout.observed import Differences
from abreast.rollout.turn import ACTOR

OWN_GATES: Final = ("gate errors: ", "gate latency: ")
"""How verdicts begin that ticks decide."""

_CERTAIN: Final = 100.0
"""ln of an e-value beyond any doubt."""


class Record:
    """Follows the recorded events."""

    def __init__(self, start: Rollout) -> None:
        """At the beginning."""
        self.phase = start.phase
        self.weight = start.weight
        self._policy = start.policy
        self._step = 0
        self._without: str | None = None

    def heard(self, event: Event) -> None:
        """It is past that event."""
        if event.kind is EventKind.PHASE:
            self.phase = Phase(str(event.data["after"]))
        elif event.kind is EventKind.WEIGHT:
            self.weight = int(event.data["after"] or 0)
        elif event.kind is EventKind.STEP:
            self._step = int(event.data["step"] or 1) - 1
        elif event.kind is EventKind.SHELTERED:
            self._without = str(event.data["side"])
        elif event.kind is EventKind.UNSHELTERED:
            self._without = None

    def ready(self, rollout: Rollout) -> tuple[str, ...]:
        """The versions that have a ready instance."""
        starting = rollout.phase is Phase.PENDING and self.phase is Phase.PENDING
        candidate = None if starting or self._without == "candidate" else rollout.candidate
        stable = None if self._without == "stable" else rollout.stable
        return tuple(name for name in (stable, candidate) if name)

    def content(self, rollout: Rollout) -> bool:
        """Whether what is not in the ticks lets the step end: not while the record was in this very step itself."""
        at = rollout.policy.ladder[rollout.step] if rollout.step < len(rollout.policy.ladder) else None
        return not (
            self.phase in {Phase.PROGRESSING, Phase.PAUSED, Phase.FROZEN}
            and self._step == rollout.step
            and self._step < len(self._policy.ladder)
            and self._policy.ladder[self._step] == at
        )

    def differences(self, rollout: Rollout) -> Differences:
        """What lets a shadow step end, or nothing."""
        if not self.content(rollout):
            return Differences()
        return Differences(compared=1, clear=Evidence(OK_BETS, (_CERTAIN,) * len(OK_BETS)))

    def answers(self, rollout: Rollout, now: float) -> dict[str, Check]:
        """What queries and webhooks let go on, or nothing."""
        passed = self.content(rollout) or rollout.phase is Phase.PENDING
        return {check.name: _answer(check, now, passed=passed) for check in checks(rollout.policy)}


def _answer(check: PromqlGate | Webhook, now: float, *, passed: bool) -> Check:
    if check.kind == "rollback":
        return Check(check.name, check.kind, passed=False, at=now, detail="taken from the record")
    detail = "taken from the record" if passed else "holds in the record"
    return Check(check.name, check.kind, passed=passed or None, at=now, detail=detail)


def given_verdict(events: Sequence[Event], policy: Policy) -> Event | None:
    """The recorded verdict, if it is none that ticks decide, and the policy has what gave it."""
    for event in events:
        if event.kind is not EventKind.VERDICT or event.data.get("verdict") == "not-worse":
            continue
        if event.actor == ACTOR and not event.reason.startswith(OWN_GATES):
            of_check = any(word in event.reason for word in ("promql ", "webhook "))
            if not of_check or any(title(check) in event.reason for check in checks(policy)):
                return event
    return None
