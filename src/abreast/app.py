"""The only wiring: ``abreast up`` put together from its parts, started in order and ended in order."""

import asyncio
import contextlib
import logging
import os
import resource
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from abreast.api.server import ApiServer
from abreast.clock import SystemClock
from abreast.controller.act import Actor
from abreast.controller.loop import Controller
from abreast.controller.observe import Observer
from abreast.drivers.combined import Drivers
from abreast.drivers.command import require_runnable
from abreast.drivers.external import ExternalDriver
from abreast.drivers.process import ProcessDriver
from abreast.envoy.gateway import EnvoyGateway
from abreast.model.errors import (
    AbreastError,
    DriverError,
    PortInUseError,
    SpecError,
    StoreError,
)
from abreast.model.event import Event, EventKind, sentence
from abreast.model.rollout import Rollout
from abreast.model.service import Instance, Service
from abreast.model.spec import Spec
from abreast.operations.control import Control
from abreast.process.identity import home_id
from abreast.process.listening import require_listenable
from abreast.rollout.decide import first
from abreast.rollout.replan import replan, require_same, require_versions
from abreast.rollout.turn import ACTOR
from abreast.spec_source import load_spec, missing_files
from abreast.state_dir import StateDir
from abreast.store.sqlite import SqliteStore, open_store
from abreast.telemetry import start_logging

log: Final = logging.getLogger(__name__)

Started = TypeVar("Started")

Say = Callable[[str], None]
"""Takes sentences for whoever runs ``abreast up``."""

SETTLE_S: Final = 3.0
"""How long a control plane that took over looks around before it tells the gateways anything new."""


@dataclass
class Up:
    """A running control plane: what `run_up` built, for itself and for tests."""

    control: Control
    gateway: EnvoyGateway
    drivers: Drivers
    store: SqliteStore
    observer: Observer
    actor: Actor
    spec_file: Path
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def run_up(spec_file: Path, say: Say, stop: asyncio.Event, reload: asyncio.Event) -> None:
    """Run gateway, control plane and versions until ``stop``; ``reload`` reads the spec again.

    Raises AbreastError when something stands in the way; everything started is ended then.
    """
    async with AsyncExitStack() as stack:
        running = await _unless(stop, stack.enter_async_context(up(spec_file, say)))
        if running is None:
            say("stopped before the service was up")
            return
        await _serve(running, say, stop, reload)
        say("stopping: the gateway drains, then the versions end")


async def _unless(stop: asyncio.Event, starting: Coroutine[None, None, Started]) -> Started | None:
    """What has started, or None: told to stop before, and what was begun is ended."""
    work, stopping = asyncio.create_task(starting), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        work.cancel()  # without effect on what has started
    try:
        return await work
    except asyncio.CancelledError:
        if stop.is_set():
            return None
        raise


@asynccontextmanager
async def up(spec_file: Path, say: Say) -> AsyncIterator[Up]:
    """Everything started and serving; ended in the opposite order on leaving."""
    spec = load_spec(spec_file)
    _require_files(spec)
    service = spec.service()
    state = StateDir.beside(spec_file.parent)
    state.make()
    async with AsyncExitStack() as stack:
        stack.callback(os.close, state.lock())
        _start_logging(state)
        _raise_limits()
        store = await open_store(state.store)
        stack.push_async_callback(store.close)
        running = await _build(spec, spec_file, service, state, store, say)
        stack.push_async_callback(_end, running)
        api = ApiServer(running.control, state.api)
        api.listen()
        running.tasks.append(asyncio.create_task(api.serve(), name="api"))
        stack.callback(api.stop)
        await _start(running, service, say)
        yield running


async def _build(spec: Spec, spec_file: Path, service: Service, state: StateDir, store: SqliteStore, say: Say) -> Up:
    clock = SystemClock()
    rollout = await _load_rollout(store, spec, service, clock.now())
    secret = await store.secret("tester", secrets.token_urlsafe(18))
    controllers: list[Controller] = []

    def wake() -> None:
        for each in controllers:
            each.wake()

    def note(kind: EventKind, reason: str) -> None:
        for each in controllers:
            each.note(kind, reason)

    def instance_event(instance: Instance, reason: str) -> None:
        note(EventKind.INSTANCE, f"{instance.id}: {reason}")

    gateway = EnvoyGateway(
        home=home_id(state.path),
        run_dir=state.run,
        log_file=state.logs / "envoy.log",
        settings=service.gateway,
        clock=clock,
        on_change=wake,
        on_event=lambda reason: note(EventKind.GATEWAY, reason),
    )
    process = ProcessDriver(state.path, state.run, clock, wake, instance_event, service.name)
    drivers = Drivers(process, ExternalDriver(clock, wake, instance_event))
    observer = Observer(service, drivers, gateway, gateway.counts, clock)
    actor = Actor(service, drivers, gateway, secret)
    controller = Controller(
        rollout, observer=observer, actor=actor, store=store, clock=clock, on_event=lambda event: say(_line(event))
    )
    controllers.append(controller)
    await process.start()

    async def restart_gateway() -> str:
        envoy = await gateway.processes.restart()
        return f"{envoy.name.node} serves; the one before it drains"

    control = Control(
        service=service,
        controller=controller,
        store=store,
        counts=gateway.counts,
        clock=clock,
        policy=spec.policy,
        require=lambda name: _require(service, name),
        restart_gateway=restart_gateway,
        tester_secret=secret,
        settled=gateway.settled,
    )
    return Up(control, gateway, drivers, store, observer, actor, spec_file)


async def _load_rollout(store: SqliteStore, spec: Spec, service: Service, now: float) -> Rollout:
    """The stored rollout with the present spec's policy, or the first of this service."""
    stored = await store.load(service.name)
    if stored is None:
        rollout, event = first(service.name, service.stable, spec.policy(service.stable), now)
        return await store.save(rollout, [event])
    require_versions(service, stored)
    if stored.candidate is None or service.version(stored.candidate) is None:
        return stored
    return replan(stored, spec.policy(stored.candidate))


async def _start(running: Up, service: Service, say: Say) -> None:
    """Versions first, then Envoy: it listens only once somebody can answer."""
    control, gateway = running.control, running.gateway
    rollout = control.controller.rollout
    adopted = await gateway.start()
    if not adopted:
        require_listenable(service.gateway.listen)
    if adopted:
        say(f"taking over: the gateway of an earlier run still serves on {service.gateway.listen}")
        await _look_around(running)
    running.tasks.append(asyncio.create_task(control.controller.run(), name="controller"))
    running.tasks.append(asyncio.create_task(_keep_minutes(running), name="minutes"))
    version = service.version(rollout.serving)
    if version is None:
        raise LookupError(rollout.serving)
    say(f"waiting for {version.name}: {version.wanted} × {version.ready}")
    await _ready(running, version.name, version.start_timeout_s)
    if not adopted:
        gateway.launch()
        envoy = gateway.processes.current
        if envoy is not None:
            await gateway.processes.wait_live(envoy)
    elif gateway.processes.outdated:
        say("Envoy or its settings changed: hot restart")
        await gateway.processes.restart()
    await _obeyed(running)
    scheme = "https" if service.gateway.tls else "http"
    say(f"{service.name} is up: {scheme}://{service.gateway.listen} → {rollout.serving}")


async def _ready(running: Up, name: str, timeout_s: float) -> None:
    """Wait for one ready instance of the version. Raises DriverError with the reason of each that is not."""
    controller = running.control.controller
    await controller.until(
        lambda: controller.observe().ready(name) > 0 or name in controller.observe().hopeless, timeout_s
    )
    observed = controller.observe()
    if observed.ready(name):
        return
    reasons = [f"{each.id}: {each.detail}" for each in observed.instances if each.version == name and each.detail]
    message = observed.hopeless.get(name) or f"{name} has no ready instance after {timeout_s:g} s: {'; '.join(reasons)}"
    raise DriverError(
        message, f"mend it in the spec; the instance's own words are in {running.spec_file.parent}/.abreast/logs"
    )


async def _obeyed(running: Up) -> None:
    """Wait until Envoy has its first snapshot. Raises PortInUseError or GatewayError with Envoy's words."""
    controller = running.control.controller
    await controller.until(lambda: running.gateway.settled() or any(_nacks(running)), 20.0)
    for words in _nacks(running):
        raise PortInUseError(f"Envoy refuses its configuration: {words}", "mend what it names, then start again")


def _nacks(running: Up) -> list[str]:
    return [node.nack for node in running.gateway.nodes() if node.nack]


async def _look_around(running: Up) -> None:
    """After a takeover: probe everything once before deciding, so that nothing looks missing that is only unknown."""
    control = running.control
    split_versions = {control.controller.rollout.serving, control.controller.rollout.candidate}
    for version in control.service.versions:
        if version.external and version.name in split_versions | {control.controller.rollout.stable}:
            await running.drivers.run(version)
    limit = control.clock.now() + SETTLE_S
    while control.clock.now() < limit:
        unknown = [each for each in running.drivers.instances() if each.state == "starting"]
        connected = all(node.connected for node in running.gateway.nodes())
        if not unknown and connected:
            return
        await control.clock.sleep(0.02)


async def _keep_minutes(running: Up) -> None:
    """Write what was counted to the store once a minute."""
    while True:
        now = running.control.clock.now()
        await running.control.clock.sleep(60 - now % 60)
        await _store_minute(running, int(now // 60))
        try:
            running.gateway.processes.rotate_log()
        except OSError as error:
            log.warning("Envoy's log cannot be rotated: %s", error)


async def _store_minute(running: Up, minute: int) -> None:
    counts = running.gateway.counts.take_minute()
    try:
        await running.store.add_counts(running.control.service.name, minute, counts)
    except StoreError as error:
        log.warning("the counts of a minute could not be stored: %s", error)


async def _serve(running: Up, say: Say, stop: asyncio.Event, reload: asyncio.Event) -> None:
    """Until told to stop; a part that fails ends everything, loudly."""
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            reloading = asyncio.create_task(reload.wait())
            await asyncio.wait({stopping, reloading, *running.tasks}, return_when=asyncio.FIRST_COMPLETED)
            reloading.cancel()
            for task in running.tasks:
                if task.done():
                    task.result()
            if reload.is_set():
                reload.clear()
                await reload_spec(running, say)
    finally:
        stopping.cancel()


async def reload_spec(running: Up, say: Say) -> None:
    """Take over a changed spec, or say why not and keep the old one."""
    control, controller = running.control, running.control.controller
    try:
        spec = load_spec(running.spec_file)
        _require_files(spec)
        service = spec.service()
        require_same(control.service, service, controller.rollout)
        require_versions(service, controller.rollout)
        candidate = controller.rollout.candidate
        if candidate is not None and service.version(candidate) is not None:
            policy = spec.policy(candidate)
            await controller.replace_policy(policy, "the spec changed; what is not yet done follows it")
    except AbreastError as error:
        controller.note(EventKind.SPEC, f"the changed spec is refused: {error.message}")
        say(str(error))
        return
    control.service = running.observer.service = running.actor.service = service
    control.policy = spec.policy
    control.require = lambda name: _require(service, name)
    running.gateway.processes.settings = service.gateway
    controller.note(EventKind.SPEC, "the spec was read again")
    if running.gateway.processes.outdated:
        say("Envoy's own settings changed: hot restart")
        await running.gateway.processes.restart()


async def _end(running: Up) -> None:
    """Stop deciding, drain and stop the gateway, then stop the versions."""
    for task in running.tasks:
        if task.get_name() != "api":
            task.cancel()
    await asyncio.gather(*(task for task in running.tasks if task.get_name() != "api"), return_exceptions=True)
    await _store_minute(running, int(running.control.clock.now() // 60))
    await running.gateway.close(stop=True)
    await running.drivers.close(stop=True)
    for task in running.tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _require_files(spec: Spec) -> None:
    faults = tuple(missing_files(spec))
    if faults:
        raise SpecError(faults)


def _require(service: Service, name: str) -> None:
    version = service.version(name)
    if version is not None and not version.external:
        require_runnable(version, os.environ)


def _raise_limits() -> None:
    """Envoy and the versions inherit our limits; the soft one is often far below what is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _start_logging(state: StateDir) -> None:
    try:
        start_logging(state.logs)
    except OSError as error:
        message = f"the log in {str(state.logs)!r} cannot be opened: {error.strerror}"
        raise StoreError(message, "make the directory writable, or make room on its disk") from error


def _line(event: Event) -> str:
    told = sentence(event.kind, event.reason, event.data)
    return f"{event.kind.value:<11} {told}" + (f"  [{event.actor}]" if event.actor != ACTOR else "")
