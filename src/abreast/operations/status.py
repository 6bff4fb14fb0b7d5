"""The state of the service as people and scripts read it."""

from dataclasses import dataclass, field
from math import ceil, inf
from typing import Final

from abreast.findings.finding import FindingState
from abreast.model.rollout import Phase, Rollout
from abreast.model.service import Instance, Side
from abreast.model.traffic import Split
from abreast.operations.control import Control, ServerStatus
from abreast.ports import NO_ANSWER, VersionCounts, is_error
from abreast.rollout import data, group
from abreast.rollout.commands import allowed
from abreast.rollout.decide import decide
from abreast.rollout.evidence import GateEvidence, evidence_of
from abreast.rollout.explain import explain
from abreast.rollout.observed import Observed, Tally
from abreast.rollout.silence import candidate_silence
from abreast.rollout.transitions import HALTED
from abreast.rollout.turn import split_of
from abreast.rollout.watch import is_live

RECENT_S: Final = 10.0
"""Rates and latencies in the status are of this many last seconds."""

EXIT_HEALTHY, EXIT_PROGRESSING, EXIT_PAUSED, EXIT_ROLLED_BACK = 0, 3, 4, 5


@dataclass(frozen=True)
class InstanceStatus:
    """One instance; ``detail`` says why it is not ready."""

    id: str
    address: str
    state: str
    detail: str
    restarts: int
    pid: int | None


@dataclass(frozen=True)
class VersionStatus:
    """One version: ``rps`` and latencies over the last ten seconds, ``requests`` and ``errors`` in this step.

    ``distribution`` are the latencies themselves, as pairs of a bucket's lower bound in ms and its requests, ascending.
    """

    name: str
    side: str
    ready: int
    wanted: int
    rps: float
    requests: int
    errors: int
    error_share: float | None
    errors_by_code: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None
    distribution: list[tuple[float, int]]
    in_flight: int
    waiting_long: int
    instances: list[InstanceStatus]


@dataclass(frozen=True)
class NodeStatus:
    """One Envoy: whether it obeys the present split, and what it refuses."""

    id: str
    connected: bool
    obeys: bool
    weight: int | None
    nack: str


@dataclass(frozen=True)
class ServerRecord:
    """One server of a fleet: whether it decides; ``lost`` when it has been silent for too long to be waited for."""

    name: str
    decides: bool
    silent_s: float
    lost: bool


@dataclass(frozen=True)
class GatewayRecord:
    """One gateway apart from servers: the ``server`` that it was heard of through, and what its Envoys obey.

    ``weight`` is the lowest that they acknowledged, in hundredths of a percent; None where that is not known.
    """

    name: str
    server: str
    weight: int | None
    obeys: bool
    silent_s: float
    lost: bool


@dataclass(frozen=True)
class GateStatus:
    """One gate: ``state`` is worse, not-worse or undecided; ``share`` of its proof is there (0 to 1).

    ``missing`` is about how many candidate requests (compared answers) the proof still takes, None where none are
    needed or it does not grow; ``missing_s`` how long they take at the rate of this step.
    """

    name: str
    state: str
    sentence: str
    share: float
    missing: int | None
    missing_s: float | None


@dataclass(frozen=True)
class StepStatus:
    """One step of the ladder: its kind, and itself in words, such as "hold 5m"."""

    name: str
    words: str


@dataclass(frozen=True)
class ShadowStatus:
    """Copying: the ``share`` of requests ordered (hundredths of a percent), the ledger, and how the findings stand."""

    share: int
    seen: int
    compared: int
    skipped: dict[str, int]
    lost: int
    pending: int
    findings_open: int
    findings_accepted: int


@dataclass(frozen=True)
class Status:
    """Everything that ``abreast status`` shows. Weights in hundredths of a percent, times in seconds.

    ``step`` counts from 1 in ``ladder``, whose first ``steps`` are walked one by one; a bake at its end is a phase of
    its own. ``data`` is what the database says, ``group`` how the other members of the release group stand, both in
    sentences. ``startable`` are the versions that could be started now; ``servers`` those that share a store, none
    where `abreast up` has it to itself, and ``gateways`` and ``relays`` what runs apart from them.
    """

    service: str
    rollout: int
    revision: int
    stable: str
    candidate: str | None
    phase: str
    phase_s: float
    reason: str
    step: int
    steps: int
    ladder: list[StepStatus]
    weight: int
    seen_share: float | None
    seen_requests: int
    users_failed: int
    users_requests: int
    because: str
    wake_in_s: float | None
    exit_code: int
    store_error: str
    silence: str | None
    versions: list[VersionStatus]
    nodes: list[NodeStatus]
    gates: list[GateStatus]
    shadow: ShadowStatus | None
    data: list[str]
    allowed: list[str]
    startable: list[str]
    servers: list[ServerRecord] = field(default_factory=list)
    gateways: list[GatewayRecord] = field(default_factory=list)
    relays: list[str] = field(default_factory=list)
    explanation: list[str] = field(default_factory=list)
    group: list[str] = field(default_factory=list)


def status(control: Control) -> Status:
    """The present state."""
    rollout = control.controller.rollout
    observed = control.controller.observe()
    decision = decide(rollout, observed)
    split = split_of(rollout)
    stable, candidate = (observed.step.get(name or "", Tally()) for name in (rollout.stable, rollout.candidate))
    verbs = allowed(rollout)
    seen = stable.requests + candidate.requests
    failed = sum(count for code, count in control.counts.users.items() if is_error(code))
    return Status(
        service=rollout.service,
        rollout=rollout.number,
        revision=rollout.revision,
        stable=rollout.stable,
        candidate=rollout.candidate,
        phase=rollout.phase.value,
        phase_s=observed.now - rollout.phase_since,
        reason=rollout.reason,
        step=min(rollout.step + 1, len(rollout.policy.ladder)),
        steps=len(rollout.policy.ladder),
        ladder=[StepStatus(step.kind, str(step)) for step in rollout.policy.steps],
        weight=rollout.weight,
        seen_share=candidate.requests / seen if seen and rollout.candidate else None,
        seen_requests=seen,
        users_failed=failed,
        users_requests=sum(control.counts.users.values()),
        because=decision.because,
        wake_in_s=decision.wake_at - observed.now if decision.wake_at else None,
        exit_code=exit_code(rollout),
        store_error=str(control.controller.store_error or ""),
        silence=candidate_silence(rollout, observed, patience_s=RECENT_S),
        versions=_versions(control, rollout, observed),
        nodes=[
            NodeStatus(
                id=node.id,
                connected=node.connected,
                obeys=node.acked == split,
                weight=node.acked.weight if node.acked else None,
                nack=node.nack,
            )
            for node in observed.nodes
        ],
        gates=_gates(rollout, observed),
        shadow=_shadow(control, rollout),
        data=list(data.told(rollout, observed)),
        allowed=list(verbs),
        startable=[each.name for each in control.service.versions if "start" in verbs and each.name != rollout.serving],
        servers=[_server(each) for each in control.fleet.servers] if control.fleet else [],
        gateways=[_gateway(each, split) for each in control.fleet.gateways] if control.fleet else [],
        relays=list(control.relays()),
        explanation=list(explain(rollout, observed)),
        group=list(group.told(rollout, observed)),
    )


def _server(each: ServerStatus) -> ServerRecord:
    return ServerRecord(each.name, each.decides, round(each.silent_s, 1), each.lost)


def _gateway(each: ServerStatus, split: Split) -> GatewayRecord:
    weights = [node.acked.weight if node.acked else None for node in each.nodes]
    known = [weight for weight in weights if weight is not None]
    return GatewayRecord(
        name=each.name,
        server=each.server,
        weight=min(known) if known and len(known) == len(weights) else None,
        obeys=bool(each.nodes) and all(node.acked == split for node in each.nodes),
        silent_s=round(each.silent_s, 1),
        lost=each.lost,
    )


def exit_code(rollout: Rollout) -> int:
    """What ``abreast status`` exits with: scripts and CI rely on it."""
    if rollout.phase in HALTED:
        return EXIT_PAUSED
    if rollout.phase in {Phase.ROLLED_BACK, Phase.ROLLING_BACK}:
        return EXIT_ROLLED_BACK
    return EXIT_HEALTHY if rollout.phase in {Phase.COMPLETED, Phase.RETIRING} else EXIT_PROGRESSING


def _versions(control: Control, rollout: Rollout, observed: Observed) -> list[VersionStatus]:
    names = [rollout.serving] if rollout.phase is Phase.COMPLETED else [rollout.stable, rollout.candidate]
    shown = [name for name in names if name]
    shown += sorted({instance.version for instance in observed.instances} - set(shown))
    recent = control.counts.recent(RECENT_S)
    return [_version(control, rollout, observed, name, recent.get(name, VersionCounts())) for name in shown]


def _version(control: Control, rollout: Rollout, observed: Observed, name: str, recent: VersionCounts) -> VersionStatus:
    tally = observed.step.get(name, Tally())
    side = Side.STABLE.value if name == rollout.serving else Side.CANDIDATE.value if name == rollout.candidate else ""
    version = control.service.version(name)
    return VersionStatus(
        name=name,
        side=side,
        ready=observed.ready(name),
        wanted=observed.wanted.get(name, 0),
        rps=recent.requests / RECENT_S,
        requests=tally.requests,
        errors=tally.errors,
        error_share=recent.errors / recent.requests if recent.requests else None,
        errors_by_code={_kind(code): count for code, count in sorted(recent.codes.items()) if is_error(code)},
        p50_ms=recent.latencies.quantile(0.5),
        p99_ms=recent.latencies.quantile(0.99),
        distribution=recent.latencies.coarse(),
        in_flight=tally.in_flight,
        waiting_long=control.counts.waiting(name, version.timeout_s / 2) if version else 0,
        instances=[_instance(each) for each in observed.instances if each.version == name],
    )


def _kind(code: int) -> str:
    return "no answer" if code == NO_ANSWER else str(code)


def _instance(instance: Instance) -> InstanceStatus:
    return InstanceStatus(
        id=instance.id,
        address=str(instance.endpoint),
        state=instance.state.value,
        detail=instance.detail,
        restarts=instance.restarts,
        pid=instance.pid,
    )


def _gates(rollout: Rollout, observed: Observed) -> list[GateStatus]:
    return [_gate(each) for each in (evidence_of(rollout, observed) if is_live(rollout) else ())]


def _gate(each: GateEvidence) -> GateStatus:
    verdict = each.verdict
    state = "worse" if verdict.worse else "not-worse" if verdict.proven else "undecided"
    missing = verdict.missing if verdict.missing is not None and verdict.missing < inf else None
    return GateStatus(
        each.name,
        state,
        verdict.sentence,
        verdict.share,
        None if missing is None else ceil(missing),
        each.missing_s,
    )


def _shadow(control: Control, rollout: Rollout) -> ShadowStatus | None:
    """None unless something was copied in this rollout."""
    desk = control.findings
    if desk is None or desk.book.rollout != rollout.number or rollout.phase is Phase.COMPLETED:
        return None
    ledger, states = desk.ledger, [each.state for each in desk.book.findings]
    return ShadowStatus(
        share=rollout.shadow,
        seen=ledger.seen,
        compared=ledger.compared,
        skipped=dict(ledger.skipped),
        lost=ledger.lost,
        pending=ledger.pending,
        findings_open=states.count(FindingState.OPEN),
        findings_accepted=states.count(FindingState.ACCEPTED),
    )
