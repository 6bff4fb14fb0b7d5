"""A network of network namespaces on one machine: a hub with a bridge, and nodes that can be cut off from each other.

Needs root and iproute2. Nothing of it is seen outside of the namespaces; all of it goes at the end.
"""

import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

HUB = "hub"
_SUBNET = "10.77.0"
_NOWHERE = "nowhere"
"""A device that loses what it is given."""


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@dataclass
class Network:
    """``addresses`` by the nodes' names; the hub has one too."""

    prefix: str = field(default_factory=lambda: f"ab{os.getpid()}")
    addresses: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def namespace(self, node: str) -> str:
        """The name of that node's namespace."""
        return f"{self.prefix}-{node}"

    def inside(self, node: str) -> list[str]:
        """Words that make a command run at that node."""
        return ["nsenter", f"--net=/run/netns/{self.namespace(node)}"]

    def add(self, node: str) -> str:
        """One more node; its address. The first one must be the hub."""
        namespace, number = self.namespace(node), next(self._numbers)
        address = f"{_SUBNET}.{number}"
        _ip("netns", "add", namespace)
        self.addresses[node] = address
        _ip("-n", namespace, "link", "set", "lo", "up")
        if node == HUB:
            _ip("-n", namespace, "link", "add", "br0", "type", "bridge")
        else:
            hub, port = self.namespace(HUB), f"v{number}"
            _ip("-n", hub, "link", "add", port, "type", "veth", "peer", "name", "br0", "netns", namespace)
            _ip("-n", hub, "link", "set", port, "master", "br0", "up")
        _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "br0")
        _ip("-n", namespace, "link", "set", "br0", "up")
        # A pair whose other end nobody reads; without ARP nobody is asked for either.
        _ip("-n", namespace, "link", "add", _NOWHERE, "type", "veth", "peer", "name", f"{_NOWHERE}-end")
        _ip("-n", namespace, "link", "set", f"{_NOWHERE}-end", "up")
        _ip("-n", namespace, "link", "set", _NOWHERE, "arp", "off", "up")
        return address

    def cut(self, node: str, *others: str) -> None:
        """Nothing passes between that node and the others: what is sent is lost, in both directions."""
        for one, two in ((node, other) for other in others):
            _ip("-n", self.namespace(one), "route", "replace", f"{self.addresses[two]}/32", "dev", _NOWHERE)
            _ip("-n", self.namespace(two), "route", "replace", f"{self.addresses[one]}/32", "dev", _NOWHERE)

    def heal(self, node: str, *others: str) -> None:
        """As before `cut`."""
        for one, two in ((node, other) for other in others):
            _ip("-n", self.namespace(one), "route", "del", f"{self.addresses[two]}/32", "dev", _NOWHERE)
            _ip("-n", self.namespace(two), "route", "del", f"{self.addresses[one]}/32", "dev", _NOWHERE)

    def remove(self) -> None:
        """Delete all of it."""
        for node in self.addresses:
            _ip("netns", "del", self.namespace(node))
        self.addresses.clear()


@contextmanager
def network(*nodes: str) -> Iterator[Network]:
    """A hub and these nodes, until the end of the block."""
    made = Network()
    try:
        for node in (HUB, *nodes):
            made.add(node)
        yield made
    finally:
        made.remove()
