"""One scrape: everything that there is to show, in the format that the scraper reads."""

import asyncio
from collections import Counter
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from abreast import __version__
from abreast.metrics import catalogue
from abreast.metrics.sheet import Sheet
from abreast.metrics.standing import add_standing
from abreast.metrics.traffic import add_traffic
from abreast.model.errors import StoreError
from abreast.model.event import EventKind
from abreast.operations.control import Control
from abreast.ports import Store

_ALL: Final = 10**9
"""Events asked for at once: all there are. Only the first scrape reads more than a few."""


_OPENMETRICS_TYPE: Final = "application/openmetrics-text"
_OPENMETRICS: Final = f"{_OPENMETRICS_TYPE}; version=1.0.0"
"""The only version that is spoken: what a scraper writes behind the type is not worth an error."""


class EventCounts:
    """Events of the audit log by kind: read once, then only what was added."""

    def __init__(self, store: Store, service: str) -> None:
        self._store, self._service = store, service
        self._last = 0
        self._counts: Counter[EventKind] = Counter()
        self._reading = asyncio.Lock()

    async def read(self) -> Counter[EventKind]:
        """Up to now. Raises StoreError, and what was counted before stays."""
        async with self._reading:
            for number, event in await self._store.events(self._service, limit=_ALL, after=self._last):
                self._counts[event.kind] += 1
                self._last = number
        return self.known

    @property
    def known(self) -> Counter[EventKind]:
        """As of the last reading."""
        return self._counts.copy()


class Exposition:
    """The metrics of one running control plane."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._events = EventCounts(control.store, control.service.name)
        self._process = ProcessCollector(registry=None)

    async def scrape(self, accept: str) -> tuple[bytes, str]:
        """The page and its content type: OpenMetrics where ``accept`` asks for it, else Prometheus' text."""
        encode, content_type = choose_encoder(_OPENMETRICS if _OPENMETRICS_TYPE in accept else "")
        registry = CollectorRegistry()
        registry.register(await self._sheet())
        registry.register(self._process)
        return encode(registry), content_type

    async def _sheet(self) -> Sheet:
        sheet = Sheet(self._control.service.name)
        readable = True
        try:
            await self._events.read()
        except StoreError:  # said by `abreast_store_up`: the other numbers are wanted all the more
            readable = False
        counts = self._events.known
        for kind in EventKind:
            sheet.add(catalogue.EVENTS, counts[kind], kind=kind)
        add_traffic(sheet, self._control)
        found = add_standing(sheet, self._control)
        sheet.add(catalogue.STORE_UP, float(readable and not found.store_error))
        sheet.add(catalogue.BUILD, 1, release=__version__)
        return sheet
