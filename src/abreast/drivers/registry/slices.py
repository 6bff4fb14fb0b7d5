"""Endpoints out of a Kubernetes cluster: the EndpointSlices of a Service, listed once and watched from there."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Final

from lightkube.models.discovery_v1 import Endpoint as SliceEndpoint
from lightkube.resources.discovery_v1 import EndpointSlice

from abreast.drivers.kubernetes_access import SERVICE_ACCOUNT, find_access
from abreast.drivers.kubernetes_api import Api, RequestError, Selection
from abreast.drivers.kubernetes_mirror import Line, Mirror, Reach
from abreast.drivers.registry.found import Found, NoAnswerError, endpoint, found
from abreast.drivers.timing import Timing
from abreast.model.errors import DriverError
from abreast.model.registry import ServiceSlices
from abreast.model.service import Endpoint
from abreast.ports import Clock

SERVICE_LABEL: Final = "kubernetes.io/service-name"
"""By which a slice belongs to a Service (EndpointSlice v1)."""

_FAMILIES: Final = ("IPv4", "IPv6")


class SlicesOfService:
    """`abreast.drivers.registry.found.Source` over one Service of one cluster."""

    def __init__(
        self,
        place: ServiceSlices,
        clock: Clock,
        random: Random,
        *,
        environ: Mapping[str, str] = os.environ,
        service_account: Path = SERVICE_ACCOUNT,
        timing: Timing | None = None,
    ) -> None:
        """Ask about that Service; who may ask is found as `find_access` does."""
        self._place = place
        self._clock = clock
        self._random = random
        self._environ = environ
        self._service_account = service_account
        self._timing = timing or Timing()
        self._news = asyncio.Event()
        self._reach: _Reach | None = None
        self._api: Api | None = None
        self._mirror: Mirror[EndpointSlice] | None = None
        self._task: asyncio.Task[None] | None = None

    async def ask(self) -> Found:
        """What is there: as soon as it is known the first time, later when something has changed."""
        mirror, reach, task = self._begin()
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait({news, task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()
        if task.done():
            task.result()  # only a fault of abreast's ends it
        self._news.clear()
        failure = reach.failure or mirror.refusal
        if failure:
            raise NoAnswerError(f"the API server {reach.server}: {failure.rstrip('.')}")
        return endpoints_of(list(mirror.objects.values()), self._place)

    async def close(self) -> None:
        """Look away."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._api is not None:
            await self._api.close()

    def _begin(self) -> "tuple[Mirror[EndpointSlice], _Reach, asyncio.Task[None]]":
        """Look from now on. Raises NoAnswerError where there is no way to a cluster."""
        if self._mirror is None or self._reach is None or self._task is None:
            try:
                self._api = api = Api(find_access(self._place.context, self._environ, self._service_account))
            except DriverError as error:
                raise NoAnswerError(f"{error.message}; {error.remedy}") from None
            self._reach = _Reach(api.server, self._clock, self._news.set)
            line = Line(api, self._reach, self._clock, self._timing, self._random)
            namespace = self._place.namespace or api.namespace
            selection = Selection(EndpointSlice, namespace, labels=f"{SERVICE_LABEL}={self._place.service}")
            self._mirror = Mirror(line, selection, self._news.set)
            self._task = asyncio.create_task(self._mirror.run(), name=str(self._place))
        return self._mirror, self._reach, self._task


class _Reach(Reach):
    """Why the server does not answer, from the first request that came to nothing: the follower has patience enough."""

    def __init__(self, server: str, clock: Clock, tell: Callable[[], None]) -> None:
        super().__init__(server, clock, lambda _: None)
        self.server = server
        self.failure = ""
        self._tell = tell

    def failed(self, error: RequestError) -> None:
        """One more request has come to nothing."""
        super().failed(error)
        self.failure = error.message
        self._tell()

    def answered(self) -> None:
        """A request was answered."""
        super().answered()
        self.failure = ""


def endpoints_of(slices: Sequence[EndpointSlice], place: ServiceSlices) -> Found:
    """What is ready of the Service, by the rules of EndpointSlice v1. Raises NoAnswerError for too many.

    Of two families of addresses IPv4 counts, else each pod would count twice. An endpoint is ready unless it says that
    it is not, and one that ends is not ready. Where nothing is ready, those count that end and serve still, as for
    kube-proxy: they are better than nobody.
    """
    ready: dict[str, list[Endpoint]] = {family: [] for family in _FAMILIES}
    ending: dict[str, list[Endpoint]] = {family: [] for family in _FAMILIES}
    left_out: list[str] = []
    for each in slices:
        name = (each.metadata.name if each.metadata else None) or "a slice"
        if each.addressType not in _FAMILIES:
            left_out.append(f"{name}: its addresses are of the type {each.addressType}, not IPv4 or IPv6")
            continue
        try:
            port = _port(each, place.port)
        except ValueError as error:
            left_out.append(f"{name}: {error}")
            continue
        for group, made in _of_slice(each, port, left_out):
            (ready if group == "ready" else ending)[each.addressType].append(made)
    for known in (ready, ending):
        for family in _FAMILIES:
            if known[family]:
                return found(known[family], left_out)
    if not slices:
        left_out.append("it has no EndpointSlice: there is no such Service in the namespace, or none with a selector")
    return found((), left_out or ["no pod of it is ready"])


def _of_slice(each: EndpointSlice, port: int, left_out: list[str]) -> Iterator[tuple[str, Endpoint]]:
    """Its endpoints that are of use, each with what it is: ``ready`` or ``ending``."""
    for told in each.endpoints or ():
        group = _group(told)
        if not group:
            continue
        address = told.addresses[0] if told.addresses else ""  # all of one endpoint's are the same pod's
        try:
            yield group, endpoint(address, port)
        except ValueError as error:
            target = told.targetRef.name if told.targetRef else None
            left_out.append(f"{target or 'an endpoint'}: {error}")


def _group(told: SliceEndpoint) -> str:
    """``ready``, ``ending`` for one that serves while it ends, or "" for one that is of no use."""
    conditions = told.conditions
    if conditions is None or (conditions.ready is not False and not conditions.terminating):
        return "ready"
    return "ending" if conditions.terminating and conditions.serving else ""


def _port(each: EndpointSlice, wanted: str | int | None) -> int:
    """The number of the port that is wanted. Raises ValueError, which says which there are."""
    known = [told for told in each.ports or () if (told.protocol or "TCP") == "TCP" and told.port]
    if not each.ports and isinstance(wanted, int):
        return wanted  # a Service without ports leaves them to who knows them
    fits = [told for told in known if wanted is None or wanted in {told.name, told.port}]
    if len({told.port for told in fits}) == 1 and fits[0].port:
        return fits[0].port
    names = ", ".join(f"{told.name} ({told.port})" if told.name else str(told.port) for told in known) or "none"
    if wanted is None:
        raise ValueError(f"its TCP ports are {names}: write `port`")
    raise ValueError(f"it has no TCP port {wanted}; there is: {names}")
