"""A gateway with a real Envoy, driven by the test in place of a controller."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from abreast.clock import SystemClock
from abreast.envoy.gateway import EnvoyGateway
from abreast.envoy.process import Envoy
from abreast.model.service import Endpoint, GatewaySettings, UserKey, Version
from abreast.model.traffic import Backend, Shadowing, Split, Traffic
from abreast.ports import VersionCounts
from abreast.process.port import PortPool
from tests.integration.client import Connection

DEADLINE_S = 25.0
"""For things that take a second: two busy cores may take long."""

SECRET = "only-for-testers"
SETTINGS = GatewaySettings(concurrency=1, drain_s=2.0, timeout_s=5.0)
PORTS = PortPool(random.Random())


async def until(condition: Callable[[], object], what: str, deadline_s: float = DEADLINE_S) -> None:
    """Wait until the condition holds; fails after the deadline, naming what was waited for."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        await asyncio.sleep(0.01)


def backend(version: Version | str, *ports: int) -> Backend:
    """A version with an instance on each of these ports of loopback."""
    version = version if isinstance(version, Version) else Version(version, run=("serve",))
    return Backend(version, tuple(Endpoint("127.0.0.1", port) for port in ports))


@dataclass
class Stage:
    """One gateway on a free port. ``events`` are the sentences for the audit log, ``changes`` counts wake-ups."""

    folder: Path
    home: str = "stage"
    settings: GatewaySettings = SETTINGS
    users: tuple[UserKey, ...] = (UserKey("header", "x-user-id"), UserKey("cookie", "session"))
    events: list[str] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.settings = replace(self.settings, listen=Endpoint("127.0.0.1", PORTS.take()))
        self.gateway = self.control_plane()

    @property
    def port(self) -> int:
        """Where users come in."""
        return self.settings.listen.port

    @property
    def url(self) -> str:
        """The same as an address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def envoy(self) -> Envoy:
        """The newest Envoy."""
        envoy = self.gateway.processes.current
        assert envoy is not None
        return envoy

    def control_plane(self) -> EnvoyGateway:
        """A gateway over this folder; a second one plays the control plane that was started again."""

        def changed() -> None:
            self.changes += 1

        return EnvoyGateway(
            home=self.home,
            run_dir=self.folder,
            log_file=self.folder / "envoy.log",
            settings=self.settings,
            clock=SystemClock(),
            on_change=changed,
            on_event=self.events.append,
        )

    def traffic(
        self,
        stable: Backend,
        candidate: Backend | None = None,
        weight: int = 0,
        salt: str = "s",
        shadow: Shadowing | None = None,
    ) -> Traffic:
        """The traffic of a rollout with these sides."""
        name = candidate.version.name if candidate is not None else None
        split = Split(stable.version.name, name, weight, salt if name else "", shadow)
        return Traffic("shop", split, stable, candidate, self.settings, self.users, SECRET)

    async def open(self, traffic: Traffic) -> None:
        """Start the gateway with its first traffic."""
        assert not await self.gateway.start()
        self.gateway.publish(traffic)
        self.gateway.launch()
        await self.gateway.processes.wait_live(self.envoy)
        await self.obeyed()

    async def publish(self, traffic: Traffic) -> None:
        """Tell it, and wait until Envoy has it whole."""
        self.gateway.publish(traffic)
        await self.obeyed()

    async def obeyed(self) -> None:
        """Wait until every Envoy has the newest snapshot."""
        await until(self.gateway.settled, f"everything acknowledged; nodes are {self.gateway.nodes()}")

    async def connect(self) -> Connection:
        """A connection of a user."""
        return await Connection.open(self.port)

    async def counted(self, condition: Callable[[dict[str, VersionCounts]], object], what: str) -> None:
        """Read the counts of the last minute until the condition holds."""
        end = time.monotonic() + DEADLINE_S
        while True:
            await self.gateway.read_counts()
            counts = dict(self.gateway.counts.recent(60.0))
            if condition(counts):
                return
            assert time.monotonic() < end, f"{what}: {counts}"
            await asyncio.sleep(0.02)

    async def admin(self, path: str) -> Any:  # noqa: ANN401  # JSON
        """What the newest Envoy's admin socket answers to this."""
        transport = httpx.AsyncHTTPTransport(uds=str(self.envoy.admin.path))
        async with httpx.AsyncClient(transport=transport, base_url="http://envoy", timeout=DEADLINE_S) as client:
            return (await client.get(path)).raise_for_status().json()

    async def health_flags(self, cluster: str) -> dict[int, str]:
        """What Envoy holds against each instance of the cluster, by port; "" for nothing."""
        told = await self.admin("/clusters?format=json")
        hosts = next(each["host_statuses"] for each in told["cluster_statuses"] if each["name"] == cluster)
        return {
            host["address"]["socket_address"]["port_value"]: ", ".join(
                sorted(name for name, value in host["health_status"].items() if value is True)
            )
            for host in hosts
        }
