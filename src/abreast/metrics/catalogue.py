"""Every metric there is, with its labels and their values: what is exposed, documented and bounded.

Names follow Prometheus' conventions: base units, `_total` for counters. Every sample has the label ``service``.
"""

from dataclasses import dataclass
from typing import Final, Literal

from abreast.findings.finding import FindingState
from abreast.model.event import EventKind
from abreast.model.rollout import Phase
from abreast.shadow.plan import Skip

Type = Literal["counter", "gauge", "histogram"]

OK: Final = "ok"
NO_ANSWER: Final = "none"
OTHER_ERROR: Final = "5xx"
ERROR_CODES: Final = ("500", "502", "503", "504")
OUTCOMES: Final = (OK, *ERROR_CODES, OTHER_ERROR, NO_ANSWER)
"""How an attempt ended: all below 500 is ok, as for the gates."""

CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx", NO_ANSWER)
"""What a user got in the end."""

SIDES: Final = ("stable", "candidate", "idle")
NODE_STATES: Final = ("known", "connected", "obeying")
GATE_STATES: Final = ("worse", "not-worse", "undecided")
LANES: Final = (
    "errors-worse",
    "errors-hard",
    "errors-fine",
    "latency-worse",
    "latency-fine-p50",
    "latency-fine-p90",
    "latency-fine-p99",
)

_OF_GATEWAYS: Final = ("sampled-out", "method", "upgrade", "stream", "budget", "aborted", "forced")
OTHER_REASON: Final = "other"
EXCHANGES: Final = (
    "compared",
    "lost",
    "pending",
    *sorted({*_OF_GATEWAYS, *(reason.value for reason in Skip)}),
    OTHER_REASON,
)
"""What became of an exchange that could have been compared; all but the first three are reasons to skip it."""

BOUNDS_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the latency buckets. Envoy's buckets have two significant digits, so each of these ends one."""

VALUES: Final[dict[str, tuple[str, ...]]] = {
    "outcome": OUTCOMES,
    "class": CLASSES,
    "side": SIDES,
    "node_state": NODE_STATES,
    "exchange": EXCHANGES,
    "finding_state": tuple(FindingState),
    "gate_state": GATE_STATES,
    "lane": LANES,
    "phase": tuple(Phase),
    "kind": tuple(EventKind),
}
"""Every value that a label can have, for all labels but ``service``, ``version``, ``gate`` and ``release``."""

OPEN: Final = {
    "service": "the spec's `service`",
    "version": "the versions of the spec, and those that were taken out of it since the control plane started",
    "gate": "the gates of the rollout's policy",
    "release": "the version of abreast",
}
"""What bounds the labels that have no fixed values."""


@dataclass(frozen=True)
class Metric:
    """One metric: its base ``name`` (a counter's samples end with ``_total``), and its ``labels`` behind ``service``.

    ``restart``: what becomes of a counter when the control plane starts again.
    """

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()
    restart: str = ""

    @property
    def shown(self) -> str:
        """The name that queries use."""
        return f"{self.name}_total" if self.type == "counter" else self.name

    @property
    def samples(self) -> frozenset[str]:
        """The names of its samples."""
        if self.type == "histogram":
            return frozenset(f"{self.name}{end}" for end in ("_bucket", "_sum", "_count"))
        return frozenset({self.shown})

    def most(self, versions: int, gates: int) -> int:
        """How many series one service has of it at most."""
        counts = {"version": versions, "gate": gates, "release": 1}
        series = len(BOUNDS_S) + 3 if self.type == "histogram" else 1
        for label in self.labels:
            series *= counts.get(label) or len(VALUES[label])
        return series


_ZERO: Final = "begins at 0"
_ON: Final = "goes on: read from the store"

REQUESTS: Final = Metric(
    "abreast_requests",
    "counter",
    "Attempts at a version that ended, by outcome: ok is below 500, none is no answer; retries count one by one",
    ("version", "outcome"),
    _ZERO,
)
USERS: Final = Metric(
    "abreast_user_requests", "counter", "Users' requests by the class of what they got in the end", ("class",), _ZERO
)
DURATION: Final = Metric(
    "abreast_request_duration_seconds",
    "histogram",
    "How long attempts took whose answer came to its end; the sum is of the middles of Envoy's buckets, right to 5 %",
    ("version",),
    _ZERO,
)
IN_FLIGHT: Final = Metric("abreast_requests_in_flight", "gauge", "Attempts under way", ("version",))
VERSION_SIDE: Final = Metric(
    "abreast_version_side", "gauge", "1 for the side that the version is on, 0 for the others", ("version", "side")
)
READY: Final = Metric("abreast_instances_ready", "gauge", "Instances that are ready", ("version",))
WANTED: Final = Metric("abreast_instances_wanted", "gauge", "Instances that should be ready", ("version",))
WEIGHT_SET: Final = Metric("abreast_weight_set_ratio", "gauge", "Share of users that the candidate is to have")
WEIGHT_SEEN: Final = Metric(
    "abreast_weight_seen_ratio", "gauge", "Share of attempts in this step that the candidate had; absent without any"
)
SHADOW_SET: Final = Metric("abreast_shadow_ratio", "gauge", "Share of requests that is to be copied")
EXCHANGE: Final = Metric(
    "abreast_shadow_exchanges",
    "gauge",
    "What became of the exchanges of this rollout that could have been compared; lost ones may turn up again",
    ("exchange",),
)
FINDINGS: Final = Metric("abreast_findings", "gauge", "Findings of this rollout by state", ("finding_state",))
GATE_STATE: Final = Metric(
    "abreast_gate_state", "gauge", "1 for the gate's verdict, 0 for the others; absent at rest", ("gate", "gate_state")
)
GATE_PROOF: Final = Metric(
    "abreast_gate_proof_ratio", "gauge", "Share of the gate's proof that there is; absent at rest", ("gate",)
)
EVIDENCE: Final = Metric(
    "abreast_evidence_nats", "gauge", "Evidence of the lane: ln of its e-value; absent at rest", ("lane",)
)
EVIDENCE_NEEDED: Final = Metric(
    "abreast_evidence_needed_nats", "gauge", "Evidence that is a proof in the lane; absent at rest", ("lane",)
)
PHASE: Final = Metric("abreast_rollout_phase", "gauge", "1 for the rollout's phase, 0 for the others", ("phase",))
PHASE_SINCE: Final = Metric(
    "abreast_rollout_phase_start_timestamp_seconds", "gauge", "When the phase began, in Unix seconds"
)
ROLLOUT: Final = Metric("abreast_rollout_number", "gauge", "Number of the rollout")
STEP: Final = Metric("abreast_rollout_step", "gauge", "Step of the rollout, from 1")
STEPS: Final = Metric("abreast_rollout_steps", "gauge", "Steps of the rollout's policy")
HELD: Final = Metric("abreast_rollout_held", "gauge", "1 while a step waits beyond its longest time")
SILENT: Final = Metric(
    "abreast_candidate_silent", "gauge", "1 while the candidate gets no request although it has weight"
)
EVENTS: Final = Metric("abreast_events", "counter", "Events of the audit log by kind", ("kind",), _ON)
NODES: Final = Metric(
    "abreast_gateway_nodes", "gauge", "Envoys: all, those connected, those that obey the present split", ("node_state",)
)
STORE_UP: Final = Metric("abreast_store_up", "gauge", "1 while the store can be read and written")
ALERTS_FAILING: Final = Metric("abreast_alert_channels_failing", "gauge", "Addresses where alerts do not arrive")
BUILD: Final = Metric("abreast_build_info", "gauge", "Always 1; the release is its label", ("release",))

CATALOGUE: Final = (
    REQUESTS,
    USERS,
    DURATION,
    IN_FLIGHT,
    VERSION_SIDE,
    READY,
    WANTED,
    WEIGHT_SET,
    WEIGHT_SEEN,
    SHADOW_SET,
    EXCHANGE,
    FINDINGS,
    GATE_STATE,
    GATE_PROOF,
    EVIDENCE,
    EVIDENCE_NEEDED,
    PHASE,
    PHASE_SINCE,
    ROLLOUT,
    STEP,
    STEPS,
    HELD,
    SILENT,
    EVENTS,
    NODES,
    STORE_UP,
    ALERTS_FAILING,
    BUILD,
)
