"""A process in the foreground: it may be told to stop while it starts, has its logs, and takes what it is allowed."""

import asyncio
import contextlib
import resource
from pathlib import Path

import pytest

from abreast.app.foreground import _raise_limits, _start_logging, unless, until_stopped
from abreast.model.errors import PortInUseError, StoreError
from abreast.state_dir import StateDir


class TestUnless:
    """What starts is not waited for once it should stop."""

    async def test_what_started_is_there(self) -> None:
        async def starting() -> str:
            return "up"

        assert await unless(asyncio.Event(), starting()) == "up"

    async def test_told_to_stop_it_ends_in_order(self) -> None:
        stop, ended = asyncio.Event(), []

        async def starting() -> str:
            try:
                stop.set()
                await asyncio.Event().wait()
            finally:
                ended.append("in order")
            return "never"

        assert await unless(stop, starting()) is None
        assert ended == ["in order"]

    async def test_its_error_is_told(self) -> None:
        async def starting() -> str:
            raise PortInUseError("taken", "take another")

        with pytest.raises(PortInUseError):
            await unless(asyncio.Event(), starting())

    async def test_who_is_cancelled_takes_it_along(self) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def starting() -> str:
            try:
                begun.set()
                await asyncio.Event().wait()
            finally:
                ended.set()
            return "never"

        work = asyncio.create_task(unless(asyncio.Event(), starting()))
        await begun.wait()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        assert work.cancelled()
        await asyncio.wait_for(ended.wait(), 5)


class TestProcess:
    """Its logs and limits."""

    def test_a_log_that_cannot_be_written(self, short_tmp: Path) -> None:
        with pytest.raises(StoreError, match=r"the log in '.*' cannot be opened: No such file") as caught:
            _start_logging(StateDir.beside(short_tmp))
        assert "writable" in caught.value.remedy

    def test_all_file_descriptors_that_are_allowed_are_taken(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
            _raise_limits()
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


class TestUntilStopped:
    """It ends when it is told to, or when a part of it does."""

    async def test_told_to_stop_it_leaves_the_parts_alone(self) -> None:
        stop, part = asyncio.Event(), asyncio.create_task(asyncio.sleep(60))
        stop.set()
        await until_stopped(stop, [part])
        assert not part.done()
        part.cancel()

    async def test_a_part_that_fails_is_told(self) -> None:
        async def failing() -> None:
            raise PortInUseError("taken", "take another")

        with pytest.raises(PortInUseError, match="taken"):
            await until_stopped(asyncio.Event(), [asyncio.create_task(failing())])
