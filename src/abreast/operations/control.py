"""What operations work on: the running control plane of one service."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from abreast.controller.observe import Members
from abreast.model.errors import StoreError
from abreast.model.event import EventKind
from abreast.model.registry_state import RegistryState
from abreast.model.rollout import Policy, Rollout
from abreast.model.service import Service
from abreast.operations.flags import FlagDesk
from abreast.operations.joins import JoinDesk
from abreast.ports import Alerts, Clock, Counts, FindingsDesk, Store, Tokens, VersionCounts
from abreast.rollout.actions import Reply
from abreast.rollout.observed import Command, NodeState, Observed


class UserCounts(Counts, Protocol):
    """Counts that also know what users got in the end, and everything since counting began.

    Where several servers count together, each exposes the gateways of its own for metrics: they are added up there.
    """

    @property
    def users(self) -> Mapping[int, int]:
        """Users' requests by answer code (0: no answer), since counting began."""

    @property
    def exposed_users(self) -> Mapping[int, int]:
        """Those of this server's own gateways."""

    def waiting(self, version: str, longer_than_s: float) -> int:
        """How many requests at least have been in flight for longer than that."""

    def cumulative(self) -> Mapping[str, VersionCounts]:
        """Everything of this server's own gateways since counting began: a version that was counted once stays."""


class Cycle(Protocol):
    """Whoever moves the rollout, or follows it: `abreast.controller.loop.Controller`, or `Follower`."""

    rollout: Rollout
    because: str
    store_error: StoreError | None

    def wake(self) -> None:
        """Something happened: look again now."""

    def note(self, kind: EventKind, reason: str, actor: str = ...) -> None:
        """Something happened that is worth a word."""

    def observe(self) -> Observed:
        """The facts as they are now."""

    async def submit(self, command: Command) -> Reply:
        """Have it carried out. Raises RefusedError, ConflictError, StoreError, NotRunningError."""

    async def until(self, true: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until that holds after some turn; whether it did in time."""


@dataclass(frozen=True)
class ServerStatus:
    """One server of a fleet: whether it decides, how long it has been silent, whether that is too long, its Envoys.

    Or one gateway apart from servers, with the ``server`` that it was heard of through.
    """

    name: str
    decides: bool
    silent_s: float
    lost: bool
    nodes: tuple[NodeState, ...] = ()
    server: str = ""


class Fleet(Protocol):
    """The servers that share a store, as this one knows them."""

    @property
    def name(self) -> str:
        """This server's own."""

    @property
    def servers(self) -> Sequence[ServerStatus]:
        """All of them by name."""

    @property
    def gateways(self) -> Sequence[ServerStatus]:
        """Those that run apart from servers, by name."""


@dataclass
class Control:
    """The parts that `abreast.app` wired together; ``service`` and ``policy`` change when the spec is read again.

    ``policy`` gives the spec's policy for a candidate (raises UsageError for an unknown one); ``require`` raises
    DriverError if a version cannot be started here; ``restart_gateway`` hot-restarts Envoy; ``gateway_metrics`` gives
    Envoy's own by a regular expression (raises UsageError, GatewayError). ``findings`` is None while no answers are
    compared, ``alerts`` while nobody is to be told, ``fleet`` where the store is not shared, ``members`` where nobody
    asks for a release group. ``registries`` says what is known of where endpoints are looked up, ``spec_trouble`` why
    the spec in etcd is not what is in force, if so. ``joins`` lets agents into a fleet, None where there is none;
    ``relays`` names the relays elsewhere that are connected here. ``end`` has everything end in order, told by whom; it
    is None where that is not for others to say.
    """

    service: Service
    controller: Cycle
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
    registries: Callable[[], Sequence[RegistryState]] = tuple
    spec_trouble: Callable[[], str] = str
    fleet: Fleet | None = None
    members: Members | None = None
    joins: JoinDesk | None = None
    relays: Callable[[], Sequence[str]] = tuple
    end: Callable[[str], None] | None = None
