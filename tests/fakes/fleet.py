"""A fleet in a test's hands."""

from collections.abc import Sequence
from dataclasses import dataclass

from abreast.operations.control import ServerStatus


@dataclass
class FakeFleet:
    """`abreast.operations.control.Fleet`: the servers are as the test says."""

    servers: Sequence[ServerStatus] = ()
    name: str = "a"
    gateways: Sequence[ServerStatus] = ()
