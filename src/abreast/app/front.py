"""The gateway as the wiring needs it: an Envoy of ours, or somebody else's that is told by an HTTPRoute."""

import logging
from collections.abc import Sequence
from typing import Final, Protocol

from abreast.drivers.route_gateway import RouteGateway
from abreast.envoy.counts import EnvoyCounts
from abreast.model.errors import AbreastError, GatewayError
from abreast.model.route import RouteSettings
from abreast.model.service import GatewaySettings
from abreast.model.traffic import Traffic
from abreast.ports import Clock, Gateway
from abreast.rollout.observed import NodeState

ROTATE_S: Final = 60.0
"""How often it is looked whether Envoy's own log is too long."""

log: Final = logging.getLogger(__name__)


class Front(Gateway, Protocol):
    """A gateway with its beginning and its end; ``counts`` are empty where nobody counts."""

    counts: EnvoyCounts

    async def start(self) -> bool:
        """Take up what is there; whether users are served by it already (else call `open`). Raises DriverError."""

    def require_free(self, settings: GatewaySettings) -> None:
        """Raise PortInUseError if users' requests cannot come in there."""

    async def open(self) -> None:
        """Serve users from now on. Raises GatewayError."""

    def settled(self) -> bool:
        """Whether every node has what was published last."""

    def adopt(self, settings: GatewaySettings) -> None:
        """Take these settings on; `outdated` if that needs a restart."""

    @property
    def outdated(self) -> bool:
        """Whether it runs by other settings than it should."""

    async def restart(self) -> str:
        """Restart without a failed request; what came of it. Raises GatewayError."""

    def rotate_log(self) -> None:
        """Keep its own log bounded. Raises OSError."""

    async def own_metrics(self, names: str) -> bytes:
        """What it counts by itself. Raises UsageError, GatewayError."""

    async def close(self, *, stop: bool) -> None:
        """Let go; ``stop``: what is ours of it ends."""

    def serving(self, settings: GatewaySettings) -> str:
        """What a gateway that is taken over does, for people."""

    def address(self, settings: GatewaySettings) -> str:
        """Where users' requests come in, for people."""

    def refusal(self, words: str) -> AbreastError:
        """What it means that the very first thing that it was told is refused."""


class RouteFront:
    """An HTTPRoute as the gateway. Users are served by it before us and after us; it counts nothing."""

    def __init__(self, route: RouteGateway, settings: RouteSettings, clock: Clock) -> None:
        self.counts = EnvoyCounts(clock)
        self._route = route
        self._settings = settings

    async def start(self) -> bool:
        """Look at the route; it is always there already, or has to be made by somebody else."""
        await self._route.start()
        return True

    def require_free(self, settings: GatewaySettings) -> None:
        """Nothing of ours listens."""

    async def open(self) -> None:
        """It serves already."""

    def publish(self, traffic: Traffic) -> None:
        """Keep the route so; endpoints are the Services' own matter.

        Of settings that name another route, or none, nothing is taken: that is for the next start.
        """
        settings = traffic.gateway.route
        if settings is not None and settings.place == self._settings.place:
            self._settings = settings
        self._route.publish(self._settings, traffic.split, traffic.tester_secret)

    def nodes(self) -> Sequence[NodeState]:
        """One: the route."""
        return self._route.nodes()

    def silent(self) -> Sequence[NodeState]:
        """None: what the cluster says last is what holds."""
        return ()

    def settled(self) -> bool:
        """Whether its gateways have accepted what was published last."""
        return self._route.settled()

    def adopt(self, settings: GatewaySettings) -> None:
        """Services and testers come with the next snapshot; another route needs another start."""

    @property
    def outdated(self) -> bool:
        """Nothing of ours runs."""
        return False

    async def restart(self) -> str:
        """Raises GatewayError: it is not ours."""
        raise GatewayError(f"{self._route.place} is somebody else's gateway", "restart it where it is run")

    def rotate_log(self) -> None:
        """It writes none for us."""

    async def own_metrics(self, names: str) -> bytes:
        """Raises GatewayError: we see none of its numbers."""
        message = f"{self._route.place} is somebody else's gateway: {names} is not known"
        raise GatewayError(message, "ask its own metrics")

    async def close(self, *, stop: bool) -> None:  # noqa: ARG002  # users' requests go through it, whatever ends
        """Look away."""
        await self._route.close()

    def serving(self, settings: GatewaySettings) -> str:  # noqa: ARG002  # as Front has it
        """What it does, for people."""
        return f"users are served by {self._route.place}"

    def address(self, settings: GatewaySettings) -> str:  # noqa: ARG002  # as Front has it
        """Which route it is, for people."""
        return self._route.place

    def refusal(self, words: str) -> AbreastError:
        """It is not accepted."""
        return GatewayError(f"the route cannot be used: {words}", "mend what it names; what stands in it still holds")


async def keep_log(clock: Clock, gateway: Front) -> None:
    """Keep the gateway's own log bounded, until cancelled."""
    while True:
        await clock.sleep(ROTATE_S)
        try:
            gateway.rotate_log()
        except OSError as error:
            log.warning("Envoy's log cannot be rotated: %s", error)
