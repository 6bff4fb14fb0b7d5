"""Probing a published port, behind which nobody may listen."""

import asyncio
import contextlib

import pytest

from abreast.drivers.docker_probe import ask_published
from abreast.model.service import Endpoint, Probe, Version

VERSION = Version("v1")
TCP = Probe("tcp", timeout_s=1.0)


async def asked(*, hang_up: bool) -> tuple[bool, str]:
    over = asyncio.Event()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not hang_up:
            await reader.read()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(met, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        answer = await ask_published(Endpoint("127.0.0.1", port), TCP, VERSION)
        await asyncio.wait_for(over.wait(), 5)
    return answer.well, answer.detail


async def test_one_that_holds_the_connection_is_well() -> None:
    well, detail = await asked(hang_up=False)
    assert well
    assert detail.endswith("succeeded")


async def test_one_that_hangs_up_at_once_is_not() -> None:
    well, detail = await asked(hang_up=True)
    assert not well
    assert "nobody listens in the container" in detail


@pytest.mark.parametrize("probe", [TCP, Probe("http", "/", timeout_s=1.0)])
async def test_a_refused_connection_is_told(probe: Probe) -> None:
    answer = await ask_published(Endpoint("127.0.0.1", 1), probe, VERSION)
    assert not answer.well
    assert "refused" in answer.detail
