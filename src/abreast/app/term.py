"""One holding of the lease: everything that decides, built from the store and thrown away at its end."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from abreast.app.ears import Ears
from abreast.app.fleet import FleetGateway, Muster
from abreast.app.foreground import Say
from abreast.app.ground import Ground
from abreast.app.linking import LinkEnd
from abreast.app.parts import Office, Up, build
from abreast.app.up import keep_alerts, keep_evidence
from abreast.checks.members import Members
from abreast.model.errors import AbreastError, LeaseLostError, RefusedError, StoreError
from abreast.model.event import Event, EventKind
from abreast.model.spec import Spec
from abreast.operations.data_keeper import Keeper
from abreast.operations.orders import OrderBook, carry_out
from abreast.ports import Clock
from abreast.postgres.hand import Hand
from abreast.rollout.observed import Command, DataState
from abreast.state_dir import StateDir
from abreast.store.data_states import SqlDataStates
from abreast.store.lease import DatabaseLease
from abreast.store.sql import SqlStore

log: Final = logging.getLogger(__name__)

WATCH_S: Final = 0.1
"""How often it is looked whether the lease is still held: within `abreast.store.lease.MARGIN_S` many times."""

ORDERS_S: Final = 0.1
"""How often other servers' orders are looked for while nothing is heard of them."""

DATA_S: Final = 1.0
"""How often it is looked whether the database says something new."""

FOUND_AGAIN_S: Final = 30.0
"""How late others may know that the rows were looked at again: a quarter of `abreast.rollout.data.STALE_S`."""


class Holding:
    """`abreast.ports.Lease` of one token: another one, even of the same server, is another holding."""

    def __init__(self, lease: DatabaseLease) -> None:
        self._lease = lease
        self.token = lease.token

    @property
    def held(self) -> bool:
        """Whether this very holding goes on."""
        return self._lease.held and self._lease.token == self.token


@dataclass
class Promise:
    """The abort that a gateway was told while the store was away: to be ordered again, until it is on record."""

    command: Command | None = None

    def make(self, unrecorded: Sequence[Event]) -> None:
        """Of what an earlier holding could not record, if it rolled back."""
        last = next((each for each in reversed(unrecorded) if each.kind is EventKind.PHASE), None)
        if last is not None:
            reason = f"{last.reason} (a gateway was told so while the store was away)"
            self.command = Command(secrets.token_hex(8), "abort", last.actor, reason)

    async def keep(self, give: Callable[[Command], Awaitable[object]]) -> bool:
        """Give it, if there is one; whether nothing is left to be given. What fails is to be tried again."""
        command = self.command
        if command is None:
            return True
        try:
            await give(command)
        except RefusedError as error:
            log.info("what was rolled back while the store was away needs no more: %s", error.message)
        except AbreastError as error:
            log.warning("what was rolled back while the store was away is not on record yet: %s", error.message)
            return False
        if self.command is command:
            self.command = None
        return True


@dataclass(frozen=True)
class Place:
    """What a server brings along into each of its holdings."""

    spec_file: Path
    state: StateDir
    store: SqlStore
    lease: DatabaseLease
    ground: Ground
    muster: Muster
    orders: OrderBook
    ears: Ears
    link: LinkEnd
    members: Members
    promise: Promise = field(default_factory=Promise)


async def hold(place: Place, spec: Spec, say: Say, assume: Callable[[Up], None]) -> None:
    """Decide until the lease is lost; ``assume`` is given what decides once it is built.

    Raises LeaseLostError, StoreError; UsageError and others where the spec does not fit the rollout on record.
    """
    holding = Holding(place.lease)
    store = place.store.fenced(place.lease.fence())
    link = place.link
    hand = Hand(spec.service().name, holding.token)
    office = Office(
        place.ground,
        holding,
        place.muster.delivery.counts,
        hand,
        place.members,
        link.door,
        own_gateway=link.linking.own_gateway,
    )
    term = await build(spec, place.spec_file, spec.service(), place.state, store, say, office)
    tasks: list[asyncio.Task[None]] = []
    try:
        term.observer.gateway = FleetGateway(place.muster)
        term.control.fleet, term.control.joins = place.muster, link.joins
        term.control.relays = link.relays
        await term.collector.start()
        if not holding.held:
            raise LeaseLostError(f"{spec.service().name}: the lease was lost again at once", "see: abreast status")
        term.controller.note(EventKind.LEASE, f"server {place.muster.name} decides now (token {holding.token})")
        assume(term)
        states = SqlDataStates(store, spec.service().name)
        if term.keeper is None:
            await states.save_data_state(None)
        work = [
            # Before the first turn: a gateway that was told to roll back is not told otherwise in between.
            _keep_orders(term, place, holding),
            term.controller.run(),
            keep_evidence(term),
            term.collector.run(),
            keep_alerts(term),
        ]
        if term.keeper is not None:
            work += [term.keeper.run(), _keep_data_state(term.keeper, states, term.control.clock)]
        tasks += [asyncio.create_task(each, name="holding") for each in work]
        while holding.held:
            done, _ = await asyncio.wait(tasks, timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await term.checker.close()
        await term.collector.close(stop=True)
        await asyncio.to_thread(term.alerts.close)


async def _keep_data_state(keeper: Keeper, states: SqlDataStates, clock: Clock) -> None:
    """Record what the database says, for the servers that follow; what fails is tried again."""
    kept: DataState | None = None
    while True:
        state = keeper.state()
        if state is not None and (kept is None or is_news(state, kept)):
            try:
                await states.save_data_state(state)
            except StoreError as error:
                log.debug("what the database says could not be recorded: %s", error)
            else:
                kept = state
        await clock.sleep(DATA_S)


def is_news(state: DataState, kept: DataState) -> bool:
    """Whether the others should know; not each time that the same was found again."""
    again = replace(state, checked_at=kept.checked_at) == kept
    return not again or state.checked_at - kept.checked_at >= FOUND_AGAIN_S


async def _keep_orders(term: Up, place: Place, holding: Holding) -> None:
    """Carry out what other servers are asked for, and first what this one has promised; what fails is tried again."""
    trouble = ""
    while True:
        before = place.ears.orders.happened
        try:
            await place.promise.keep(term.controller.submit)
            await carry_out(term.control, place.orders, holding.token)
        except StoreError as error:
            if error.message != trouble:
                log.warning("orders of other servers cannot be read: %s", error)
            trouble = error.message
        else:
            trouble = ""
        await place.ears.orders.rest(place.ears.pause_s(ORDERS_S), before)
