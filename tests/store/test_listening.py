"""A listener whose database is not there; with one it is in tests/fleet/test_listening.py."""

import asyncio
import logging

import pytest

from abreast.bench.target import free_port
from abreast.store.listening import PAUSES_S, Listener
from abreast.store.postgresql import Address
from tests.fakes.clock import FakeClock


async def test_a_database_that_is_away_is_tried_again_less_and_less_often_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, heard = FakeClock(), list[str]()
    address = Address.of(f"postgresql://me:s3cret@127.0.0.1:{free_port()}/x", {})
    listener = Listener(address, "shop", clock, heard.append)
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(listener.run())
        for pause_s in (*PAUSES_S, PAUSES_S[-1]):
            async with asyncio.timeout(10):
                while not clock.sleepers:
                    await asyncio.sleep(0.01)
            before = clock.now()
            await clock.advance(pause_s - 0.01)
            assert clock.sleepers == 1, f"not again before {pause_s} s"
            await clock.advance(0.02)
            assert clock.now() == pytest.approx(before + pause_s + 0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not listener.listening
    assert heard == []
    assert caplog.text.count("is not heard of at once") == 1
    assert "s3cret" not in caplog.text
