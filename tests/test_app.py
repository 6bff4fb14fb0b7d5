"""The wiring's own decisions; that everything runs together is told in tests/e2e."""

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from abreast import app
from abreast.clock import SystemClock
from abreast.model.errors import PortInUseError, RefusedError, SpecError, StoreError, UsageError
from abreast.model.event import Event, EventKind
from abreast.model.rollout import Phase, WeightStep
from abreast.model.service import Service
from abreast.model.spec import Spec
from abreast.rollout.replan import require_same, require_versions
from abreast.spec_source import load_spec
from abreast.state_dir import StateDir
from abreast.store.sqlite import SqliteStore, open_store
from tests.controller.stage import SERVICE
from tests.rollout.play import POLICY, serving, under_way


def only(*names: str) -> Service:
    """The service with these versions alone."""
    return replace(SERVICE, versions=tuple(each for each in SERVICE.versions if each.name in names))


class TestVersionsInUse:
    """A version that is run or routed to cannot be left out of the spec."""

    @pytest.mark.parametrize("phase", [each for each in Phase if each not in {Phase.COMPLETED, Phase.ROLLED_BACK}])
    def test_both_sides_while_a_rollout_is_active(self, phase: Phase) -> None:
        require_versions(only("v1", "v2"), under_way(phase))
        for kept, missing in (("v1", "v2"), ("v2", "v1")):
            with pytest.raises(UsageError, match=f"versions: {missing} is missing in the spec"):
                require_versions(only(kept), under_way(phase))

    def test_the_loser_until_it_is_released(self) -> None:
        warm = under_way(Phase.ROLLED_BACK)
        with pytest.raises(UsageError, match="v2 is missing") as caught:
            require_versions(only("v1"), warm)
        assert caught.value.remedy == "put v2 back until its instances are retired (abreast status)"
        require_versions(only("v1"), replace(warm, released_at=1.0))

    def test_only_who_serves_once_all_is_over(self) -> None:
        require_versions(only("v2"), under_way(Phase.COMPLETED))
        with pytest.raises(UsageError, match="v2 is missing"):
            require_versions(only("v1"), under_way(Phase.COMPLETED))


class TestWhatCannotChange:
    """Some keys hold for as long as the service, or the rollout, lives."""

    def test_the_service(self) -> None:
        with pytest.raises(RefusedError, match="'other' is another service than 'shop'"):
            require_same(SERVICE, replace(SERVICE, name="other"), serving())

    def test_who_is_one_user_while_a_rollout_is_active(self, short_tmp: Path) -> None:
        after = spec(short_tmp, users={"by": ["header:x-other"]}).service()
        before = replace(after, users=SERVICE.users)
        assert before.users != after.users
        with pytest.raises(RefusedError, match=r"users\.by: .* would move users between the versions"):
            require_same(before, after, under_way(Phase.PROGRESSING))
        require_same(before, after, serving())


def spec(directory: Path, **fields: object) -> Spec:
    """A spec of two external versions."""
    file = directory / "abreast.yaml"
    versions = {name: {"endpoints": [f"127.0.0.1:{port}"]} for name, port in (("v1", 8), ("v2", 9))}
    file.write_text(yaml.safe_dump({"service": "shop", "versions": versions, **fields}), encoding="utf-8")
    return load_spec(file)


class TestStoredRollout:
    """What an earlier run left is gone on with."""

    @pytest.fixture
    async def store(self, short_tmp: Path) -> AsyncIterator[SqliteStore]:
        """An empty one."""
        made = await open_store(short_tmp / "abreast.db")
        yield made
        await made.close()

    async def test_the_first_start_makes_one(self, store: SqliteStore, short_tmp: Path) -> None:
        read = spec(short_tmp)
        rollout = await app._load_rollout(store, read, read.service(), 5.0)
        assert (rollout.stable, rollout.candidate, rollout.phase) == ("v1", None, Phase.COMPLETED)
        assert await store.load("shop") == rollout
        assert [event.kind for _, event in await store.events("shop")] == [EventKind.STARTED]

    async def test_a_stored_one_follows_the_present_spec(self, store: SqliteStore, short_tmp: Path) -> None:
        await store.save(replace(serving(), number=0, revision=0), [])
        await store.save(replace(under_way(Phase.PENDING), number=1, revision=0), [])
        read = spec(short_tmp, rollout={"steps": [{"weight": "7%"}]})
        rollout = await app._load_rollout(store, read, read.service(), 5.0)
        assert (rollout.number, rollout.phase) == (1, Phase.PENDING)
        assert rollout.policy.steps[0] == WeightStep(700) != POLICY.steps[0]

    async def test_a_change_of_what_is_done_is_refused(self, store: SqliteStore, short_tmp: Path) -> None:
        await store.save(replace(serving(), number=0, revision=0), [])
        await store.save(replace(under_way(Phase.BAKING), number=1, revision=0), [])
        read = spec(short_tmp, rollout={"steps": [{"weight": "7%"}]})
        with pytest.raises(RefusedError, match="the changed spec says: `weight 7 %`"):
            await app._load_rollout(store, read, read.service(), 5.0)


class TestUnless:
    """What starts is not waited for once it should stop."""

    async def test_what_started_is_there(self) -> None:
        async def starting() -> str:
            return "up"

        assert await app._unless(asyncio.Event(), starting()) == "up"

    async def test_told_to_stop_it_ends_in_order(self) -> None:
        stop, ended = asyncio.Event(), []

        async def starting() -> str:
            try:
                stop.set()
                await asyncio.Event().wait()
            finally:
                ended.append("in order")
            return "never"

        assert await app._unless(stop, starting()) is None
        assert ended == ["in order"]

    async def test_its_error_is_told(self) -> None:
        async def starting() -> str:
            raise PortInUseError("taken", "take another")

        with pytest.raises(PortInUseError):
            await app._unless(asyncio.Event(), starting())

    async def test_who_is_cancelled_takes_it_along(self) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def starting() -> str:
            try:
                begun.set()
                await asyncio.Event().wait()
            finally:
                ended.set()
            return "never"

        work = asyncio.create_task(app._unless(asyncio.Event(), starting()))
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
            async with app.up(short_tmp / "abreast.yaml", lambda _: None):
                pass
        assert not (short_tmp / ".abreast").exists()

    def test_a_log_that_cannot_be_written(self, short_tmp: Path) -> None:
        with pytest.raises(StoreError, match=r"the log in '.*' cannot be opened: No such file") as caught:
            app._start_logging(StateDir.beside(short_tmp))
        assert "writable" in caught.value.remedy

    def test_all_file_descriptors_that_are_allowed_are_taken(self) -> None:
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
            app._raise_limits()
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.parametrize(
    ("actor", "line"), [("ada", "weight      step 1: 1 %  [ada]"), ("abreast", "weight      step 1: 1 %")]
)
def test_events_are_said_with_the_person_who_caused_them(actor: str, line: str) -> None:
    assert app._line(Event(SystemClock().now(), 1, EventKind.WEIGHT, actor, "step 1: 1 %")) == line
