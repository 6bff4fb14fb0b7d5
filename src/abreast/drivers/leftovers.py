"""Ends what drivers have left running when no control plane is there to do it: processes and containers of one home."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

from aiodocker.exceptions import DockerError

from abreast.drivers.adoption import Found, take_stock
from abreast.drivers.docker_config import HOME, INSTANCE, found
from abreast.drivers.docker_engine import Engine, EngineAwayError
from abreast.drivers.docker_faults import explained
from abreast.drivers.instance import KIND
from abreast.drivers.record import Records
from abreast.model.errors import DriverError
from abreast.process.identity import Identity
from abreast.process.supervised import Supervised, end_family
from abreast.process.survey import Left

STRAY_S: Final = 10.0
"""How long something may take to end of which nobody knows how long it wants."""


def recorded(home: str, records: Records) -> Sequence[Left]:
    """The instances that run by their records, also those that wrote over their environment."""
    return [
        Left(Identity(home, KIND, each.id, each.birth), (each.mark.pid,))
        for each in records.load()
        if each.mark is not None and each.mark.alive()
    ]


async def end_rest(left: Iterable[Left]) -> list[str]:
    """End these, whatever they are; what could not be done, in sentences."""
    faults = await asyncio.gather(*(_tried(str(each), end_family(each.identity, STRAY_S)) for each in left))
    return [fault for fault in faults if fault]


async def end_instances(home: str, records: Records) -> list[str]:
    """End all processes that are instances, each within its own stop time-out; what could not be done, in sentences."""
    stock = await asyncio.to_thread(take_stock, home, records)
    work = [_tried(f"instance {each.record.id}", _end_instance(each, records)) for each in stock.found]
    work += [_tried(f"instance {each.name}", end_family(each, STRAY_S)) for each in stock.strays]
    return [fault for fault in await asyncio.gather(*work) if fault]


async def end_containers(engine: Engine, ended: Callable[[str], None]) -> list[str]:
    """End and remove all containers of the engine's home, of which ``ended`` hears; what could not be done."""
    try:
        await engine.hello()
        left = await engine.containers()
        faults = await asyncio.gather(*(_end_container(engine, each, ended) for each in left))
        rest = [_name(each) for each in await engine.containers()]
    except (EngineAwayError, DockerError) as error:
        words = explained(error) if isinstance(error, DockerError) else str(error)
        return [f"containers may be left, and the engine cannot tell: {words}"]
    except DriverError as error:
        return [f"containers may be left: {error.message}; {error.remedy}"]
    return [fault for fault in faults if fault] or [f"{name} is still there" for name in rest]


async def _end_instance(each: Found, records: Records) -> None:
    process = Supervised.adopt(each.identity, each.mark)
    if process is None:  # it ended in this very moment
        await end_family(each.identity, each.record.version.stop_timeout_s)
    else:
        try:
            await process.end(each.record.version.stop_timeout_s)
        finally:
            process.release()
    records.remove(each.record.id)


async def _end_container(engine: Engine, inspected: dict[str, Any], ended: Callable[[str], None]) -> str:
    """Raises EngineAwayError. What was wrong, or ""."""
    told = found(inspected)
    timeout_s = math.ceil(told.version.stop_timeout_s) if told and inspected["State"].get("Running") else 0
    try:
        await engine.end(inspected["Id"], timeout_s)
    except DockerError as error:
        return f"{_name(inspected)} cannot be ended: {explained(error)}"
    ended(_name(inspected))
    return ""


def _name(inspected: dict[str, Any]) -> str:
    labels = inspected["Config"]["Labels"] if HOME in (inspected.get("Config", {}).get("Labels") or {}) else {}
    name = labels.get(INSTANCE) or str(inspected.get("Name", "")).removeprefix("/")
    return f"container {name} ({inspected['Id'][:12]})"


async def _tried(name: str, work: Awaitable[None]) -> str:
    """Do it; what was wrong, or ""."""
    try:
        await work
    except OSError as error:  # it has become another user's, say
        return f"{name} cannot be ended: {error.strerror or error}"
    return ""
