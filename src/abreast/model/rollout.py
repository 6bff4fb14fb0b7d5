"""The rollout: its phases, its steps, its policy, and its state as it is stored."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from abreast.model.checks import PromqlGate, Webhook
from abreast.model.shadow import ShadowPolicy
from abreast.model.units import FULL_WEIGHT, format_duration, format_weight


class Phase(StrEnum):
    """Where a rollout is; the moves between phases are in `abreast.rollout.transitions`."""

    PENDING = "pending"
    PROGRESSING = "progressing"
    PAUSED = "paused"
    PROMOTING = "promoting"
    BAKING = "baking"
    RETIRING = "retiring"
    COMPLETED = "completed"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"
    FROZEN = "frozen"


@dataclass(frozen=True)
class ShadowStep:
    """Copy this share of requests to the candidate, compare, and gather evidence; the weight stays as it is.

    ``for_s`` overrides ``step_time.at_least``. The copying goes on beside later weights, until a step sets another
    share or all users are moved. A share of 0 ends it and needs no evidence.
    """

    share: int
    for_s: float | None = None
    kind: Literal["shadow"] = "shadow"

    def __str__(self) -> str:
        return f"shadow {format_weight(self.share)}"


@dataclass(frozen=True)
class WeightStep:
    """Send this share of users to the candidate and gather evidence; ``for_s`` overrides ``step_time.at_least``.

    ``shadow``, if given, is the share of requests copied from here on.
    """

    weight: int
    for_s: float | None = None
    shadow: int | None = None
    kind: Literal["weight"] = "weight"

    def __str__(self) -> str:
        beside = f" with shadow {format_weight(self.shadow)}" if self.shadow is not None else ""
        return f"weight {format_weight(self.weight)}{beside}"


@dataclass(frozen=True)
class HoldStep:
    """Stay as it is for this long."""

    for_s: float
    kind: Literal["hold"] = "hold"

    def __str__(self) -> str:
        return f"hold {format_duration(self.for_s)}"


@dataclass(frozen=True)
class ApproveStep:
    """Wait for a person's `promote`; ``text`` says what they should look at."""

    text: str = ""
    kind: Literal["approve"] = "approve"

    def __str__(self) -> str:
        return f"approve ({self.text})" if self.text else "approve"


@dataclass(frozen=True)
class BakeStep:
    """After 100 %: keep the old version warm for this long, so that `undo` is instant."""

    for_s: float
    kind: Literal["bake"] = "bake"

    def __str__(self) -> str:
        return f"bake {format_duration(self.for_s)}"


LadderStep = ShadowStep | WeightStep | HoldStep | ApproveStep
"""The kinds that the phase *progressing* walks."""

Step = Annotated[ShadowStep | WeightStep | HoldStep | ApproveStep | BakeStep, Field(discriminator="kind")]

DEFAULT_STEPS: tuple[Step, ...] = (
    ShadowStep(2000, 300.0),
    WeightStep(100),
    WeightStep(1000),
    WeightStep(2500),
    WeightStep(5000),
    WeightStep(FULL_WEIGHT),
    BakeStep(3600.0),
)


@dataclass(frozen=True)
class ErrorGate:
    """Worse when the candidate fails more of its requests than stable does in the same seconds.

    ``budget``, in hundredths of a percent of all users' requests, is what the next step may cost at most: as much is
    ruled out before it begins. ``window_s``: failures within so long are one burst, which proves nothing by itself.
    ``watch``: False where no gateway counts.
    """

    budget: int = 25
    window_s: float = 10.0
    watch: bool = True


@dataclass(frozen=True)
class LatencyGate:
    """Worse when the candidate is slower than stable's own quantiles by more than ``tolerance``.

    ``tolerance`` is in hundredths of a percent: 2000 is 20 %. ``window_s`` as for errors; an instance of the
    candidate's that became ready less than ``warm_up_s`` ago may be slow.
    """

    tolerance: int = 2000
    window_s: float = 20.0
    warm_up_s: float = 60.0


@dataclass(frozen=True)
class DifferenceGate:
    """Worse when the candidate's answers differ from stable's more often than stable's own do, by more than this.

    ``tolerance`` is in hundredths of a percent of the compared answers. The same number must be ruled out before a
    shadow step may end. ``window_s``: differences within so long are one burst, which proves nothing by itself.
    """

    tolerance: int = 10
    window_s: float = 10.0


@dataclass(frozen=True)
class DataGate:
    """What must be true of the rows that both versions write. A policy has none where the spec has no `data`.

    Worse when more than ``max_drift`` rows contradict themselves between the versions' sides. ``expand``: abreast makes
    the candidate's side before it starts it; otherwise it waits until somebody has. ``contract_after_s``: so long after
    the old version was stopped its side is dropped; None: by hand alone.
    """

    max_drift: int = 0
    expand: bool = False
    contract_after_s: float | None = None


@dataclass(frozen=True)
class Group:
    """The release group that a service is promoted and rolled back with: all members, in the order of rolling back."""

    name: str
    order: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """How a rollout moves: made from the spec when it starts, and stored with it."""

    steps: tuple[Step, ...] = DEFAULT_STEPS
    at_least_s: float = 60.0
    at_most_s: float = 3600.0
    on_timeout: Literal["hold", "promote-unproven"] = "hold"
    on_failure: Literal["roll-back", "freeze"] = "roll-back"
    errors: ErrorGate = ErrorGate()
    latency: LatencyGate | None = LatencyGate()
    differences: DifferenceGate = DifferenceGate()
    promql: tuple[PromqlGate, ...] = ()
    webhooks: tuple[Webhook, ...] = ()
    data: DataGate | None = None
    group: Group | None = None
    shadow: ShadowPolicy = field(default_factory=ShadowPolicy)
    retire_after_s: float = 86_400.0
    unused_for_s: float = 900.0
    open_for_s: float = 3600.0
    drain_s: float = 10.0
    start_timeout_s: float = 60.0

    @property
    def ladder(self) -> tuple[LadderStep, ...]:
        """The steps before all users are moved: those that the phase *progressing* walks."""
        return tuple(
            step
            for step in self.steps
            if not isinstance(step, BakeStep) and not (isinstance(step, WeightStep) and step.weight == FULL_WEIGHT)
        )

    @property
    def bake_s(self) -> float:
        """How long the old version stays warm after 100 %; 0 without a bake step."""
        return sum(step.for_s for step in self.steps if isinstance(step, BakeStep))


@dataclass(frozen=True)
class Rollout:
    """The state of one rollout: everything that must survive a crash.

    Number 0 of a service is its first deployment: stable alone, already completed. Times are Unix seconds.

    - ``resume_to``: the phase to return to from *paused* and *frozen*.
    - ``step``: index into ``policy.ladder``; its length once the ladder is done.
    - ``shadow``: the share of requests that is copied to the candidate, in hundredths of a percent.
    - ``weight``: what was ordered; ``sheltering``: a side without a ready instance lent its users to the other.
    - ``released_at``: when the side that lost the traffic was taken out of the gateway; None while it is warm.
    - ``retire_now``: a person asked not to wait for ``retire_after_s``.
    - ``candidate_missing_since``: since when no instance of the candidate is ready while it should serve.
    - ``silent``: it was said that the candidate gets no requests although it has weight.
    - ``attempt``: which attempt of the release group was begun last, counted by the members together.
    - ``alone``: a person took this rollout out of the group; its attempt is as it was before.
    """

    service: str
    number: int
    stable: str
    candidate: str | None
    policy: Policy
    phase: Phase
    phase_since: float
    started_at: float
    attempt_since: float
    step: int = 0
    step_since: float = 0.0
    weight: int = 0
    weight_since: float = 0.0
    shadow: int = 0
    resume_to: Phase | None = None
    sheltering: Literal["stable", "candidate"] | None = None
    candidate_missing_since: float | None = None
    held: bool = False
    silent: bool = False
    released_at: float | None = None
    retire_now: bool = False
    attempt: int = 0
    alone: bool = False
    reason: str = ""
    revision: int = 0

    @property
    def salt(self) -> str:
        """Moves users' buckets, so that not the same users are first in every rollout; a retry keeps them."""
        return f"r{self.number}"

    @property
    def active(self) -> bool:
        """Whether a candidate is under way, so that another rollout cannot start."""
        return self.phase not in {Phase.COMPLETED, Phase.ROLLED_BACK}

    @property
    def promoted(self) -> bool:
        """Whether all users were given to the candidate: from here back it is `undo`."""
        phase = self.resume_to if self.phase in {Phase.PAUSED, Phase.FROZEN} else self.phase
        return phase in {Phase.PROMOTING, Phase.BAKING, Phase.RETIRING, Phase.COMPLETED}

    @property
    def serving(self) -> str:
        """The version that users fall back on: the next rollout's stable."""
        return self.candidate if self.phase is Phase.COMPLETED and self.candidate else self.stable


ROLLOUT_JSON: TypeAdapter[Rollout] = TypeAdapter(Rollout)
"""Stores and loads a rollout exactly (pydantic keeps the step kinds apart by ``kind``)."""
