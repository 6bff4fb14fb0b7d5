"""``abreast server``: one of several control planes on one store; whoever has the lease decides, the others follow.

Each has a gateway of its own, unless it shall have none, which follows what is on record (`Follower`), and tells the
same to the gateways elsewhere that are connected to it (`abreast.app.linking`). A server that gets the lease builds
everything that decides anew from the store (`abreast.app.term`), as `abreast up` does after a restart, over the same
gateway, and throws it away when it loses the lease: nothing that an earlier holding knew is ever acted on.
"""

import asyncio
import contextlib
import logging
import os
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Final

from abreast.api.server import ApiServer
from abreast.app.delivery import Delivery
from abreast.app.ears import Ears
from abreast.app.fleet import FleetGateway, Muster, OwnGateway
from abreast.app.fleet_spec import read_spec
from abreast.app.foreground import Say, prepare_process, unless
from abreast.app.front import keep_log
from abreast.app.ground import lay_ground
from abreast.app.linking import ALONE, Linking, link_of
from abreast.app.parts import Up, control_of, load_rollout, places
from abreast.app.reload import reload_spec
from abreast.app.term import Place, hold
from abreast.app.touch import follow_flags, keep_in_touch
from abreast.checks.members import Members
from abreast.clock import SystemClock
from abreast.controller.act import Actor
from abreast.controller.follow import LOOK_S as FOLLOW_S
from abreast.controller.follow import Follower, OnRecord
from abreast.controller.observe import Observer
from abreast.model.errors import AbreastError, DriverError, StoreError
from abreast.model.event import EventKind
from abreast.model.rollout import Rollout
from abreast.model.spec import Spec
from abreast.operations.control import Control
from abreast.operations.flags import FlagDesk
from abreast.operations.orders import LOOK_S as ANSWERS_S
from abreast.operations.orders import Forwarding
from abreast.operations.recorded_findings import RecordedFindings
from abreast.ports import Clock
from abreast.rollout.replan import require_same, require_versions
from abreast.state_dir import StateDir
from abreast.store.agents import SqlAgents
from abreast.store.data_states import SqlDataStates
from abreast.store.evidence import SqlEvidence
from abreast.store.findings import SqlFindings
from abreast.store.flags import SqlFlags
from abreast.store.fleet import SqlFleet
from abreast.store.lease import LOOK_S, RENEW_S, DatabaseLease
from abreast.store.listening import Listener
from abreast.store.postgresql import Address, open_server
from abreast.store.postgresql import Server as Database

log: Final = logging.getLogger(__name__)

WATCH_S: Final = 0.1
"""How often it is looked whether something has come true that is waited for."""

YIELD_S: Final = 5.0
"""For so long a server that could not begin to decide leaves the lease to the others."""

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
    spec_file: Path,
    store: str,
    name: str,
    say: Say,
    stop: asyncio.Event,
    reload: asyncio.Event,
    linking: Linking = ALONE,
) -> None:
    """Run gateway and control plane until ``stop``; ``store`` is the database's address, ``name`` this server's.

    Raises AbreastError when something stands in the way; everything started is ended then.
    """
    async with AsyncExitStack() as stack:
        seat = await unless(stop, stack.enter_async_context(serving(spec_file, store, name, say, linking)))
        if seat is None:
            say("stopped before the service was up")
            return
        await _serve(seat, stop, reload)
        drains = ", then the gateway drains" if linking.own_gateway else ""
        say(f"stopping: the lease is given up{drains}")


@asynccontextmanager
async def serving(spec_file: Path, store: str, name: str, say: Say, linking: Linking = ALONE) -> AsyncIterator[Seat]:
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
        seat = await _seat(spec, spec_file, state, database, name, say, linking)
        stack.push_async_callback(_end, seat)
        api = ApiServer(seat.control, state.api, spec.api)
        await api.listen()
        seat.tasks.append(asyncio.create_task(api.serve(), name="api"))
        stack.callback(api.stop)
        rotating = keep_log(seat.control.clock, seat.place.ground.gateway)
        deciding = (_hold_lease(seat), _decide_or_follow(seat), _keep_promises(seat))
        for work in (*_in_touch(seat, address), *deciding, rotating):
            seat.tasks.append(asyncio.create_task(work, name="server"))
        await _start_gateway(seat)
        await seat.place.link.start(say)
        say(f"API: {api.url}")
        yield seat


async def _seat(
    spec: Spec, spec_file: Path, state: StateDir, database: Database, name: str, say: Say, linking: Linking
) -> Seat:
    """A follower with its API, built and not started. Raises AbreastError."""
    clock, service, store = SystemClock(), spec.service(), database.store
    lease = DatabaseLease(database.lease, service.name, f"{name}#{secrets.token_hex(6)}")
    rollout = await _on_record(spec, database, lease)
    require_versions(service, rollout)
    fleet = SqlFleet(store, service.name)
    ground = lay_ground(service, state, spec.api, clock)
    delivery, ears = Delivery(name, ground.gateway.counts, clock), Ears(clock)
    link = await link_of(name, SqlAgents(store, service.name), store, clock, linking)
    link.tell_beside(ground, delivery, state)
    muster = Muster(delivery, fleet, lease, OwnGateway(name, ground.gateway), clock)
    on_record = OnRecord(SqlEvidence(store), SqlDataStates(store, service.name))
    counts, gateway = delivery.counts, FleetGateway(muster)
    members = Members(places(spec.group), clock, ground.wake)
    secret = await store.secret("tester", secrets.token_urlsafe(18))
    forwarding = Forwarding(fleet, clock, ears.answers, lambda: ears.pause_s(ANSWERS_S))
    follower = Follower(
        rollout,
        observer=Observer(
            *(service, ground.drivers, gateway, counts, clock),
            *(on_record, on_record, on_record, on_record, members),
        ),
        on_record=on_record,
        actor=Actor(service, ground.drivers, ground.publisher, secret),
        store=store,
        clock=clock,
        place=forwarding.command,
        pause_s=lambda: ears.pause_s(FOLLOW_S),
    )
    ears.follow = follower.wake
    follower.copies = link.copies
    ground.cycles.append(follower)
    await ground.start(service, rollout)
    flags = FlagDesk(service.name, SqlFlags(store), clock, forwarding.switch)
    await flags.follow(spec.flags)
    following = control_of(ground, spec, store, follower, flags, secret, counts)
    following.findings = RecordedFindings(service.name, SqlFindings(store), clock, lambda: muster.decides)
    following.fleet, following.joins, following.relays = muster, link.joins, link.relays
    control = replace(following)
    link.controls.append(control)
    place = Place(spec_file, state, store, lease, ground, muster, fleet, ears, link, members)
    return Seat(place, spec, follower, following, control, say)


def _in_touch(seat: Seat, address: Address) -> Sequence[Coroutine[None, None, None]]:
    """What keeps this server in touch with the others."""
    ears, control, flags = seat.place.ears, seat.control, seat.following.flags
    listener = Listener(address, seat.spec.service().name, control.clock, ears.hear)
    ears.listening, ears.weighs = lambda: listener.listening, lambda: seat.term is not None
    return (
        listener.run(),
        keep_in_touch(seat.place.muster, ears, control),
        follow_flags(flags, ears, control, lambda: seat.term is None),
        seat.place.members.run(),
    )


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
    own = seat.place.link.linking.own_gateway
    adopted = own and await ground.gateway.start()
    if adopted:
        seat.say(f"taking over: {ground.gateway.serving(service.gateway)}")
    elif own:
        ground.gateway.require_free(service.gateway)
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
    if not own:
        seat.say(f"{service.name} is up: {version.name} at gateways elsewhere")
        return
    if not adopted:
        await ground.gateway.open()
    elif ground.gateway.outdated:
        seat.say("Envoy or its settings changed: hot restart")
        await ground.gateway.restart()
    await _until(control.clock, lambda: ground.gateway.settled() or any(_nacks(seat)), OBEY_S)
    for words in _nacks(seat):
        raise ground.gateway.refusal(words)
    at = ground.gateway.address(service.gateway)
    seat.say(f"{service.name} is up: {at} → {control.controller.rollout.serving}")


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
    seat.place.members.follow(places(spec.group))
    if seat.term is not None:
        await reload_spec(seat.term, seat.say)
        _swap(seat.control, seat.term.control)
        return
    _swap(seat.control, seat.following)
    gateway = seat.place.ground.gateway
    gateway.adopt(service.gateway)
    if gateway.outdated:
        seat.say("Envoy's own settings changed: hot restart")
        await gateway.restart()


async def _end(seat: Seat) -> None:
    """Decide no more, leave the fleet so that others need not wait, then drain and stop the gateway."""
    tasks = [task for task in seat.tasks if task.get_name() != "api"]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    place = seat.place
    try:
        await place.muster.leave()
        await place.lease.give_up()
    except StoreError as error:
        log.warning("the fleet cannot be told that this server ends: %s", error)
    await seat.place.link.close()
    await place.ground.gateway.close(stop=True)
    await place.ground.drivers.close(stop=True)
    for task in seat.tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
