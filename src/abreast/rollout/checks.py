"""What promql gates and webhooks mean for a rollout: which are asked when, what holds, what sends users back.

- *promql*: asked from the first step until the bake is over, also while paused. A step ends only after an answer of
  this very step that keeps to the bound; ``failures`` in a row mean worse. No data, or nobody there, holds.
- *confirm-rollout* holds the start, then *pre-rollout* does, once the candidate is ready: failing, it means worse
  before anything is copied or any user moved.
- *confirm-traffic-increase* holds the end of a step that raises the weight, *confirm-promotion* the last move.
- *rollout* is asked while the steps are walked, as a promql gate is.
- *rollback*: a 2xx sends users back. *post-rollout* is told once. *event* is told everything; both decide nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from abreast.model.checks import Check, CheckKind, PromqlGate, Webhook
from abreast.model.rollout import Phase, Policy, Rollout, WeightStep
from abreast.model.units import format_weight

Where = Literal["start", "step", "promotion"]
"""What is to begin: the first step, the next one, or moving all users."""

Pace = Literal["repeat", "until passed", "once"]

OVER: Final = frozenset({Phase.COMPLETED, Phase.ROLLED_BACK})
"""Phases in which *post-rollout* is told."""

_PHASES: Final[Mapping[CheckKind, frozenset[Phase]]] = {
    "promql": frozenset({Phase.PROGRESSING, Phase.PROMOTING, Phase.BAKING}),
    "confirm-rollout": frozenset({Phase.PENDING}),
    "pre-rollout": frozenset({Phase.PENDING}),
    "rollout": frozenset({Phase.PROGRESSING}),
    "confirm-traffic-increase": frozenset({Phase.PENDING, Phase.PROGRESSING}),
    "confirm-promotion": frozenset({Phase.PROGRESSING}),
    "post-rollout": OVER,
    "rollback": frozenset({Phase.PENDING, Phase.PROGRESSING}),
    "event": frozenset(),
}
"""When a kind is asked."""

_PROTECTING: Final[frozenset[CheckKind]] = frozenset({"promql", "rollout", "pre-rollout", "rollback"})
"""Kinds whose answers send users back; while the rollout is paused, too."""

_THROUGHOUT: Final[frozenset[CheckKind]] = frozenset({"promql", "rollout", "rollback"})
"""Kinds that are asked from one step into the next without a new beginning."""

_PACES: Final[Mapping[CheckKind, Pace]] = {
    "confirm-rollout": "until passed",
    "pre-rollout": "until passed",
    "post-rollout": "once",
}


@dataclass(frozen=True)
class Question:
    """A check that is to be asked, at this pace, since then (Unix seconds): another since, another question."""

    check: PromqlGate | Webhook
    since: float
    pace: Pace = "repeat"


@dataclass(frozen=True)
class Stop:
    """Why the candidate must not go on; ``ordered``: somebody wants it rolled back, whatever `on_failure` says."""

    reason: str
    ordered: bool = False


def due(rollout: Rollout, results: Mapping[str, Check], *, ready: bool) -> tuple[Question, ...]:
    """What is to be asked in this state; ``ready``: the candidate has all its instances ready."""
    return tuple(
        Question(
            check,
            since=rollout.attempt_since if check.kind in _THROUGHOUT else _entered_at(rollout),
            pace=_PACES.get(check.kind, "repeat"),
        )
        for check in checks(rollout.policy)
        if _relevant(check, rollout) and _timely(check.kind, rollout, results, ready=ready)
    )


def _timely(kind: CheckKind, rollout: Rollout, results: Mapping[str, Check], *, ready: bool) -> bool:
    """Whether it is its turn, in a phase in which it is asked."""
    match kind:
        case "pre-rollout":
            return ready and not tuple(_unpassed(rollout, results, "confirm-rollout", rollout.phase_since))
        case "confirm-traffic-increase":
            return raises_next(rollout)
        case "confirm-promotion":
            return rollout.step >= len(rollout.policy.ladder)
        case _:
            return True


def checks(policy: Policy) -> tuple[PromqlGate | Webhook, ...]:
    """All of them; no two have the same name."""
    return (*policy.promql, *policy.webhooks)


def raises_next(rollout: Rollout) -> bool:
    """Whether the end of what is under way gives the candidate more users."""
    ladder = rollout.policy.ladder
    following = 0 if rollout.phase is Phase.PENDING else rollout.step + 1
    if following >= len(ladder):
        return following == len(ladder)  # past the end, the promotion has been confirmed already
    return isinstance(ladder[following], WeightStep)


def protected(rollout: Rollout, results: Mapping[str, Check]) -> Stop | None:
    """Whether users must be sent back now, and why; also while *pending* and *paused*."""
    reasons = []
    for check, found in _answered(rollout, results):
        if check.kind == "rollback":
            if found.passed:
                return Stop(f"{title(check)} asks for a rollback: {found.detail}", ordered=True)
        elif check.kind in _PROTECTING and not _dry(check) and found.failed_in_row >= check.failures:
            times = f"{found.failed_in_row} times in a row" if found.failed_in_row > 1 else "once"
            reasons.append(f"gate {title(check)} failed {times}, last: {found.detail}")
    return Stop("; ".join(reasons)) if reasons else None


def holding(rollout: Rollout, results: Mapping[str, Check], where: Where) -> tuple[str, ...]:
    """What has not passed yet that must have before that begins, a sentence each; nothing: go on."""
    entered = _entered_at(rollout)
    kinds: tuple[tuple[CheckKind, float], ...]
    if where == "start":
        kinds = (("confirm-rollout", entered), ("pre-rollout", entered))
    elif where == "step":
        kinds = (("promql", entered), ("rollout", entered))
    else:
        # The last step has waited for answers of its own: these only must not have changed since.
        kinds = tuple((kind, rollout.attempt_since) for kind in ("promql", "rollout"))
        kinds = (*kinds, ("confirm-promotion", entered))
    if where != "promotion" and raises_next(rollout):
        kinds = (*kinds, ("confirm-traffic-increase", entered))
    return tuple(sentence for kind, since in kinds for sentence in _unpassed(rollout, results, kind, since))


def told(rollout: Rollout, results: Mapping[str, Check]) -> tuple[str, ...]:
    """What each one whose turn it is has said, a sentence each, for people."""
    return tuple(
        _told(check, results.get(check.name), rollout)
        for check in checks(rollout.policy)
        if (_relevant(check, rollout) and _timely(check.kind, rollout, results, ready=True))
        or (check.kind == "event" and check.name in results)
    )


def title(check: PromqlGate | Webhook) -> str:
    """How it is called in sentences: ``promql p99``, ``webhook smoke (pre-rollout)``."""
    if isinstance(check, PromqlGate):
        return f"promql {check.name}{' (dry run)' if check.dry_run else ''}"
    return f"webhook {check.name}{f' ({check.kind})' if check.kind != check.name else ''}"


def word(kind: CheckKind, passed: bool | None) -> str:
    """What such an answer is called."""
    if passed is None:
        return "undecided"
    if kind == "rollback":
        return "asks for a rollback" if passed else "asks for nothing"
    if kind.startswith("confirm-"):
        return "confirmed" if passed else "not confirmed"
    return "passed" if passed else "failed"


def placeholder_values(rollout: Rollout, now: float) -> Mapping[str, str]:
    """What the placeholders of a query stand for at that time."""
    return {
        "service": rollout.service,
        "candidate": rollout.candidate or rollout.stable,
        "stable": rollout.stable,
        "weight": format_weight(rollout.weight).removesuffix(" %"),
        "step_time": f"{max(round(now - _entered_at(rollout)), 1)}s",
    }


def _relevant(check: PromqlGate | Webhook, rollout: Rollout) -> bool:
    """Whether its answer can mean anything in this phase."""
    if rollout.candidate is None:
        return False
    phase = rollout.phase
    if phase is Phase.PAUSED and check.kind in _PROTECTING:
        phase = rollout.resume_to or phase
    return phase in _PHASES[check.kind]


def _entered_at(rollout: Rollout) -> float:
    """Since when the present step lasts; the phase, where there are no steps."""
    phase = rollout.resume_to if rollout.phase is Phase.PAUSED else rollout.phase
    return rollout.step_since if phase is Phase.PROGRESSING else rollout.phase_since


def _answered(rollout: Rollout, results: Mapping[str, Check]) -> Iterator[tuple[PromqlGate | Webhook, Check]]:
    """The checks that count now, each with its answer of this attempt."""
    for check in checks(rollout.policy):
        found = results.get(check.name)
        if found is not None and found.at >= rollout.attempt_since and _relevant(check, rollout):
            yield check, found


def _unpassed(rollout: Rollout, results: Mapping[str, Check], kind: CheckKind, since: float) -> Iterator[str]:
    """A sentence for each check of the kind without a good answer to a question asked from then on."""
    for check in checks(rollout.policy):
        if check.kind != kind or _dry(check):
            continue
        found = results.get(check.name)
        # Those that are asked all along may have been asked in the very moment in which the step began.
        if found is None or found.at < since or (found.at == since and kind in _THROUGHOUT):
            yield f"{title(check)}: no answer yet"
        elif not found.passed:
            yield f"{title(check)}: {found.detail}{_row(check, found)}"


def _told(check: PromqlGate | Webhook, found: Check | None, rollout: Rollout) -> str:
    name = title(check)
    name = f"Gate {name}" if isinstance(check, PromqlGate) else f"W{name[1:]}"
    if found is None or (found.at < rollout.attempt_since and check.kind != "event"):
        return f"{name}: no answer yet"
    return f"{name}: {word(check.kind, found.passed)}: {found.detail}{_row(check, found)}"


def _row(check: PromqlGate | Webhook, found: Check) -> str:
    """How far it is from being worse."""
    if check.kind not in {"promql", "rollout", "pre-rollout"} or not found.failed_in_row:
        return ""
    return f" (failed {found.failed_in_row} in a row, {check.failures} mean worse)"


def _dry(check: PromqlGate | Webhook) -> bool:
    return isinstance(check, PromqlGate) and check.dry_run
