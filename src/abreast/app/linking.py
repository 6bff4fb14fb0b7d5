"""How a server is linked to agents: what it tells those that keep gateways elsewhere, and what it knows of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from abreast.app.delivery import Delivery
from abreast.app.door import Door
from abreast.app.foreground import Say
from abreast.app.ground import Ground
from abreast.app.joining import fleet_authority, own_files
from abreast.controller.follow import as_told
from abreast.envoy.gateway import EnvoyGateway
from abreast.link.certificates import FleetAuthority
from abreast.link.desk import Desk, Records
from abreast.model.agent import Position
from abreast.model.service import Endpoint
from abreast.model.traffic import Traffic
from abreast.nodes.counts import aligned
from abreast.nodes.second import NodeSecond
from abreast.operations.control import Control
from abreast.operations.joins import JoinDesk
from abreast.ports import Clock, Gateway
from abreast.rollout.observed import NodeState
from abreast.rollout.turn import split_of
from abreast.state_dir import StateDir
from abreast.store.agents import SqlAgents
from abreast.store.sql import SqlStore

TURN_S: Final = 1.0
_TURNS: Final = 3
"""A turn that was under way already may have read the store before."""

_AWAY_S: Final = 0.5


@dataclass(frozen=True)
class Linking:
    """Where a server takes agents (None: nowhere), and whether it has a gateway of its own."""

    listen: Endpoint | None = None
    own_gateway: bool = True


ALONE: Final = Linking()
"""A server with a gateway of its own, and no others."""


class Publisher:
    """`abreast.ports.Gateway`: tells this server's own gateway, if it has one, and the agents that are connected."""

    def __init__(self, own: Gateway | None, desk: Desk | None) -> None:
        self._own = own
        self._desk = desk

    def publish(self, traffic: Traffic) -> None:
        """Tell all of them at once."""
        if self._desk is not None:
            traffic = replace(traffic, relays=self._desk.relays.addresses)
        if self._own is not None:
            self._own.publish(traffic)
        if self._desk is not None:
            self._desk.publish(traffic)

    def nodes(self) -> Sequence[NodeState]:
        """This server's own Envoys: agents' are known from the store, whichever server they are connected to."""
        return self._own.nodes() if self._own is not None else ()

    def silent(self) -> Sequence[NodeState]:
        """None: they are beside it."""
        return ()


@dataclass
class LinkEnd:
    """A server's end of the link: where join tokens are made, and the desk, None where no agents are taken.

    The one of ``controls`` is there by the time an agent is.
    """

    linking: Linking
    joins: JoinDesk
    desk: Desk | None
    authority: FleetAuthority
    service: str
    clock: Clock
    controls: list[Control] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    door: Door | None = None

    def tell_beside(self, ground: Ground, delivery: Delivery, state: StateDir) -> None:
        """Have agents told what the ground's gateway is, if it is told at all, and count what they counted.

        Raises StoreError when what that gateway shows to relays cannot be kept in ``state``.
        """
        ground.publisher = Publisher(ground.gateway if self.linking.own_gateway else None, self.desk)
        self.deliveries.append(delivery)
        desk, gateway = self.desk, ground.gateway
        if desk is None or not isinstance(gateway, EnvoyGateway):
            return

        def show() -> None:
            gateway.relay_tls = own_files(self.authority, self.service, desk.server, state.path, self.clock)

        show()
        desk.on_renewal = show
        desk.relays.on_change = ground.wake
        self.door = Door(desk.relays)

    def relays(self) -> Sequence[str]:
        """The names of the relays that are connected here."""
        return sorted(self.desk.relays.present) if self.desk is not None else ()

    def copies(self) -> bool:
        """Whether there are relays elsewhere, to which all gateways bring copies."""
        return self.desk is not None and bool(self.desk.relays.addresses)

    async def start(self, say: Say) -> None:
        """Take agents. Raises PortInUseError."""
        if self.desk is not None and self.linking.listen is not None:
            port = await self.desk.start(self.linking.listen)
            say(f"taking gateways at {Endpoint(self.linking.listen.host, port)}")

    async def close(self) -> None:
        """Send them to other servers."""
        if self.desk is not None:
            await self.desk.close()


async def link_of(name: str, agents: SqlAgents, store: SqlStore, clock: Clock, linking: Linking) -> LinkEnd:
    """The link's end of the server of that name, not listening. Raises StoreError."""
    authority = await fleet_authority(store, clock.now())
    end = LinkEnd(linking, JoinDesk(agents, authority.fingerprint, clock), None, authority, agents.service, clock)
    if linking.listen is not None:
        end.desk = Desk(name, agents, authority, _records(end, clock), clock)
    return end


def _records(end: LinkEnd, clock: Clock) -> Records:
    def position() -> Position:
        rollout = end.controls[0].controller.rollout
        return Position(rollout.number, rollout.revision)

    def current() -> bool:
        return end.controls[0].controller.store_error is None

    async def caught_up(theirs: Position) -> bool:
        for _ in range(_TURNS):
            if position() >= theirs:
                return True
            turned = iter((False, True))
            cycle = end.controls[0].controller
            cycle.wake()
            await cycle.until(lambda turned=turned: next(turned, True), TURN_S)  # type: ignore[misc]  # mypy knows no default in a lambda
        if current():
            return True
        await clock.sleep(_AWAY_S)
        return False

    def counted(seconds: Sequence[NodeSecond], their_now: float) -> None:
        now = clock.now()
        end.deliveries[0].hand_in([aligned(each, their_now - each.at, now) for each in seconds])

    return Records(
        position,
        current,
        caught_up,
        lambda nodes: as_told(nodes, split_of(end.controls[0].controller.rollout)),
        counted,
    )
