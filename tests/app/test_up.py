"""The wiring's own decisions; that everything runs together is told in tests/e2e."""

import asyncio
import contextlib
import resource
from pathlib import Path

import pytest

from abreast.app.up import _raise_limits, _start_logging, _unless, up
from abreast.model.errors import PortInUseError, SpecError, StoreError
from abreast.state_dir import StateDir
from tests.app.specs import spec


class TestUnless:
    """What starts is not waited for once it should stop."""

    async def test_what_started_is_there(self) -> None:
        async def starting() -> str:
            return "up"

        assert await _unless(asyncio.Event(), starting()) == "up"

    async def test_told_to_stop_it_ends_in_order(self) -> None:
        stop, ended = asyncio.Event(), []

        async def starting() -> str:
            try:
                stop.set()
                await asyncio.Event().wait()
            finally:
                ended.append("in order")
            return "never"

        assert await _unless(stop, starting()) is None
        assert ended == ["in order"]

    async def test_its_error_is_told(self) -> None:
        async def starting() -> str:
            raise PortInUseError("taken", "take another")

        with pytest.raises(PortInUseError):
            await _unless(asyncio.Event(), starting())

    async def test_who_is_cancelled_takes_it_along(self) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def starting() -> str:
            try:
                begun.set()
                await asyncio.Event().wait()
            finally:
                ended.set()
            return "never"

        work = asyncio.create_task(_unless(asyncio.Event(), starting()))
        await begun.wait()
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        assert work.cancelled()
        await asyncio.wait_for(ended.wait(), 5)


class TestUp:
    """What stands in the way is told before anything is started."""

    async def test_a_spec_that_names_missing_files(self, short_tmp: Path) -> None:
        spec(short_tmp, gateway={"tls": {"certificate": "none.crt", "key": "none.key"}})
        with pytest.raises(SpecError, match="2 faults"):
            async with up(short_tmp / "abreast.yaml", lambda _: None):
                pass
        assert not (short_tmp / ".abreast").exists()

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
