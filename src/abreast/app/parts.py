"""What `abreast up` is made of, put together; nothing is started here but what the building itself needs."""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from abreast.alerts.notify import Notifier
from abreast.app.door import Door
from abreast.app.etcd_spec import EtcdSpec
from abreast.app.foreground import Say
from abreast.app.front import Front
from abreast.app.ground import Ground, Note, lay_ground, require
from abreast.checks.checker import Checker
from abreast.checks.members import Members, Place
from abreast.clock import SystemClock
from abreast.controller.act import Actor
from abreast.controller.jury import Jury
from abreast.controller.loop import Controller
from abreast.controller.observe import Observer
from abreast.drivers.combined import Drivers
from abreast.findings.ledger import GatewayTotals
from abreast.model.api_settings import ApiSettings
from abreast.model.checks import public_address
from abreast.model.errors import SpecError
from abreast.model.event import Event, EventKind, sentence
from abreast.model.group import GroupSettings, MemberAddress
from abreast.model.rollout import Rollout
from abreast.model.service import Service
from abreast.model.spec import Spec
from abreast.model.traffic import Shadowing
from abreast.nodes.counts import NodeCounts
from abreast.operations.control import Control, Cycle, UserCounts
from abreast.operations.data_keeper import Keeper
from abreast.operations.flags import FlagDesk
from abreast.ports import Clock, Lease
from abreast.postgres.hand import Hand
from abreast.process.identity import home_id
from abreast.rollout.decide import first
from abreast.rollout.replan import replan, require_versions
from abreast.rollout.turn import ACTOR, split_of
from abreast.rollout.watch import Watch
from abreast.shadow.collector import Collector, Keys, Present, Relays, Surroundings
from abreast.shadow.crew import Crew
from abreast.shadow.roster import Nearest, Roster
from abreast.spec_source import missing_files
from abreast.state_dir import StateDir
from abreast.store.evidence import SqlEvidence
from abreast.store.findings import SqlFindings
from abreast.store.flags import SqlFlags
from abreast.store.sql import SqlStore
from abreast.store.tokens import SqlTokens

_LINK: Final = "abreast finding {finding}"
"""Where an alert sends people."""

_HEARD: Final = 10_000
"""Events of an earlier control plane that alerts are told of: among them is who rolled back last."""


@dataclass(frozen=True)
class Office:
    """What a server brings along that decides for a while: its ground, its lease, and what all gateways counted.

    ``hand`` is its right to the service's database, if it has one; ``members`` asks the others of the release group.
    ``door`` leads to relays elsewhere; ``own_gateway``: there is an Envoy here, for a relay of this machine.
    """

    ground: Ground
    lease: Lease
    counts: NodeCounts
    hand: Hand
    members: Members
    door: Door | None = None
    own_gateway: bool = True


@dataclass
class Up:
    """A running control plane: what `run_up` built, for itself and for tests. ``config``: the spec's key in etcd."""

    control: Control
    controller: Controller
    gateway: Front
    drivers: Drivers
    store: SqlStore
    observer: Observer
    actor: Actor
    collector: Collector
    alerts: Notifier
    jury: Jury
    evidence: SqlEvidence
    checker: Checker
    keeper: Keeper | None
    members: Members
    spec_file: Path
    api: ApiSettings
    config: EtcdSpec | None = None
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def build(
    spec: Spec,
    spec_file: Path,
    service: Service,
    state: StateDir,
    store: SqlStore,
    say: Say,
    office: Office | None = None,
) -> Up:
    """Every part, wired to the others. Raises AbreastError, OSError.

    Without an ``office`` it is a control plane that has its store to itself, on a ground of its own.
    """
    clock, api = SystemClock(), spec.api
    rollout = await load_rollout(store, spec, service, clock.now())
    await SqlTokens(store).record_pending(service.name)
    secret = await store.secret("tester", secrets.token_urlsafe(18))
    controllers: list[Controller] = []

    ground = office.ground if office else lay_ground(service, state, api, clock)
    gateway, drivers, wake, note = ground.gateway, ground.drivers, ground.wake, ground.note

    def heard(event: Event) -> None:
        say(line(event))
        alerts.hear(event)
        checker.post(controllers[0].rollout, event)

    keeper = _keeper(spec, clock, ground, office)
    members = office.members if office else Members(places(spec.group), clock, wake)
    actor = Actor(service, drivers, ground.publisher, secret, keeper)
    alerts = await _alerts(service, state, store)
    around, crew = _surroundings(ground, office, actor, controllers), _relays(office, state, clock, note)
    keys, findings = await _keys(store, state), SqlFindings(store)
    collector = Collector(
        service=service.name, around=around, crew=crew, store=findings, alerts=alerts, keys=keys, clock=clock
    )
    evidence, counts = SqlEvidence(store), office.counts if office else gateway.counts
    jury = await _jury(counts, rollout, evidence, clock)
    checker = Checker(clock, lambda reason: note(EventKind.CHECK, reason), wake)
    observer = Observer(service, drivers, gateway, counts, clock, collector, jury, checker, keeper, members)
    controller = Controller(
        rollout,
        observer=observer,
        actor=actor,
        store=store,
        clock=clock,
        on_event=heard,
        lease=office.lease if office else None,
    )
    controllers.append(controller)
    ground.cycles[:] = [controller]
    if office is None:
        await ground.start(service, rollout)

    flags = await _flags(store, spec, rollout, clock)
    control = control_of(ground, spec, store, controller, flags, secret, counts)
    control.findings, control.alerts, control.members = collector, alerts, members
    rest = (observer, actor, collector, alerts, jury, evidence, checker, keeper, members, spec_file, api)
    return Up(control, controller, gateway, drivers, store, *rest)


def control_of(
    ground: Ground, spec: Spec, store: SqlStore, cycle: Cycle, flags: FlagDesk, secret: str, counts: UserCounts
) -> Control:
    """What operations work on, over that ground; nothing is compared and nobody told until that is added."""
    service, gateway = spec.service(), ground.gateway
    return Control(
        service=service,
        controller=cycle,
        store=store,
        tokens=SqlTokens(store),
        counts=counts,
        clock=SystemClock(),
        policy=spec.policy,
        require=lambda name: require(service, name),
        restart_gateway=gateway.restart,
        gateway_metrics=gateway.own_metrics,
        tester_secret=secret,
        settled=gateway.settled,
        flags=flags,
        registries=ground.registries.states,
    )


async def _flags(store: SqlStore, spec: Spec, rollout: Rollout, clock: Clock) -> FlagDesk:
    """The spec's flags, as they were switched before. Raises StoreError."""
    flags = FlagDesk(rollout.service, SqlFlags(store), clock)
    await flags.adopt(spec.flags, rollout.number)
    return flags


def _keeper(spec: Spec, clock: Clock, ground: Ground, office: Office | None) -> Keeper | None:
    """The hand in the database; None where the spec names none."""
    if spec.data is None:
        return None
    hand = office.hand if office else None
    return Keeper(spec, clock, lambda reason: ground.note(EventKind.DATA, reason), ground.wake, hand)


def places(group: GroupSettings | None) -> Mapping[str, Place] | None:
    """Where the other members of the group answer; None without a group."""
    return None if group is None else {name: _place(address) for name, address in group.members.items()}


def _place(address: MemberAddress) -> Place:
    if address.url:
        return Place(public_address(address.url), address.url.rstrip("/"), address.token)
    path = Path(address.path)
    socket = path if path.suffix == ".sock" else StateDir.beside(path).api
    return Place(os.path.normpath(path), "http://abreast", socket=str(socket))


async def _alerts(service: Service, state: StateDir, store: SqlStore) -> Notifier:
    """They know what an earlier control plane had told. Raises StoreError."""
    alerts = Notifier(service.alerts, _LINK, service=service.name, file=state.path / "alerts.json")
    for _, event in await store.events(service.name, limit=_HEARD) if service.alerts else ():
        alerts.hear(event)
    return alerts


async def _jury(counts: UserCounts, rollout: Rollout, evidence: SqlEvidence, clock: Clock) -> Jury:
    """It goes on with the evidence that is on record. Raises StoreError, StoreCorruptError.

    Where all gateways' seconds are known, it also weighs those that whoever decided before had not recorded.
    """
    state = await evidence.load_evidence(rollout.service, rollout.number)
    since = clock.now()
    if isinstance(counts, NodeCounts):
        last = await evidence.last_tick(rollout.service, rollout.number)
        since = since if last is None else last
        counts.rejoin(since)
    return Jury(counts, Watch.restored(rollout, state), since=since)


def _crew(state: StateDir, clock: Clock, note: Note) -> Crew:
    return Crew(home_id(state.path), state.run, state.logs, clock, lambda reason: note(EventKind.RELAY, reason))


def _relays(office: Office | None, state: StateDir, clock: Clock, note: Note) -> Relays:
    """Who compares: for a server relays elsewhere, if there are any."""
    if office is None or office.door is None:
        return _crew(state, clock, note)
    elsewhere = Roster(office.door.connected, clock, alone=not office.own_gateway)
    return Nearest(_crew(state, clock, note), elsewhere) if office.own_gateway else elsewhere


def _surroundings(
    ground: Ground, office: Office | None, actor: Actor, controllers: Sequence[Controller]
) -> Surroundings:
    """What the collector hears from and tells; the one controller is there by the time it is asked."""
    counts = ground.gateway.counts
    around = Surroundings(
        present=lambda: _present(controllers[0], actor),
        captures=counts.take_captures,
        note=ground.note,
        on_news=ground.wake,
        record=lambda wish: _record(controllers[0], actor, wish),
        captured_at=lambda: counts.captures_at,
        resume=counts.resume_captures,
    )
    if office is None:
        return around
    # Of several gateways: what was told before this server decided is not counted (`NodeCounts.rejoin`).
    return replace(around, captures=office.counts.take_captures, captured_at=GatewayTotals, resume=lambda _: None)


async def load_rollout(store: SqlStore, spec: Spec, service: Service, now: float) -> Rollout:
    """The stored rollout with the present spec's policy, or the first of this service."""
    stored = await store.load(service.name)
    if stored is None:
        rollout, event = first(service.name, service.stable, spec.policy(service.stable), now)
        return await store.save(rollout, [event])
    require_versions(service, stored)
    if stored.candidate is None or service.version(stored.candidate) is None:
        return stored
    return replan(stored, spec.policy(stored.candidate))


def _present(controller: Controller, actor: Actor) -> Present:
    rollout = controller.rollout
    return Present(rollout, actor.traffic(split_of(rollout)))


def _record(controller: Controller, actor: Actor, wish: Shadowing | None) -> None:
    if actor.recording != wish:
        actor.recording = wish
        controller.wake()


async def _keys(store: SqlStore, state: StateDir) -> Keys:
    """The secrets of shadowing; the signing key also in a file, for services that check what they are sent."""
    keys = Keys(
        signing=await store.secret("shadow", secrets.token_urlsafe(32)),
        salt=await store.secret("redaction", secrets.token_urlsafe(32)),
    )
    state.keep_shadow_key(keys.signing)
    return keys


def require_files(spec: Spec) -> None:
    """Raise SpecError if a file that the spec names is not there."""
    faults = tuple(missing_files(spec))
    if faults:
        raise SpecError(faults)


def line(event: Event) -> str:
    """The event as ``abreast up`` prints it."""
    told = sentence(event.kind, event.reason, event.data)
    return f"{event.kind.value:<11} {told}" + (f"  [{event.actor}]" if event.actor != ACTOR else "")
