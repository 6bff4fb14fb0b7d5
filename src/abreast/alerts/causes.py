"""What people should be told of: the causes that stand, from the state alone; no clock, no memory, no I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from abreast.alerts.alert import Severity
from abreast.model.event import Event
from abreast.model.rollout import Phase, Rollout
from abreast.model.service import InstanceState
from abreast.model.units import about
from abreast.rollout.observed import NodeState, Observed
from abreast.rollout.silence import PATIENCE_S, candidate_silence
from abreast.rollout.turn import share_of, split_of

OFTEN: Final = 3
"""So many restarts of an instance, or losses of a relay, within `WINDOW_S` are again and again."""

WINDOW_S: Final = 300.0

UNREADY_S: Final = 60.0
"""How long an instance may fail its probe, or wait for its restart, before somebody should look."""

_SHOWN: Final = 3
"""Instances that are named in one alert."""


class CauseKind(StrEnum):
    """Everything that is told besides findings."""

    ROLLED_BACK = "rolled-back"
    FROZEN = "frozen"
    HELD = "held"
    SILENT = "silent"
    REFUSED = "gateway-refuses"
    DISOBEYED = "gateway-behind"
    FAILING = "instances-fail"
    SHELTERED = "sheltered"
    DOWN = "down"
    STORE = "store"
    RELAY = "relay"


@dataclass(frozen=True)
class Manner:
    """How a kind of cause is told: only once it has stood for ``patience_s``; over only ``settle_s`` after it went.

    ``subject`` is the name of what there can be several of.
    """

    severity: Severity
    subject: str = ""
    patience_s: float = 0.0
    settle_s: float = 0.0


MANNERS: Final[Mapping[CauseKind, Manner]] = {
    CauseKind.ROLLED_BACK: Manner("critical"),
    CauseKind.FROZEN: Manner("critical"),
    CauseKind.HELD: Manner("warning"),
    CauseKind.SILENT: Manner("warning"),
    CauseKind.REFUSED: Manner("critical", "gateway", patience_s=2.0, settle_s=5.0),
    CauseKind.DISOBEYED: Manner("critical", "gateway", patience_s=30.0, settle_s=5.0),
    CauseKind.FAILING: Manner("warning", "version", settle_s=60.0),
    CauseKind.SHELTERED: Manner("critical", "side", patience_s=2.0, settle_s=5.0),
    CauseKind.DOWN: Manner("critical", "version", patience_s=5.0, settle_s=5.0),
    CauseKind.STORE: Manner("critical", patience_s=2.0, settle_s=5.0),
    CauseKind.RELAY: Manner("warning", settle_s=60.0),
}
"""What each means is in docs/alerts.md."""


@dataclass(frozen=True)
class Facts:
    """What is known at one moment.

    ``rolled_back`` is the event by which abreast itself began the last rolling back, None after a person's;
    ``restarts`` by instance, and ``relay_losses``, are those within `WINDOW_S`; ``store_error`` is empty while the
    store can be written.
    """

    rollout: Rollout
    observed: Observed
    rolled_back: Event | None = None
    restarts: Mapping[str, int] = field(default_factory=dict)
    relay_losses: int = 0
    store_error: str = ""


@dataclass(frozen=True)
class Cause:
    """One thing that is the matter; kind and ``subject`` name it, ``episode`` tells one time from the next.

    ``at`` is since when, in Unix seconds, None: since it was seen first. ``see`` is the command that shows more.
    """

    kind: CauseKind
    words: str
    title: str
    see: str
    subject: str = ""
    episode: str = ""
    at: float | None = None


def causes(facts: Facts) -> Iterator[Cause]:
    """Everything that is the matter now; of one kind and subject there is one."""
    yield from _rollout(facts)
    yield from _gateways(facts)
    yield from _instances(facts)
    yield from _sides(facts)
    if facts.store_error:
        yield Cause(CauseKind.STORE, "the store cannot be written", facts.store_error, "abreast doctor")
    if facts.relay_losses >= OFTEN:
        title = f"the relay was lost {facts.relay_losses} times within {about(WINDOW_S)}; its copies are not compared"
        yield Cause(CauseKind.RELAY, "the relay is lost again and again", title, "abreast events")


def _rollout(facts: Facts) -> Iterator[Cause]:
    rollout, back = facts.rollout, facts.rolled_back
    number, name = rollout.number, rollout.candidate
    if rollout.phase in {Phase.ROLLING_BACK, Phase.ROLLED_BACK} and back is not None and back.rollout == number:
        episode = f"{number}/{back.at}"
        words = f"{name} was rolled back"
        yield Cause(CauseKind.ROLLED_BACK, words, back.reason, "abreast explain", episode=episode, at=back.at)
    if rollout.phase is Phase.FROZEN:
        episode, at = f"{number}/{rollout.phase_since}", rollout.phase_since
        words = f"the rollout of {name} is frozen"
        yield Cause(CauseKind.FROZEN, words, rollout.reason, "abreast explain", episode=episode, at=at)
    if rollout.held and rollout.phase in {Phase.PROGRESSING, Phase.PAUSED}:
        title = f"step {rollout.step + 1} of {len(rollout.policy.ladder)} is not proven in its time"
        words, episode = f"the rollout of {name} is held", f"{number}/{rollout.step_since}"
        yield Cause(CauseKind.HELD, words, title, "abreast explain", episode=episode)
    if rollout.silent:
        words = f"{name} gets no requests"
        title = candidate_silence(rollout, facts.observed, PATIENCE_S) or f"{words} although it has weight"
        yield Cause(CauseKind.SILENT, words, title, "abreast doctor", episode=f"{number}")


def _gateways(facts: Facts) -> Iterator[Cause]:
    if not facts.observed.nodes:
        title = "no Envoy is running; users reach nothing until it is started again"
        yield Cause(CauseKind.DISOBEYED, "no gateway is running", title, "abreast doctor")
    split = split_of(facts.rollout)
    for node in facts.observed.nodes:
        if node.nack:
            words = f"{node.id} refuses its configuration"
            title = f"{node.id} keeps its last good snapshot and refuses the present one: {node.nack}"
            yield Cause(CauseKind.REFUSED, words, title, "abreast doctor", node.id)
        elif not node.connected or node.acked != split:
            yield Cause(CauseKind.DISOBEYED, f"{node.id} does not obey", _behind(node), "abreast doctor", node.id)


def _behind(node: NodeState) -> str:
    if not node.connected:
        return f"{node.id} is not connected to the control plane; it goes on with its last snapshot"
    return f"{node.id} has not acknowledged the present snapshot; it may still route as before"


def _instances(facts: Facts) -> Iterator[Cause]:
    observed, needed = facts.observed, _needed(facts.rollout)
    hopeless = {name: why for name, why in observed.hopeless.items() if name in needed}
    failing = {name: [f"cannot be started: {why}"] for name, why in hopeless.items()}
    for each in observed.instances:
        stuck = each.state in {InstanceState.FAILED, InstanceState.UNREADY} and observed.now - each.since >= UNREADY_S
        restarts = facts.restarts.get(each.id, 0)
        if each.state is InstanceState.STOPPING or not (stuck or restarts >= OFTEN):
            continue
        often = f", restarted {restarts} times within {about(WINDOW_S)}" if restarts >= OFTEN else ""
        failing.setdefault(each.version, []).append(f"{each.id} is {each.state}{often}: {each.detail or 'no reason'}")
    for version, reasons in sorted(failing.items()):
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        title = "; ".join(reasons[:_SHOWN]) + more
        yield Cause(CauseKind.FAILING, f"instances of {version} fail", title, "abreast doctor", version)


def _needed(rollout: Rollout) -> set[str | None]:
    """Versions that shall run."""
    if rollout.phase is Phase.COMPLETED or rollout.released_at is not None:
        return {rollout.serving}
    return {rollout.stable, rollout.candidate}


def _sides(facts: Facts) -> Iterator[Cause]:
    rollout, observed = facts.rollout, facts.observed
    side = rollout.sheltering
    if side is not None:
        name, other = (rollout.stable, rollout.candidate) if side == "stable" else (rollout.candidate, rollout.stable)
        words = f"{name} has no ready instance"
        yield Cause(CauseKind.SHELTERED, words, f"{words}; {other} serves its users meanwhile", "abreast doctor", side)
    split = split_of(rollout)
    for name in dict.fromkeys((rollout.serving, rollout.stable, rollout.candidate)):
        if name is not None and share_of(split, name) and not observed.ready(name):
            words = f"{name} has no ready instance"
            yield Cause(CauseKind.DOWN, words, f"{words}, and nobody serves its users", "abreast doctor", name)
