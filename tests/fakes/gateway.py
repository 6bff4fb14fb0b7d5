"""Gateways without an Envoy: they obey at once, unless a test makes them deaf, lost or stubborn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from abreast.model.traffic import Split, Traffic
from abreast.rollout.observed import NodeState


@dataclass
class FakeGateway:
    """`abreast.ports.Gateway` in a test's hands.

    Nodes in ``deaf`` hear nothing until the test takes them out again; nodes in ``lost`` are not connected, and
    what they do is not known; ``refusals`` holds the words with which a node refuses everything. ``published``
    are the snapshots in their order; ``on_publish`` hears of each.
    """

    names: tuple[str, ...] = ("gateway-1", "gateway-2")
    deaf: set[str] = field(default_factory=set)
    lost: set[str] = field(default_factory=set)
    refusals: dict[str, str] = field(default_factory=dict)
    published: list[Traffic] = field(default_factory=list)
    on_publish: Callable[[Split], None] = lambda _split: None
    gone: tuple[NodeState, ...] = ()
    _acked: dict[str, Split] = field(default_factory=dict)

    def publish(self, traffic: Traffic) -> None:
        """As the port says."""
        if self.published and self.published[-1] == traffic:
            return
        self.published.append(traffic)
        self.on_publish(traffic.split)

    def nodes(self) -> Sequence[NodeState]:
        """As the port says."""
        return [self._node(name) for name in self.names]

    def silent(self) -> Sequence[NodeState]:
        """As the port says: those that the test says."""
        return self.gone

    def _node(self, name: str) -> NodeState:
        if name in self.lost:
            self._acked.pop(name, None)
            return NodeState(name, None, connected=False)
        refusal = self.refusals.get(name, "")
        if self.published and name not in self.deaf and not refusal:
            self._acked[name] = self.published[-1].split
        return NodeState(name, self._acked.get(name), connected=True, nack=refusal)
