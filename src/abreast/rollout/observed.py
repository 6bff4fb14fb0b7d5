"""One frozen view of the world per cycle: what `decide` is told, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from abreast.analysis.assessment import Assessment
from abreast.analysis.eprocess import OK_BETS, WORSE_BETS, Evidence
from abreast.model.checks import Check
from abreast.model.group import Heard
from abreast.model.rollout import Policy
from abreast.model.service import Instance
from abreast.model.traffic import Split

Verb = Literal["start", "promote", "pause", "resume", "abort", "undo", "retry", "retire", "weight"]


@dataclass(frozen=True)
class Command:
    """What a person (or a pipeline) asks for. ``id`` is unique; ``revision``, if given, must match the rollout's.

    ``policy`` is the spec's for the candidate, needed by *start* and, where the spec changed, by *retry*. ``alone``:
    without the release group.
    """

    id: str
    verb: Verb
    actor: str
    reason: str = ""
    version: str | None = None
    weight: int | None = None
    full: bool = False
    alone: bool = False
    revision: int | None = None
    policy: Policy | None = None


@dataclass(frozen=True)
class NodeState:
    """One Envoy: the split it acknowledged last, whether it is connected, and its last refusal.

    ``acked`` is None while it is not known, or an answer is due.
    """

    id: str
    acked: Split | None
    connected: bool
    nack: str = ""


@dataclass(frozen=True)
class Tally:
    """What the gateway counted for one version: attempts that ended, and how many of them were bad.

    Bad is a 5xx, a time-out, a reset or a failed connection, counted before any retry could hide it.
    ``in_flight`` is how many are under way now; ``last_request_at`` is when the last one began, Unix
    seconds; None when none was seen.
    """

    requests: int = 0
    errors: int = 0
    in_flight: int = 0
    last_request_at: float | None = None


@dataclass(frozen=True)
class Differences:
    """What comparing answers has shown since the present attempt began.

    ``compared`` exchanges, in ``candidate_only`` of which the candidate differed from stable while the control
    agreed; of ``controlled`` ones, the control differed in ``control_only`` while the candidate agreed. What was
    accepted does not count. ``against`` is the evidence that the candidate's share is above the tolerance,
    ``clear`` that it is below. ``findings`` are the open ones' titles, the gravest first.
    """

    compared: int = 0
    controlled: int = 0
    candidate_only: int = 0
    control_only: int = 0
    against: Evidence = field(default_factory=lambda: Evidence.of(WORSE_BETS))
    clear: Evidence = field(default_factory=lambda: Evidence.of(OK_BETS))
    findings: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataState:
    """What a database says of the two versions' sides; times are Unix seconds.

    - ``ready``: versions whose side is there, filled, and may be written by them; ``ready_since``: for how long.
    - ``fenced``: versions that may only read; ``unfenceable``: those that could write past a fence, with the tables.
    - ``contractible``: the old version whose side could be dropped; empty if there is none.
    - ``doing``: what is under way there, in words; ``failed``: why it cannot go on without a person.
    - ``connected``: versions under whose role somebody is connected, with how many sessions.
    - ``drift``: rows, of ``rows``, that contradicted themselves ``checked_at``; None while nobody has looked.
      ``example`` is the first of them.
    """

    ready: tuple[str, ...] = ()
    ready_since: float = 0.0
    fenced: tuple[str, ...] = ()
    unfenceable: Mapping[str, str] = field(default_factory=dict)
    contractible: str = ""
    connected: Mapping[str, int] = field(default_factory=dict)
    doing: str = ""
    failed: str = ""
    drift: int | None = None
    rows: int = 0
    checked_at: float = 0.0
    example: str = ""


@dataclass(frozen=True)
class Observed:
    """The facts of one cycle.

    - ``now``: Unix seconds.
    - ``instances``: every instance of every version known to the drivers.
    - ``wanted``: for each version of the spec, how many instances it should have.
    - ``nodes``: every Envoy that should obey.
    - ``silent``: Envoys that nobody waits for any more, and that may still serve users as they were told last.
    - ``step``: tallies since the present step began.
    - ``assessment``: the evidence of the present attempt, and of the step that was under way before this cycle.
    - ``differences``: what comparing has shown.
    - ``checks``: what queries and webhooks answered last, by name.
    - ``data``: what the database says; None where there is none, or before it has answered.
    - ``group``: what the other members of the release group said; None where nobody asks them.
    - ``hopeless``: versions that cannot be started at all, with the reason.
    - ``counting_since``: since when counts are complete (a restarted control plane starts anew).
    """

    now: float
    instances: tuple[Instance, ...] = ()
    wanted: Mapping[str, int] = field(default_factory=dict)
    nodes: tuple[NodeState, ...] = ()
    silent: tuple[NodeState, ...] = ()
    step: Mapping[str, Tally] = field(default_factory=dict)
    counting_since: float = 0.0
    assessment: Assessment = field(default_factory=Assessment)
    differences: Differences = field(default_factory=Differences)
    checks: Mapping[str, Check] = field(default_factory=dict)
    data: DataState | None = None
    group: Mapping[str, Heard] | None = None
    commands: tuple[Command, ...] = ()
    hopeless: Mapping[str, str] = field(default_factory=dict)

    def ready(self, version: str | None) -> int:
        """How many instances of the version are ready."""
        return sum(1 for instance in self.instances if instance.version == version and instance.ready)

    def running(self, version: str) -> bool:
        """Whether any instance of the version exists, in whatever state."""
        return any(instance.version == version for instance in self.instances)

    def obeyed(self, split: Split) -> bool:
        """Whether every node is known to have acknowledged exactly this split (never true without a node)."""
        return bool(self.nodes) and all(node.acked == split for node in self.nodes)

    def routed(self, version: str) -> bool:
        """Whether some node may still route to the version: it says so, or what it does is not known.

        Without a node nothing is known either: a control plane that just started may not have found them yet.
        """
        return not self.nodes or any(_routes(node, version) for node in (*self.nodes, *self.silent))

    def unheard(self, version: str) -> str:
        """The silent nodes that may still route to the version, by name; empty if there is none."""
        return ", ".join(node.id for node in self.silent if _routes(node, version))


def _routes(node: NodeState, version: str) -> bool:
    return node.acked is None or version in node.acked.versions
