"""The other servers of a fleet, as one of them knows them from the store they share."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from abreast.app.delivery import Delivery
from abreast.controller.follow import as_told
from abreast.model.agent import AgentKind
from abreast.model.errors import StoreError
from abreast.model.rollout import Rollout
from abreast.model.traffic import Traffic
from abreast.operations.control import ServerStatus
from abreast.ports import Clock, Gateway
from abreast.rollout.observed import NodeState
from abreast.rollout.turn import split_of
from abreast.store.fleet import SERVER, Replica, SqlFleet
from abreast.store.lease import DatabaseLease, Holder

log: Final = logging.getLogger(__name__)

REPORT_S: Final = 1.0
"""How often a server says at least that it is there."""

LOST_S: Final = 5.0
"""Who was silent for so long is not waited for: its Envoy goes on with what it was told last."""

GIVEN_UP_S: Final = 600.0
"""For so long a version is kept that the Envoy of a silent server may still send users to."""


class OwnGateway:
    """`abreast.ports.Gateway` of one server: its nodes carry its name."""

    def __init__(self, name: str, gateway: Gateway) -> None:
        self._name = name
        self._gateway = gateway

    def publish(self, traffic: Traffic) -> None:
        """Tell this server's Envoys."""
        self._gateway.publish(traffic)

    def nodes(self) -> Sequence[NodeState]:
        """This server's Envoys."""
        return [replace(node, id=f"{self._name}/{node.id}") for node in self._gateway.nodes()]

    def silent(self) -> Sequence[NodeState]:
        """None: they are beside it."""
        return ()


class Muster:
    """`abreast.operations.control.Fleet`: reads who is there and what they counted, and reports this server."""

    def __init__(
        self, delivery: Delivery, fleet: SqlFleet, lease: DatabaseLease, own: OwnGateway, clock: Clock
    ) -> None:
        self.name = delivery.name
        self.own = own
        self.delivery = delivery
        self.holder: Holder | None = None
        self._fleet = fleet
        self._lease = lease
        self._clock = clock
        self._replicas: tuple[Replica, ...] = ()
        self._read_at = clock.now()
        self._reported: tuple[NodeState, ...] | None = None
        self._reported_at = 0.0
        self._trouble = ""

    def has_news(self, rollout: Rollout) -> bool:
        """Whether this server's Envoys obey something else than was reported last, or have counted something.

        Never while the store fails: what there is waits.
        """
        self.delivery.collect()
        return not self._trouble and (bool(self.delivery.unwritten) or self._present(rollout) != self._reported)

    def _present(self, rollout: Rollout) -> tuple[NodeState, ...]:
        return tuple(as_told(self.own.nodes(), split_of(rollout)))

    async def touch(self, rollout: Rollout) -> bool:
        """Report and read once; whether any server shows otherwise than before. A store that fails is said once."""
        self.delivery.collect()
        nodes, seconds, now = self._present(rollout), self.delivery.unwritten, self._clock.now()
        before = [(each.identity, each.nodes) for each in self._replicas]
        try:
            if seconds or nodes != self._reported or not 0 <= now - self._reported_at < REPORT_S:
                await self._fleet.report(self.name, self._lease.identity, nodes, seconds, now)
                self._reported, self._reported_at = nodes, now
                self.delivery.written(seconds)
            look = await self._fleet.look(self.delivery.read_to)
            self._replicas, self.holder = tuple(look.replicas), look.holder
            self._read_at = self._clock.now()
            self.delivery.read(look.seconds)
        except StoreError as error:
            if error.message != self._trouble:
                log.warning("the fleet cannot be seen: %s", error)
            self._trouble = error.message
        else:
            self._trouble = ""
        return before != [(each.identity, each.nodes) for each in self._replicas]

    async def leave(self) -> None:
        """This server ends in order; what it has counted so far stays. Raises StoreError."""
        self.delivery.collect()
        seconds = self.delivery.unwritten
        if seconds:
            nodes = self._reported or ()
            await self._fleet.report(self.name, self._lease.identity, nodes, seconds, self._clock.now())
            self.delivery.written(seconds)
        await self._fleet.leave(self.name, self._lease.identity)

    @property
    def decides(self) -> str:
        """The name of the server that decides; empty where none does, as far as is known."""
        return next((each.name for each in self.servers if each.decides), "")

    @property
    def servers(self) -> Sequence[ServerStatus]:
        """All that are known, by name."""
        unread_s = max(0.0, self._clock.now() - self._read_at)
        return [self._status(each, unread_s) for each in self._replicas if each.kind == SERVER]

    @property
    def gateways(self) -> Sequence[ServerStatus]:
        """Those apart from servers, by name."""
        unread_s = max(0.0, self._clock.now() - self._read_at)
        return [self._status(each, unread_s) for each in self._replicas if each.kind == AgentKind.GATEWAY]

    def _status(self, replica: Replica, unread_s: float) -> ServerStatus:
        own = replica.kind == SERVER and replica.name == self.name
        silent_s = 0.0 if own else replica.silent_s + unread_s
        decides = replica.kind == SERVER and replica.identity == self._decider(unread_s)
        nodes = tuple(self.own.nodes()) if own else replica.nodes
        return ServerStatus(replica.name, decides, silent_s, silent_s >= LOST_S, nodes, replica.server)

    def _decider(self, unread_s: float) -> str:
        """The identity of who has the lease; empty where nobody has, as far as is known."""
        if self._lease.held:
            return self._lease.identity
        return self.holder.identity if self.holder is not None and self.holder.left_s > unread_s else ""


class FleetGateway:
    """`abreast.ports.Gateway` of one server among several: tells its own Envoys, and knows what all others obey.

    The others read from the store what they shall tell theirs. Who is lost is not waited for.
    """

    def __init__(self, muster: Muster) -> None:
        self._muster = muster

    def publish(self, traffic: Traffic) -> None:
        """Tell this server's Envoys."""
        self._muster.own.publish(traffic)

    def nodes(self) -> Sequence[NodeState]:
        """Every Envoy of every server, and of every gateway apart from servers, that is there."""
        muster = self._muster
        others = [*(each for each in muster.servers if each.name != muster.name), *muster.gateways]
        return [*muster.own.nodes(), *(node for each in others if not each.lost for node in each.nodes)]

    def silent(self) -> Sequence[NodeState]:
        """Every Envoy of a server or gateway that is lost, until it is given up: what it does is not known."""
        there = (*self._muster.servers, *self._muster.gateways)
        return [node for each in there if each.lost and each.silent_s < GIVEN_UP_S for node in each.nodes]
