"""What outlives who decides: a machine's gateway, and the drivers that run versions there or look for them."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random

from abreast.app.front import Front, RouteFront
from abreast.drivers.combined import Drivers
from abreast.drivers.command import require_runnable
from abreast.drivers.docker import DockerDriver
from abreast.drivers.docker_engine import Engine
from abreast.drivers.docker_faults import require_sources
from abreast.drivers.docker_host import engine_url
from abreast.drivers.external import ExternalDriver
from abreast.drivers.kubernetes import KubernetesDriver, require_template
from abreast.drivers.kubernetes_instances import Ears
from abreast.drivers.kubernetes_manifest import Owner
from abreast.drivers.process import ProcessDriver
from abreast.drivers.registry.driver import RegistryDriver
from abreast.drivers.route_gateway import RouteGateway
from abreast.envoy.gateway import EnvoyGateway
from abreast.model.api_settings import DEFAULT_LISTEN, ApiSettings
from abreast.model.event import EventKind
from abreast.model.rollout import Rollout
from abreast.model.service import Instance, Service, Version
from abreast.operations.control import Cycle
from abreast.ports import Clock, Gateway
from abreast.process.identity import home_id
from abreast.state_dir import StateDir

Wake = Callable[[], None]
Note = Callable[[EventKind, str], None]


@dataclass
class Ground:
    """What outlives who decides: a machine's gateway and drivers. ``cycles`` holds whom they wake and tell now.

    ``publisher`` is told what all gateways shall do that are told from here: the machine's own, and agents'.
    """

    gateway: Front
    process: ProcessDriver
    docker: DockerDriver
    kubernetes: KubernetesDriver
    registries: RegistryDriver
    drivers: Drivers
    cycles: list[Cycle]
    publisher: Gateway

    async def start(self, service: Service, rollout: Rollout) -> None:
        """Take up what an earlier control plane has left. Raises DriverError."""
        left = standing(service, rollout)
        await asyncio.gather(self.process.start(), self.docker.start(), self.kubernetes.start(left))

    def wake(self) -> None:
        """Something happened."""
        for each in self.cycles:
            each.wake()

    def note(self, kind: EventKind, reason: str) -> None:
        """Something happened that is worth a word."""
        for each in self.cycles:
            each.note(kind, reason)


def lay_ground(service: Service, state: StateDir, api: ApiSettings, clock: Clock) -> Ground:
    """A gateway and drivers, not started. Raises DriverError when a route's cluster is not known."""
    made: list[Ground] = []

    def wake() -> None:
        for each in made:
            each.wake()

    def note(kind: EventKind, reason: str) -> None:
        for each in made:
            each.note(kind, reason)

    gateway = _gateway(service, state, clock, wake, note)
    process, docker = _process(service, state, api, clock, wake, note), _docker(service, state, clock, wake, note)
    kubernetes = _kubernetes(service, state, clock, wake, note)
    registries = _registries(state, clock, wake, note)
    drivers = Drivers(process, registries, docker=docker, kubernetes=kubernetes)
    made.append(Ground(gateway, process, docker, kubernetes, registries, drivers, [], gateway))
    return made[0]


def _process(
    service: Service, state: StateDir, api: ApiSettings, clock: Clock, wake: Wake, note: Note
) -> ProcessDriver:
    """The gateway listens only once a version is ready: until then its port, and the API's, must not look free."""
    process = ProcessDriver(state.path, state.run, clock, wake, _of_instances(note), service.name)
    process.reserve(service.gateway.listen.port)
    process.reserve((api.listen or DEFAULT_LISTEN).port)
    return process


def _docker(service: Service, state: StateDir, clock: Clock, wake: Wake, note: Note) -> DockerDriver:
    """It asks for an engine only when a version needs one, and says of it what it says of instances."""
    engine = Engine(engine_url, home_id(state.path), clock, lambda reason: note(EventKind.INSTANCE, reason))
    return DockerDriver(state.path, state.run, engine, clock, wake, _of_instances(note), service.name)


def _kubernetes(service: Service, state: StateDir, clock: Clock, wake: Wake, note: Note) -> KubernetesDriver:
    """It looks for a cluster only when a version needs one, and says of it what it says of instances."""
    ears = Ears(wake, _of_instances(note), lambda reason: note(EventKind.INSTANCE, reason))
    return KubernetesDriver(Owner(home_id(state.path), service.name), clock, ears, state.run / "kubernetes.json")


def standing(service: Service, rollout: Rollout) -> list[Version]:
    """Deployments that may be serving now: our own, and of those that are adopted only who is part of the rollout."""
    present = {rollout.serving, rollout.stable, rollout.candidate}
    return [
        version
        for version in service.versions
        if version.workload is not None and (version.name in present or not version.workload.adopted)
    ]


def _registries(state: StateDir, clock: Clock, wake: Wake, note: Note) -> RegistryDriver:
    """Versions that run elsewhere, listed or looked up."""
    return RegistryDriver(
        ExternalDriver(clock, wake, _of_instances(note)),
        clock,
        wake,
        lambda news: note(EventKind.INSTANCE, news),
        file=state.path / "registry.json",
        random=Random(),  # noqa: S311  # only so that not all who wait ask at the same moment
    )


def _of_instances(note: Note) -> Callable[[Instance, str], None]:
    return lambda instance, reason: note(EventKind.INSTANCE, f"{instance.id}: {reason}")


def _gateway(service: Service, state: StateDir, clock: Clock, wake: Wake, note: Note) -> Front:
    route = service.gateway.route
    if route is not None:
        said = partial(note, EventKind.GATEWAY)
        return RouteFront(RouteGateway(route, clock, wake, said), route, clock)
    return EnvoyGateway(
        home=home_id(state.path),
        run_dir=state.run,
        log_file=state.logs / "envoy.log",
        settings=service.gateway,
        clock=clock,
        on_change=wake,
        on_event=lambda reason: note(EventKind.GATEWAY, reason),
    )


def require(service: Service, name: str) -> None:
    """Raise DriverError if the version cannot be started here."""
    version = service.version(name)
    if version is None:
        return
    if version.workload is not None:
        require_template(version)
    elif version.container is not None:
        require_sources(version)
        engine_url()
    elif version.run:
        require_runnable(version, os.environ)
