"""A TCP probe for published ports: there the engine's proxy accepts, whether or not the container does."""

import asyncio
import os
from typing import Final

from abreast.drivers.probe import Answer, ask
from abreast.model.service import Endpoint, Probe, Version

_HANG_UP_S: Final = 0.1
"""A proxy that reaches nobody hangs up at once."""


async def ask_published(place: Endpoint, probe: Probe, version: Version) -> Answer:
    """As `abreast.drivers.probe.ask`; where a connect has to do, a connection that is hung up at once is none."""
    if probe.kind == "http" and version.protocol == "http1":
        return await ask(place, probe, version)
    what = f"connect to {place}"
    try:
        async with asyncio.timeout(probe.timeout_s):
            reader, writer = await asyncio.open_connection(place.host, place.port)
            try:
                hung_up = await _hung_up(reader)
            finally:
                writer.close()
    except TimeoutError:
        return Answer(well=False, detail=f"{what}: no answer within {probe.timeout_s:g} s")
    except OSError as error:
        words = os.strerror(error.errno).lower() if error.errno else str(error).lower()
        return Answer(well=False, detail=f"{what}: {words}")
    if hung_up:
        return Answer(well=False, detail=f"{what}: hung up at once, so nobody listens in the container yet")
    return Answer(well=True, detail=f"{what} succeeded")


async def _hung_up(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ends the connection without a word. Raises OSError when it resets it."""
    try:
        async with asyncio.timeout(_HANG_UP_S):
            return not await reader.read(1)
    except TimeoutError:
        return False
