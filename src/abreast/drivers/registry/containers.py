"""Endpoints out of a container engine: whoever's containers have some labels, and what the engine says that happens.

The engine's events only say when to look again: what counts is the list, which is read whole each time. The events are
asked for from the moment on at which the list was read, so that nothing between the two is missed.
"""

import asyncio
import contextlib
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiodocker import Docker
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_engine import Engine, EngineAwayError
from abreast.drivers.docker_host import engine_url
from abreast.drivers.registry.found import Found, NoAnswerError, endpoint, found
from abreast.model.errors import DriverError
from abreast.model.registry import Containers
from abreast.model.service import Endpoint
from abreast.ports import Clock

log: Final = logging.getLogger(__name__)

PORT: Final = "abreast.port"
"""A label by which a container says where it listens; abreast's own have it too."""

LOOK_S: Final = 60.0
"""The list is read again after so long, whatever the events say or do not say."""

BROKEN_OFF_S: Final = 1.0
"""Between two readings where no events are to be had."""

_ANSWER_S: Final = 10.0
_EVENTS: Final = {
    "type": ["container", "network"],
    # A label's filter would leave out networks, which have none of a container's.
    "event": ["start", "die", "pause", "unpause", "health_status", "connect", "disconnect", "rename"],
}
_FACTS: Final = ("Id", "Names", "Labels", "Status", "Ports", "NetworkSettings")
_UNHEALTHY: Final = re.compile(r"\(unhealthy\)")


class LabelledContainers:
    """`abreast.drivers.registry.found.Source` over the containers of this machine's engine."""

    def __init__(self, place: Containers, clock: Clock, find: Callable[[], str] = engine_url) -> None:
        """Ask about these containers; ``find`` tells where the engine is, and raises DriverError if it is nowhere."""
        self._place = place
        self._clock = clock
        # Its own words on the engine's absence are for instances that abreast runs; here the registry's state says it.
        self._engine = Engine(find, "", clock, log.info)
        self._events: asyncio.Task[None] | None = None
        self._since = 0.0

    async def ask(self) -> Found:
        """Those that run: at once, later when something has happened to any container, or after a while."""
        again_s = await self._happened() if self._since else 0.0
        before, self._since = self._clock.now(), 0.0  # whatever fails, the next question is answered at once
        listed = await self._list()
        if self._events is None:
            self._events = asyncio.create_task(self._next_event(before), name=f"events of {self._place}")
        self._since = before
        answer = _endpoints(listed, self._place)
        return Found(answer.endpoints, answer.detail, again_s)

    async def close(self) -> None:
        """Let go of the engine."""
        await self._leave()
        await self._engine.close()

    async def _happened(self) -> float:
        """Wait for an event; how long to leave the engine alone where there are none to be had."""
        events = self._events
        if events is None:
            return BROKEN_OFF_S
        await asyncio.wait({events}, timeout=LOOK_S)
        if not events.done():
            return 0.0
        self._events = None
        try:
            events.result()
        except (EngineAwayError, DockerError, DriverError) as error:
            # Whether the engine is away, the list tells: events also end when it is restarted.
            log.info("the events of the container engine broke off: %s", error)
            return BROKEN_OFF_S
        return 0.0

    async def _next_event(self, since: float) -> None:
        """Until something has happened after ``since``. Raises as `Engine.ask`."""

        async def heard(docker: Docker) -> None:
            subscriber = docker.events.subscribe(create_task=False)  # type: ignore[no-untyped-call]  # aiodocker's own
            stream = asyncio.create_task(docker.events.run(filters=json.dumps(_EVENTS), since=f"{since:.6f}"))
            first = asyncio.create_task(subscriber.get())
            try:
                await asyncio.wait({stream, first}, return_when=asyncio.FIRST_COMPLETED)
                if stream.done():
                    stream.result()
                if stream.done() or first.result() is None:  # None: aiodocker's word for the end
                    raise ConnectionResetError("the events ended")
            finally:
                for task in (stream, first):
                    task.cancel()
                await asyncio.gather(stream, first, return_exceptions=True)

        await self._engine.ask(heard)

    async def _list(self) -> list[dict[str, Any]]:
        """What the engine tells of each. Raises NoAnswerError."""
        filters = {"label": list(self._place.labels), "status": ["running"]}

        async def listed(docker: Docker) -> list[dict[str, Any]]:
            return [_facts(each) for each in await docker.containers.list(filters=json.dumps(filters))]

        try:
            async with asyncio.timeout(_ANSWER_S):
                return await self._engine.ask(listed)
        except EngineAwayError as error:
            raise NoAnswerError(f"{error}: {error.__cause__}") from None
        except TimeoutError:
            raise NoAnswerError(f"the container engine gave no answer within {_ANSWER_S:g} s") from None
        except DockerError as error:
            raise NoAnswerError(f"the container engine answered {error.status}: {error.message[:200]}") from None
        except DriverError as error:
            raise NoAnswerError(f"{error.message}; {error.remedy}") from None

    async def _leave(self) -> None:
        events, self._events = self._events, None
        if events is not None:
            events.cancel()
            with contextlib.suppress(asyncio.CancelledError, EngineAwayError, DockerError, DriverError):
                await events


def _facts(container: DockerContainer) -> dict[str, Any]:
    """What the list tells of one. Raises NoAnswerError for what is none."""
    try:
        return {name: container[name] for name in _FACTS}
    except KeyError as error:
        raise NoAnswerError(f"this is no container engine: it tells of a container without {error}") from None


def _endpoints(listed: list[dict[str, Any]], place: Containers) -> Found:
    """Raises NoAnswerError for too many."""
    endpoints: list[Endpoint] = []
    left_out: list[str] = []
    for told in listed:
        try:
            endpoints.append(_endpoint(told, place))
        except ValueError as error:
            name = str((told["Names"] or [told["Id"][:12]])[0]).removeprefix("/")
            left_out.append(f"{name}: {error}")
    if not listed:
        left_out.append("no container with that label runs")
    return found(endpoints, left_out)


def _endpoint(told: Mapping[str, Any], place: Containers) -> Endpoint:
    """Raises ValueError, which says what is wrong with the container."""
    if _UNHEALTHY.search(told["Status"] or ""):
        raise ValueError("its HEALTHCHECK says unhealthy")
    return endpoint(_address(told, place.network), _port(told, place.port))


def _address(told: Mapping[str, Any], wanted: str) -> str:
    """Its address in that network, or in the only one that it is in."""
    networks = (told["NetworkSettings"] or {}).get("Networks") or {}
    if wanted and wanted not in networks:
        raise ValueError(f"it is not in the network {wanted}, but in {', '.join(sorted(networks)) or 'none'}")
    if set(networks) == {"host"}:
        return "127.0.0.1"
    known = {name: each.get("IPAddress") or each.get("GlobalIPv6Address") or "" for name, each in networks.items()}
    with_address = [name for name in sorted(known) if known[name] and wanted in {"", name}]
    if len(with_address) > 1:
        raise ValueError(f"it is in the networks {', '.join(with_address)}: write `network`")
    if not with_address:
        raise ValueError("it has no address of its own" + (f" in the network {wanted}" if wanted else ""))
    return str(known[with_address[0]])


def _port(told: Mapping[str, Any], wanted: int | None) -> object:
    """What is asked for, what its label says, or the only one that it exposes."""
    if wanted is not None:
        return wanted
    labelled = (told["Labels"] or {}).get(PORT)
    if labelled is not None:
        return labelled
    exposed = sorted({each["PrivatePort"] for each in told["Ports"] or () if each.get("Type", "tcp") == "tcp"})
    if len(exposed) != 1:
        which = f"it exposes the ports {', '.join(map(str, exposed))}" if exposed else "it exposes no TCP port"
        raise ValueError(f"{which}: write `port`, or give it the label {PORT}")
    return exposed[0]
