"""``abreast server``: one of several control planes on one store; whoever has the lease decides, the others follow.

Each has a gateway of its own, which follows what is on record (`Follower`). A server that gets the lease builds
everything that decides anew from the store (`abreast.app.term`), as `abreast up` does after a restart, over the same
gateway, and throws it away when it loses the lease: nothing that an earlier holding knew is ever acted on.
"""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

from abreast.api.server import ApiServer
from abreast.app.fleet import TOUCH_S, FleetGateway, Muster, OwnGateway
from abreast.app.fleet_spec import read_spec
from abreast.app.ground import lay_ground
from abreast.app.parts import Say, Up, control_of, load_rollout
from abreast.app.reload import reload_spec
from abreast.app.term import Place, hold
from abreast.app.up import keep_minutes, prepare_process, store_minute, unless
from abreast.clock import SystemClock
from abreast.controller.act import Actor
from abreast.controller.follow import Follower, OnRecord
from abreast.controller.observe import Observer
from abreast.model.errors import AbreastError, DriverError, GatewayError, StoreError
from abreast.model.event import EventKind
from abreast.model.rollout import Rollout
from abreast.model.spec import Spec
from abreast.operations.control import Control
from abreast.operations.flags import FlagDesk
from abreast.operations.orders import Forwarding
from abreast.operations.recorded_findings import RecordedFindings
from abreast.ports import Clock
from abreast.process.listening import require_listenable
from abreast.rollout.replan import require_same, require_versions
from abreast.state_dir import StateDir
from abreast.store.evidence import SqlEvidence
from abreast.store.findings import SqlFindings
from abreast.store.flags import SqlFlags
from abreast.store.fleet import SqlFleet
from abreast.store.lease import LOOK_S, RENEW_S, DatabaseLease
from abreast.store.postgresql import Address, open_server
from abreast.store.postgresql import Server as Database

log: Final = logging.getLogger(__name__)

WATCH_S: Final = 0.1
"""How often it is looked whether something has come true that is waited for."""

YIELD_S: Final = 5.0
"""For so long a server that could not begin to decide leaves the lease to the others."""

_SLICES: Final = 5
"""How often between two looks at the store it is looked whether the own gateway obeys: that costs nothing."""

OBEY_S: Final = 20.0
"""How long Envoy may take until it has its first snapshot."""


@dataclass
class Seat:
    """One running server. ``control`` is what people see: ``following``'s parts, or those of a holding."""

    place: Place
    spec: Spec
    follower: Follower
    following: Control
    control: Control
    say: Say
    term: Up | None = None
    yields_until: float = 0.0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def assume(self, term: Up) -> None:
        """From now on this decides."""
        self.term = term
        _swap(self.control, term.control)

    def follow(self) -> None:
        """From now on another decides, or none."""
        if self.term is not None:
            controller = self.term.controller
            self.follower.rollout = controller.rollout
            if controller.unrecorded:
                self.place.promise.make(controller.unrecorded)
                self.follower.keep_to(controller.rollout)
        self.term = None
        self.place.ground.cycles[:] = [self.follower]
        _swap(self.control, self.following)


def _swap(control: Control, parts: Control) -> None:
    """Whoever holds ``control`` sees the other parts from now on."""
    for each in fields(Control):
        setattr(control, each.name, getattr(parts, each.name))


async def run_server(
    spec_file: Path, store: str, name: str, say: Say, stop: asyncio.Event, reload: asyncio.Event
) -> None:
    """Run gateway and control plane until ``stop``; ``store`` is the database's address, ``name`` this server's.

    Raises AbreastError when something stands in the way; everything started is ended then.
    """
    async with AsyncExitStack() as stack:
        seat = await unless(stop, stack.enter_async_context(serving(spec_file, store, name, say)))
        if seat is None:
            say("stopped before the service was up")
            return
        await _serve(seat, stop, reload)
        say("stopping: the lease is given up, then the gateway drains")


@asynccontextmanager
async def serving(spec_file: Path, store: str, name: str, say: Say) -> AsyncIterator[Seat]:
    """Everything started and serving; ended in the opposite order on leaving."""
    address = Address.of(store, os.environ)
    spec = read_spec(spec_file)
    state = StateDir.beside(spec_file.parent)
    state.make()
    async with AsyncExitStack() as stack:
        stack.callback(os.close, state.lock())
        prepare_process(state)
        database = await open_server(address)
        stack.push_async_callback(database.close)
        say(f"the store is {database.name}")
        seat = await _seat(spec, spec_file, state, database, name, say)
        stack.push_async_callback(_end, seat)
        api = ApiServer(seat.control, state.api, spec.api)
        await api.listen()
        seat.tasks.append(asyncio.create_task(api.serve(), name="api"))
        stack.callback(api.stop)
        for work in (_hold_lease(seat), _keep_in_touch(seat), _decide_or_follow(seat), _keep_promises(seat)):
            seat.tasks.append(asyncio.create_task(work, name="server"))
        seat.tasks.append(asyncio.create_task(keep_minutes(seat.control, seat.place.ground.gateway), name="minutes"))
        await _start_gateway(seat)
        say(f"API: {api.url}")
        yield seat


async def _seat(spec: Spec, spec_file: Path, state: StateDir, database: Database, name: str, say: Say) -> Seat:
    """A follower with its API, built and not started. Raises AbreastError."""
    clock, service, store = SystemClock(), spec.service(), database.store
    lease = DatabaseLease(database.lease, service.name, f"{name}#{secrets.token_hex(6)}")
    rollout = await _on_record(spec, database, lease)
    require_versions(service, rollout)
    fleet = SqlFleet(store, service.name)
    ground = lay_ground(service, state, spec.api, clock)
    muster = Muster(name, fleet, lease, OwnGateway(name, ground.gateway), clock)
    on_record, counts = OnRecord(SqlEvidence(store)), ground.gateway.counts
    secret = await store.secret("tester", secrets.token_urlsafe(18))
    forwarding = Forwarding(fleet, clock)
    follower = Follower(
        rollout,
        observer=Observer(
            service, ground.drivers, FleetGateway(muster), counts, clock, on_record, on_record, on_record
        ),
        on_record=on_record,
        actor=Actor(service, ground.drivers, ground.gateway, secret),
        store=store,
        clock=clock,
        place=forwarding.command,
    )
    ground.cycles.append(follower)
    await ground.start(service, rollout)
    flags = FlagDesk(service.name, SqlFlags(store), clock, forwarding.switch)
    await flags.follow(spec.flags)
    following = control_of(ground, spec, store, follower, flags, secret)
    following.findings = RecordedFindings(service.name, SqlFindings(store), clock, lambda: muster.decides)
    following.fleet = muster
    control = replace(following)
    place = Place(spec_file, state, store, lease, ground, muster, fleet)
    return Seat(place, spec, follower, following, control, say)


async def _on_record(spec: Spec, database: Database, lease: DatabaseLease) -> Rollout:
    """The newest rollout; the first one is made by whichever server gets the lease. Raises StoreError, UsageError."""
    clock, service = SystemClock(), spec.service()
    while True:
        stored = await database.store.load(service.name)
        if stored is not None:
            return stored
        if await lease.keep():
            return await load_rollout(database.store.fenced(lease.fence()), spec, service, clock.now())
        await clock.sleep(LOOK_S)


async def _start_gateway(seat: Seat) -> None:
    """Envoy listens once somebody can answer. Raises DriverError, GatewayError, PortInUseError."""
    ground, service, control = seat.place.ground, seat.spec.service(), seat.control
    adopted = await ground.gateway.start()
    if adopted:
        seat.say(f"taking over: the gateway of an earlier run still serves on {service.gateway.listen}")
    else:
        require_listenable(service.gateway.listen)
    version = service.version(control.controller.rollout.serving)
    if version is None:
        raise LookupError(control.controller.rollout.serving)
    seat.say(f"waiting for {version.name}: {version.ready}")
    if not await _until(
        control.clock, lambda: control.controller.observe().ready(version.name) > 0, version.start_timeout_s
    ):
        reasons = "; ".join(f"{each.id}: {each.detail}" for each in control.controller.observe().instances)
        message = f"{version.name} has no ready instance after {version.start_timeout_s:g} s: {reasons}"
        raise DriverError(message, "see that it runs, and that its endpoints are reached from here")
    if not adopted:
        ground.gateway.launch()
        envoy = ground.gateway.processes.current
        if envoy is not None:
            await ground.gateway.processes.wait_live(envoy)
    elif ground.gateway.processes.outdated:
        seat.say("Envoy or its settings changed: hot restart")
        await ground.gateway.processes.restart()
    await _until(control.clock, lambda: ground.gateway.settled() or any(_nacks(seat)), OBEY_S)
    for words in _nacks(seat):
        raise GatewayError(f"Envoy refuses its configuration: {words}", "mend what it names, then start again")
    scheme = "https" if service.gateway.tls else "http"
    seat.say(f"{service.name} is up: {scheme}://{service.gateway.listen} → {control.controller.rollout.serving}")


def _nacks(seat: Seat) -> list[str]:
    return [node.nack for node in seat.place.ground.gateway.nodes() if node.nack]


async def _until(clock: Clock, true: Callable[[], bool], timeout_s: float) -> bool:
    """Whether that came true in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while not true():
                await clock.sleep(WATCH_S)
    return true()


async def _hold_lease(seat: Seat) -> None:
    """Renew the lease, or try to take it; a store that fails is said once."""
    lease, clock, trouble = seat.place.lease, seat.control.clock, ""
    while True:
        well = True
        try:
            if lease.held or clock.now() >= seat.yields_until:
                await lease.keep()
            trouble = ""
        except StoreError as error:
            well = False
            if error.message != trouble:
                log.warning("the lease cannot be renewed or taken: %s", error)
            trouble = error.message
        await clock.sleep(RENEW_S if well and lease.held else LOOK_S)


async def _decide_or_follow(seat: Seat) -> None:
    """Follow until the lease is held, decide until it is lost, and again."""
    lease, clock = seat.place.lease, seat.control.clock
    while True:
        following = asyncio.create_task(seat.follower.run(), name="follower")
        try:
            while not lease.held:
                if following.done():
                    following.result()
                await clock.sleep(WATCH_S)
        finally:
            following.cancel()
            await asyncio.wait({following})
        try:
            await hold(seat.place, seat.spec, seat.say, seat.assume)
        except StoreError as error:
            log.warning("this server cannot decide: %s", error)
        except AbreastError as error:
            seat.say(f"this server cannot decide: {error}")
            seat.yields_until = clock.now() + YIELD_S
            with contextlib.suppress(StoreError):
                await lease.give_up()
        finally:
            seat.follow()
        seat.say("this server follows now")


async def _keep_in_touch(seat: Seat) -> None:
    """Report this server, read who else is there, and follow what others switched."""
    flags, findings = seat.following.flags, seat.following.findings
    while True:
        if await seat.place.muster.touch(seat.control.controller.rollout):
            seat.control.controller.wake()  # an order may be waiting for just that
        if seat.term is None:
            try:
                await flags.follow()
                if isinstance(findings, RecordedFindings):
                    await findings.refresh()
            except StoreError as error:
                log.debug("what others switched cannot be read: %s", error)
        for _ in range(_SLICES):
            await seat.control.clock.sleep(TOUCH_S / _SLICES)
            if seat.place.muster.changed(seat.control.controller.rollout):
                break


async def _keep_promises(seat: Seat) -> None:
    """While another decides, order of it what this server's gateway was told and could not be recorded."""
    while True:
        if seat.term is None and await seat.place.promise.keep(seat.follower.submit):
            seat.follower.release()
        await seat.control.clock.sleep(LOOK_S)


async def _serve(seat: Seat, stop: asyncio.Event, reload: asyncio.Event) -> None:
    """Until told to stop; a part that fails ends everything, loudly."""
    stopping = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            reloading = asyncio.create_task(reload.wait())
            await asyncio.wait({stopping, reloading, *seat.tasks}, return_when=asyncio.FIRST_COMPLETED)
            reloading.cancel()
            for task in seat.tasks:
                if task.done():
                    task.result()
            if reload.is_set():
                reload.clear()
                await reload_seat(seat)
    finally:
        stopping.cancel()


async def reload_seat(seat: Seat) -> None:
    """Take over a changed spec, or say why not and keep the old one; each server is told by itself."""
    rollout = seat.control.controller.rollout
    try:
        spec = read_spec(seat.place.spec_file)
        service = spec.service()
        require_same(seat.control.service, service, rollout)
        require_versions(service, rollout)
        await seat.following.flags.follow(spec.flags)
    except AbreastError as error:
        seat.control.controller.note(EventKind.SPEC, f"the changed spec is refused: {error.message}")
        seat.say(str(error))
        return
    seat.spec, seat.following.service, seat.following.policy = spec, service, spec.policy
    seat.follower.adopt(service)
    if seat.term is not None:
        await reload_spec(seat.term, seat.say)
        _swap(seat.control, seat.term.control)
        return
    _swap(seat.control, seat.following)
    processes = seat.place.ground.gateway.processes
    processes.settings = service.gateway
    if processes.outdated:
        seat.say("Envoy's own settings changed: hot restart")
        await processes.restart()


async def _end(seat: Seat) -> None:
    """Decide no more, leave the fleet so that others need not wait, then drain and stop the gateway."""
    tasks = [task for task in seat.tasks if task.get_name() != "api"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    place, control = seat.place, seat.following
    try:
        await place.muster.leave()
        await place.lease.give_up()
    except StoreError as error:
        log.warning("the fleet cannot be told that this server ends: %s", error)
    await store_minute(control, place.ground.gateway, int(control.clock.now() // 60))
    await place.ground.gateway.close(stop=True)
    await place.ground.drivers.close(stop=True)
    for task in seat.tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
