"""A world in miniature, in which everything that can go wrong does, by the dice of one seed.

Gateways answer late, refuse, lose their connection, restart and forget; instances start late, never, die and
flap; users' requests follow what each gateway really does, whether or not anybody knows it yet.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from abreast.analysis.tick import Side
from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.model.traffic import Split
from abreast.model.units import FULL_WEIGHT
from abreast.ports import VersionCounts
from abreast.rollout.observed import Differences, NodeState, Tally
from tests.simulation.database import Database

PLACE = Endpoint("127.0.0.1", 1)
"""Where every instance is: nothing here depends on it."""

NOISE = 0.001
"""How likely the control differs from stable in one answer."""

KEPT_S = 120
"""Seconds that the gateways' counts are kept."""

RESTART_S = 2.0
"""How long an instance that died waits for its restart."""


@dataclass(frozen=True)
class Quality:
    """What a version is like: the share of its requests that fail, and whether it ever becomes ready.

    ``difference_share`` of its answers differ from those of the version before it. An answer takes ``ms``. Of the rows
    that it writes ``drift`` contradict the other side.
    """

    error_share: float = 0.0
    ms: int = 10
    difference_share: float = 0.0
    drift: int = 0
    starts: bool = True
    wanted: int = 1


@dataclass
class Node:
    """One gateway: ``truth`` is what it does (None: just started); the rest is what the control plane knows.

    ``sent`` are the splits on their way to it, each with the time at which it arrives; ``answers`` the
    acknowledgements on their way back; ``unanswered`` counts both.
    """

    id: str
    truth: Split | None = None
    connected: bool = True
    acked: Split | None = None
    nack: str = ""
    sent: list[tuple[float, Split]] = field(default_factory=list)
    answers: list[tuple[float, Split]] = field(default_factory=list)
    unanswered: int = 0
    last_sent: Split | None = None
    back_at: float = 0.0

    @property
    def state(self) -> NodeState:
        """What the control plane sees: while an answer is due it does not know what the gateway does."""
        return NodeState(self.id, None if self.unanswered else self.acked, self.connected, self.nack)

    def drop(self, back_at: float) -> None:
        """Lose the connection; what was on its way may have arrived, but nobody learns it."""
        if self.unanswered:
            self.acked = None
        self.connected, self.back_at, self.unanswered, self.last_sent = False, back_at, 0, None
        self.sent.clear()
        self.answers.clear()


@dataclass
class Faults:
    """How likely what goes wrong is, per cycle; all zeros once the faults stop."""

    disconnect: float = 0.02
    forget: float = 0.005
    nack: float = 0.01
    die: float = 0.01
    flap: float = 0.01
    slow: float = 0.2
    clock_jump: float = 0.003
    lost_action: float = 0.03
    crash: float = 0.01
    store: float = 0.01
    stale_writer: float = 0.02
    no_traffic: float = 0.1


CALM = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass
class World:
    """Everything outside of the control plane."""

    dice: random.Random
    qualities: Mapping[str, Quality]
    nodes: tuple[Node, ...]
    faults: Faults
    now: float = 1_000_000.0
    rate: float = 20.0
    instances: dict[str, Instance] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    desired: set[str] = field(default_factory=set)
    target: Split | None = None
    samples: list[tuple[float, str, int, int]] = field(default_factory=list)
    history: list[tuple[float, str, int, int]] = field(default_factory=list)
    counting_since: float = 1_000_000.0
    second: int = 1_000_000
    in_second: dict[str, Side] = field(default_factory=dict)
    over: list[tuple[float, Mapping[str, Side]]] = field(default_factory=list)
    gateways_found_at: float = 0.0
    copied: dict[str, int] = field(default_factory=dict)
    database: Database = field(init=False)
    _count: int = 0

    def __post_init__(self) -> None:
        drifting = {name: quality.drift for name, quality in self.qualities.items()}
        self.database = Database(self.dice, drifting, self.dice.choice([5.0, 60.0]))

    # What the control plane asks for

    def run(self, version: str) -> None:
        """Wish for the version's instances from now on."""
        self.desired.add(version)
        present = sum(
            each.version == version and each.state is not InstanceState.STOPPING for each in self.instances.values()
        )
        for _ in range(self.qualities[version].wanted - present):
            self._count += 1
            name = f"{version}-{self._count}"
            self.instances[name] = Instance(name, version, PLACE, InstanceState.STARTING, self.now)
            self.due[name] = self.now + self.dice.uniform(0.1, 3.0) * (10 if self._happens("slow") else 1)

    def stop(self, version: str) -> None:
        """Begin to end the version's instances."""
        self.desired.discard(version)
        for each in list(self.instances.values()):
            if each.version == version and each.state is not InstanceState.STOPPING:
                self._turn(each, InstanceState.STOPPING, self.dice.uniform(0.1, 10.0))

    def publish(self, split: Split) -> None:
        """Send the split to every connected gateway that was not sent it last."""
        self.target = split
        for node in self.nodes:
            if node.connected and node.last_sent != split:
                self._send(node, split)

    def lose_control_plane(self) -> None:
        """As by kill -9: connections, counts, wishes and all knowledge are gone; gateways and instances go on."""
        self.target = None
        self.desired.clear()
        self.samples.clear()
        self.over.clear()
        self.in_second = {}
        self.database.lose_control_plane()
        if self.dice.random() < 0.5:
            self.copied.clear()  # its relay died with it
        self.counting_since = self.now
        self.gateways_found_at = self.now + self.dice.choice([0.0, 0.0, 1.0, 5.0])
        for node in self.nodes:
            node.drop(self.now + self.dice.uniform(0.0, 2.0))
            node.acked, node.nack = None, ""

    def tally(self, since: float) -> Mapping[str, Tally]:
        """What was counted from then on."""
        found: dict[str, Tally] = {}
        for at, version, requests, errors in self.samples:
            if at >= since:
                old = found.get(version, Tally())
                found[version] = Tally(old.requests + requests, old.errors + errors, 0, at)
        for version in self.routed():
            if self.rate:
                found[version] = replace(found.get(version, Tally()), in_flight=self.dice.randint(0, 3))
        return found

    def recent(self, seconds: float) -> Mapping[str, VersionCounts]:
        """What was counted in the last seconds, for people."""
        found: dict[str, VersionCounts] = {}
        for version, tally in self.tally(self.now - seconds).items():
            found[version] = VersionCounts({200: tally.requests - tally.errors, 503: tally.errors})
        return found

    def seconds(self, since: float) -> Sequence[tuple[float, Mapping[str, Side]]]:
        """What each version did in each whole second that ended after that."""
        return [each for each in self.over if each[0] > since]

    @property
    def since(self) -> float:
        """From when on the counts are complete."""
        return self.counting_since

    def truth(self, version: str | None, since: float) -> tuple[int, int]:
        """Requests and errors that there really were, whether or not anybody remembers them."""
        found = [sample for sample in self.history if sample[0] >= since and sample[1] == version]
        return sum(sample[2] for sample in found), sum(sample[3] for sample in found)

    def compare(self, candidate: str | None, before: Differences, delta: float) -> Differences:
        """What was shown before, with the answers that were compared since this was asked last."""
        compared = self.copied.pop(candidate or "", 0)
        if not candidate or not compared:
            return before
        share = self.qualities[candidate].difference_share
        differing = min(compared, round(compared * share * self.dice.uniform(0.0, 2.0)))
        noisy = int(self.dice.random() < NOISE * compared)
        stratum = (differing, compared, noisy, compared)
        return Differences(
            compared=before.compared + compared,
            controlled=before.controlled + compared,
            candidate_only=before.candidate_only + differing,
            control_only=before.control_only + noisy,
            against=before.against.after(*stratum, delta=delta),
            clear=before.clear.after(*stratum, delta=delta),
        )

    # What happens by itself

    def pass_time(self, seconds: float) -> None:
        """Everything that happens in that time."""
        if self._happens("clock_jump"):
            seconds += self.dice.choice([60.0, 3600.0, 200_000.0])
        self.now += seconds
        self._end_second()
        for each in list(self.instances.values()):
            self._live(each)
        for node in self.nodes:
            self._talk(node)
        self._use(seconds)
        self.database.pass_time(self.now)

    def routed(self) -> set[str]:
        """The versions that some gateway really sends users to, or would send testers to."""
        return {version for node in self.nodes if node.truth for version in node.truth.versions}

    def known_gateways(self) -> tuple[NodeState, ...]:
        """What the control plane knows of the gateways; just started, it may not have found them yet."""
        return tuple(node.state for node in self.nodes) if self.now >= self.gateways_found_at else ()

    def ready(self, version: str | None) -> int:
        """How many instances of it are ready."""
        return sum(each.version == version and each.ready for each in self.instances.values())

    def _happens(self, fault: str) -> bool:
        chance: float = getattr(self.faults, fault)
        return chance > 0 and self.dice.random() < chance

    def _turn(self, instance: Instance, state: InstanceState, seconds: float) -> None:
        self.instances[instance.id] = replace(instance, state=state, since=self.now)
        self.due[instance.id] = self.now + seconds

    def _live(self, instance: Instance) -> None:
        over = self.now >= self.due[instance.id]
        state = instance.state
        if state is InstanceState.STOPPING:
            if over:
                del self.instances[instance.id], self.due[instance.id]
        elif state is InstanceState.READY:
            if self._happens("die"):
                self._turn(instance, InstanceState.FAILED, RESTART_S)
            elif self._happens("flap"):
                self._turn(instance, InstanceState.UNREADY, self.dice.uniform(0.5, 30.0))
        elif state is InstanceState.FAILED:
            if over and instance.version in self.desired:
                self._turn(instance, InstanceState.STARTING, self.dice.uniform(0.1, 3.0))
        elif over and self.qualities[instance.version].starts:
            self._turn(instance, InstanceState.READY, 0.0)

    def _send(self, node: Node, split: Split) -> None:
        node.last_sent, node.nack = split, ""
        node.unanswered += 1
        node.sent.append((self.now + self.dice.choice([0.0, 0.01, 0.5]) * (20 if self._happens("slow") else 1), split))

    def _talk(self, node: Node) -> None:
        for split in _arrived(node.sent, self.now):
            if self._happens("nack"):
                # What it does now is known: the last good one.
                node.nack, node.acked = "refused", node.truth
                node.unanswered -= 1
                continue
            node.truth = split
            node.answers.append((self.now + self.dice.choice([0.0, 0.01, 0.3]), split))
        for split in _arrived(node.answers, self.now):
            node.acked = split
            node.unanswered -= 1
        if self._happens("forget"):
            node.drop(self.now + self.dice.uniform(0.1, 5.0))
            node.truth, node.acked, node.nack = None, None, ""
        elif node.connected and (self._happens("disconnect") or (node.nack and self.dice.random() < 0.1)):
            node.drop(self.now + self.dice.uniform(0.1, 20.0))
        elif not node.connected and self.now >= node.back_at:
            node.connected, node.nack = True, ""
            if self.target is None:
                return
            # On connecting it names the version it has: known only if it is the wanted one.
            if node.truth == self.target:
                node.acked = node.last_sent = self.target
            else:
                self._send(node, self.target)

    def _use(self, seconds: float) -> None:
        if not self.rate or self._happens("no_traffic"):
            return
        requests = min(round(self.rate * seconds), 400) // len(self.nodes)
        for node in self.nodes:
            self._copy(node.truth, requests)
            for version, share in _shares(node.truth):
                sent = round(requests * share) or int(self.dice.random() < requests * share)
                if sent:
                    bad = self.qualities[version].error_share if self.ready(version) else 1.0
                    errors = int(sent * bad + self.dice.random())
                    self.samples.append((self.now, version, sent, errors))
                    self.history.append((self.now, version, sent, errors))
                    side = Side(sent, errors, {self.qualities[version].ms * 1000: sent})
                    self.in_second[version] = self.in_second.get(version, Side()) + side

    def _end_second(self) -> None:
        if int(self.now) > self.second:
            self.over.append((self.second + 1.0, self.in_second))
            del self.over[:-KEPT_S]
            self.second, self.in_second = int(self.now), {}

    def _copy(self, split: Split | None, requests: int) -> None:
        """The copies of a gateway's requests to stable that both sides answered."""
        if split is None or split.shadow is None or not split.candidate or not self.ready(split.candidate):
            return
        share = (1 - split.weight / FULL_WEIGHT) * split.shadow.share / FULL_WEIGHT
        self.copied[split.candidate] = self.copied.get(split.candidate, 0) + round(requests * share)


def _arrived(queue: list[tuple[float, Split]], now: float) -> Iterator[Split]:
    """Take what is due off a queue, in order: nothing overtakes on one connection."""
    while queue and queue[0][0] <= now:
        yield queue.pop(0)[1]


def _shares(split: Split | None) -> Iterator[tuple[str, float]]:
    if split is not None:
        yield split.stable, 1 - split.weight / FULL_WEIGHT
        if split.candidate:
            yield split.candidate, split.weight / FULL_WEIGHT
