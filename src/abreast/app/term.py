"""One holding of the lease: everything that decides, built from the store and thrown away at its end."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.app.fleet import FleetGateway, Muster
from abreast.app.parts import Ground, Office, Say, Up, build
from abreast.app.up import keep_alerts, keep_evidence
from abreast.model.errors import LeaseLostError, StoreError
from abreast.model.event import EventKind
from abreast.model.spec import Spec
from abreast.operations.orders import OrderBook, carry_out
from abreast.state_dir import StateDir
from abreast.store.lease import DatabaseLease
from abreast.store.sql import SqlStore

log: Final = logging.getLogger(__name__)

WATCH_S: Final = 0.1
"""How often it is looked whether the lease is still held: within `abreast.store.lease.MARGIN_S` many times."""

ORDERS_S: Final = 0.1
"""How often other servers' orders are looked for."""


class Holding:
    """`abreast.ports.Lease` of one token: another one, even of the same server, is another holding."""

    def __init__(self, lease: DatabaseLease) -> None:
        self._lease = lease
        self.token = lease.token

    @property
    def held(self) -> bool:
        """Whether this very holding goes on."""
        return self._lease.held and self._lease.token == self.token


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


async def hold(place: Place, spec: Spec, say: Say, assume: Callable[[Up], None]) -> None:
    """Decide until the lease is lost; ``assume`` is given what decides once it is built.

    Raises LeaseLostError, StoreError; UsageError and others where the spec does not fit the rollout on record.
    """
    holding = Holding(place.lease)
    store = place.store.fenced(place.lease.fence())
    office = Office(place.ground, holding)
    term = await build(spec, place.spec_file, spec.service(), place.state, store, say, office)
    tasks: list[asyncio.Task[None]] = []
    try:
        term.observer.gateway = FleetGateway(place.muster)
        term.control.fleet = place.muster
        await term.collector.start()
        if not holding.held:
            raise LeaseLostError(f"{spec.service().name}: the lease was lost again at once", "see: abreast status")
        term.controller.note(EventKind.LEASE, f"server {place.muster.name} decides now (token {holding.token})")
        assume(term)
        work = (
            term.controller.run(),
            keep_evidence(term),
            term.collector.run(),
            keep_alerts(term),
            _keep_orders(term, place.orders, holding),
        )
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


async def _keep_orders(term: Up, orders: OrderBook, holding: Holding) -> None:
    """Carry out what other servers are asked for; what fails is tried again."""
    trouble = ""
    while True:
        try:
            await carry_out(term.control, orders, holding.token)
        except StoreError as error:
            if error.message != trouble:
                log.warning("orders of other servers cannot be read: %s", error)
            trouble = error.message
        else:
            trouble = ""
        await term.control.clock.sleep(ORDERS_S)
