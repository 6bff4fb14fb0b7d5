"""What operations work on: the running control plane of one service."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from abreast.controller.loop import Controller
from abreast.controller.observe import Members
from abreast.model.rollout import Policy
from abreast.model.service import Service
from abreast.operations.flags import FlagDesk
from abreast.ports import Alerts, Clock, Counts, FindingsDesk, Store, Tokens, VersionCounts


class UserCounts(Counts, Protocol):
    """Counts that also know what users got in the end, and everything since counting began."""

    @property
    def users(self) -> Mapping[int, int]:
        """Users' requests by answer code (0: no answer), since counting began."""

    def waiting(self, version: str, longer_than_s: float) -> int:
        """How many requests at least have been in flight for longer than that."""

    def cumulative(self) -> Mapping[str, VersionCounts]:
        """Everything since counting began, per version: a version that was counted once stays."""


@dataclass
class Control:
    """The parts that `abreast.app` wired together; ``service`` and ``policy`` change when the spec is read again.

    ``policy`` gives the spec's policy for a candidate (raises UsageError for an unknown one); ``require`` raises
    DriverError if a version cannot be started here; ``restart_gateway`` hot-restarts Envoy; ``gateway_metrics`` gives
    Envoy's own by a regular expression (raises UsageError, GatewayError). ``findings`` is None while no answers are
    compared, ``alerts`` while nobody is to be told, ``members`` where nobody asks for a release group.
    """

    service: Service
    controller: Controller
    store: Store
    tokens: Tokens
    counts: UserCounts
    clock: Clock
    policy: Callable[[str], Policy]
    require: Callable[[str], None]
    restart_gateway: Callable[[], Awaitable[str]]
    gateway_metrics: Callable[[str], Awaitable[bytes]]
    tester_secret: str
    settled: Callable[[], bool]
    flags: FlagDesk
    findings: FindingsDesk | None = None
    alerts: Alerts | None = None
    members: Members | None = None
