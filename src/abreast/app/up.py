"""``abreast up`` from its start to its end."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from abreast.api.server import ApiServer
from abreast.app import etcd_spec
from abreast.app.etcd_spec import EtcdSpec
from abreast.app.foreground import Say, prepare_process, unless
from abreast.app.front import Front, keep_log
from abreast.app.parts import Up, build, require_files
from abreast.app.reload import reload_spec
from abreast.model.errors import (
    DriverError,
    StoreError,
)
from abreast.model.event import EventKind
from abreast.model.service import Service
from abreast.operations.control import Control
from abreast.spec_source import load_spec
from abreast.state_dir import StateDir
from abreast.store.sqlite import open_store

log: Final = logging.getLogger(__name__)

Started = TypeVar("Started")

EVIDENCE_S: Final = 1.0
"""How often evidence is recorded: no more than that is lost when the control plane is killed."""

ALERTS_S: Final = 1.0
"""How often it is looked for what people should be told of."""

SETTLE_S: Final = 3.0
"""How long a control plane that took over looks around before it tells the gateways anything new."""


async def run_up(spec_file: Path, say: Say, stop: asyncio.Event, reload: asyncio.Event, config: str = "") -> None:
    """Run gateway, control plane and versions until ``stop``; ``reload`` reads the spec again.

    ``config`` is the URL of a key in etcd that the spec is read from; ``spec_file`` then says only where state lies.
    Raises AbreastError when something stands in the way; everything started is ended then.
    """
    async with AsyncExitStack() as stack:
        running = await unless(stop, stack.enter_async_context(up(spec_file, say, config, stop)))
        if running is None:
            say("stopped before the service was up")
            return
        await _serve(running, say, stop, reload)
        say("stopping: the gateway drains, then the versions end")


@asynccontextmanager
async def up(spec_file: Path, say: Say, config: str = "", stop: asyncio.Event | None = None) -> AsyncIterator[Up]:
    """Everything started and serving; ended in the opposite order on leaving. The API may set ``stop``."""
    state = StateDir.beside(spec_file.parent)
    async with AsyncExitStack() as stack:
        etcd = EtcdSpec.of(config, state.path.parent, state.spec) if config else None
        if etcd is not None:
            stack.push_async_callback(etcd.close)
        spec = await etcd.first() if etcd else load_spec(spec_file)
        require_files(spec)
        service = spec.service()
        state.make()
        stack.callback(os.close, state.lock())
        prepare_process(state)
        store = await open_store(state.store)
        stack.push_async_callback(store.close)
        running = await build(spec, spec_file, service, state, store, say)
        stack.push_async_callback(_end, running)
        _take_config(running, etcd)
        if stop is not None:
            running.control.end = partial(_told_to_end, stop, say)
        api = ApiServer(running.control, state.api, spec.api)
        await api.listen()
        running.tasks.append(asyncio.create_task(api.serve(), name="api"))
        stack.callback(api.stop)
        await _start(running, service, say)
        say(f"API: {api.url}")
        link = api.make_link()
        if link:
            say(f"sign a browser in, once and within the hour: {link}")
        yield running


def _told_to_end(stop: asyncio.Event, say: Say, actor: str) -> None:
    say(f"told to end by {actor}")
    stop.set()


def _take_config(running: Up, etcd: EtcdSpec | None) -> None:
    """The spec stands in etcd; what was the matter with it at the start is an event."""
    running.config = etcd
    if etcd is not None:
        running.control.spec_trouble = etcd.trouble
        etcd.accepted()
        for sentence in etcd.said:
            running.control.controller.note(EventKind.SPEC, sentence, etcd_spec.ACTOR)


async def _start(running: Up, service: Service, say: Say) -> None:
    """Versions first, then Envoy: it listens only once somebody can answer."""
    control, gateway = running.control, running.gateway
    rollout = control.controller.rollout
    running.tasks.append(asyncio.create_task(running.members.run(), name="members"))
    await running.collector.start()
    adopted = await gateway.start()
    if adopted:
        say(f"taking over: {gateway.serving(service.gateway)}")
        await _look_around(running)
    else:
        gateway.require_free(service.gateway)
    running.tasks.append(asyncio.create_task(running.controller.run(), name="controller"))
    running.tasks.append(asyncio.create_task(_keep_minutes(control, gateway), name="minutes"))
    running.tasks.append(asyncio.create_task(keep_log(control.clock, gateway), name="log"))
    running.tasks.append(asyncio.create_task(keep_evidence(running), name="evidence"))
    running.tasks.append(asyncio.create_task(running.collector.run(), name="collector"))
    if running.keeper is not None:
        running.tasks.append(asyncio.create_task(running.keeper.run(), name="data"))
    version = service.version(rollout.serving)
    if version is None:
        raise LookupError(rollout.serving)
    ready = version.ready if version.workload is None else "a ready pod"
    say(f"waiting for {version.name}: {version.wanted} × {ready}")
    await _ready(running, version.name, version.start_timeout_s)
    if not adopted:
        await gateway.open()
    elif gateway.outdated:
        say("Envoy or its settings changed: hot restart")
        await gateway.restart()
    await _obeyed(running)
    running.tasks.append(asyncio.create_task(keep_alerts(running), name="alerts"))
    say(f"{service.name} is up: {gateway.address(service.gateway)} → {rollout.serving}")


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
    asked = [each for each in running.control.registries() if each.version == name]
    reasons += [f"{each.registry}: {each.failure or each.detail}" for each in asked if each.failure or each.detail]
    message = observed.hopeless.get(name) or f"{name} has no ready instance after {timeout_s:g} s: {'; '.join(reasons)}"
    raise DriverError(
        message, f"mend it in the spec; the instance's own words are in {running.spec_file.parent}/.abreast/logs"
    )


async def _obeyed(running: Up) -> None:
    """Wait until the gateway has its first snapshot. Raises PortInUseError or GatewayError with its words."""
    controller = running.control.controller
    await controller.until(lambda: running.gateway.settled() or any(_nacks(running)), 20.0)
    for words in _nacks(running):
        raise running.gateway.refusal(words)


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


async def _keep_minutes(control: Control, gateway: Front) -> None:
    """Write what was counted to the store once a minute."""
    while True:
        now = control.clock.now()
        await control.clock.sleep(60 - now % 60)
        await _store_minute(control, gateway, int(now // 60))


async def keep_alerts(running: Up) -> None:
    """Tell people what is the matter, from when the service is up."""
    while True:
        _look(running)
        await running.control.clock.sleep(ALERTS_S)


def _look(running: Up) -> None:
    controller = running.control.controller
    running.alerts.look(
        controller.rollout,
        controller.observe(),
        store_error=str(controller.store_error or ""),
        relay_losses=running.collector.relay_losses,
    )


async def keep_evidence(running: Up) -> None:
    """Record each second of a rollout soon after it was counted, with the evidence that it led to."""
    failed = False
    while True:
        await running.control.clock.sleep(EVIDENCE_S)
        failed = await store_evidence(running, failed=failed)


async def store_evidence(running: Up, *, failed: bool = False) -> bool:
    """Record what is not recorded yet. Whether it could not be stored; said once."""
    unsaved = running.jury.unsaved()
    if unsaved is None:
        return failed
    try:
        name = running.control.service.name
        await running.evidence.save_ticks(name, unsaved.rollout, unsaved.ticks, unsaved.state)
    except StoreError as error:
        if not failed:
            log.warning("evidence could not be stored: %s", error)
        return True
    running.jury.saved(unsaved)
    return False


async def _store_minute(control: Control, gateway: Front, minute: int) -> None:
    """Add what was counted since the last time to the minute's counts."""
    counts = gateway.counts.take_minute()
    try:
        await control.store.add_counts(control.service.name, minute, counts)
    except StoreError as error:
        log.warning("the counts of a minute could not be stored: %s", error)


async def _serve(running: Up, say: Say, stop: asyncio.Event, reload: asyncio.Event) -> None:
    """Until told to stop; a part that fails ends everything, loudly."""
    stopping = asyncio.create_task(stop.wait())
    if running.config is not None:
        running.tasks.append(asyncio.create_task(_watch_config(running, running.config, reload), name="config"))
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


async def _watch_config(running: Up, etcd: EtcdSpec, reload: asyncio.Event) -> None:
    def note(sentence: str) -> None:
        running.control.controller.note(EventKind.SPEC, sentence, etcd_spec.ACTOR)

    random = Random()  # noqa: S311  # only so that not all who wait ask at the same moment
    await etcd.watch(running.control.clock, random, reload.set, note)


async def _end(running: Up) -> None:
    """Stop deciding, drain and stop the gateway, then stop the versions."""
    for task in running.tasks:
        if task.get_name() != "api":
            task.cancel()
    await asyncio.gather(*(task for task in running.tasks if task.get_name() != "api"), return_exceptions=True)
    await _store_minute(running.control, running.gateway, int(running.control.clock.now() // 60))
    await store_evidence(running)
    await running.checker.close()
    await running.gateway.close(stop=True)
    await running.collector.close(stop=True)
    await asyncio.to_thread(running.alerts.close)
    await running.drivers.close(stop=True)
    for task in running.tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
