"""The spec out of a key in etcd: what is wrong there, or with it, changes nothing."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from abreast.app import etcd_spec
from abreast.app.etcd_place import EtcdPlace
from abreast.app.etcd_spec import EtcdSpec, told
from abreast.model.errors import Fault, SpecError, UsageError
from abreast.model.spec import Spec
from tests.fakes.clock import FakeClock
from tests.fakes.etcd_keys import FakeEtcd

GOOD = "service: shop\nversions: {v1: {endpoints: ['127.0.0.1:8']}}\n"
OTHER = GOOD + "rollout: {steps: [{weight: 7%}]}\n"
PLACE = EtcdPlace("etcd://127.0.0.1:2379/shop", ("http://127.0.0.1:2379",), "shop")


class World:
    """One key, who reads it, and what was said."""

    def __init__(self, folder: Path, text: str | bytes | None = GOOD) -> None:
        self.clock = FakeClock()
        self.etcd = FakeEtcd()
        if text is not None:
            self.etcd.put("shop", text)
        self.spec = EtcdSpec(PLACE, self.etcd, folder, folder / "spec.json")
        self.changes = 0
        self.said: list[str] = []

    def _changed(self) -> None:
        self.changes += 1

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        work = asyncio.create_task(self.spec.watch(self.clock, Random(1), self._changed, self.said.append))
        await self.clock.settle()
        yield
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work

    async def accepts(self) -> Spec:
        spec = await self.spec.first()
        self.spec.accepted()
        return spec


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


class TestReading:
    async def test_the_spec_is_what_stands_there(self, world: World, tmp_path: Path) -> None:
        spec = await world.spec.first()
        assert (spec.service().name, spec.directory) == ("shop", str(tmp_path))
        assert world.spec.origin == "etcd://127.0.0.1:2379/shop at revision 11"
        assert world.spec.said == []

    async def test_every_fault_is_told_with_its_line_and_the_key(self, tmp_path: Path) -> None:
        world = World(tmp_path, GOOD + "retyr: 5\nstable: v9\n")
        with pytest.raises(SpecError) as caught:
            await world.spec.first()
        assert [(each.file, each.line) for each in caught.value.faults] == [(str(PLACE), 3), (str(PLACE), 4)]

    async def test_no_key_says_how_to_write_it(self, tmp_path: Path) -> None:
        world = World(tmp_path, None)
        with pytest.raises(UsageError, match="there is no such key") as caught:
            await world.spec.first()
        assert caught.value.remedy == "write it: etcdctl put shop < abreast.yaml"

    async def test_a_key_with_a_slash_before_it_is_pointed_at(self, tmp_path: Path) -> None:
        world = World(tmp_path, None)
        world.etcd.put("/shop", GOOD)
        with pytest.raises(UsageError) as caught:
            await world.spec.first()
        assert caught.value.remedy.startswith("there is a key '/shop': write two slashes")

    async def test_a_value_that_is_too_large_is_refused_before_it_is_read(self, tmp_path: Path) -> None:
        world = World(tmp_path, b"#" * (etcd_spec.LARGEST_BYTES + 1))
        with pytest.raises(UsageError, match="1,000,001 bytes, allowed are 1,000,000"):
            await world.spec.first()

    async def test_a_value_that_is_no_text_is_a_fault_at_its_line(self, tmp_path: Path) -> None:
        world = World(tmp_path, b"service: shop\n\xff")
        with pytest.raises(SpecError) as caught:
            await world.spec.first()
        assert str(caught.value.faults[0]).startswith(f"{PLACE}:2: byte 0xff is no UTF-8")

    async def test_etcd_away_says_so_and_what_to_do(self, world: World) -> None:
        world.etcd.away = True
        with pytest.raises(UsageError, match="etcd does not answer: refused") as caught:
            await world.spec.first()
        assert caught.value.remedy.startswith("start etcd, or correct --config")

    async def test_closing_lets_go_of_the_client(self, world: World) -> None:
        await world.spec.close()
        assert world.etcd.closed


class TestKept:
    @pytest.mark.parametrize("trouble", ["away", "deleted", "broken"])
    async def test_the_last_good_spec_is_used_and_said(self, world: World, tmp_path: Path, trouble: str) -> None:
        await world.accepts()
        later = World(tmp_path, None if trouble == "deleted" else "versions: [" if trouble == "broken" else GOOD)
        later.etcd.away = trouble == "away"
        assert (await later.spec.first()).service().name == "shop"
        (sentence,) = later.spec.said
        assert sentence.endswith("; the last good spec is used, of revision 11")
        words = {"away": "etcd does not answer", "deleted": "there is no such key", "broken": "1 fault: line 1"}
        assert words[trouble] in sentence
        assert words[trouble] in later.spec.trouble()
        later.spec.accepted()
        assert later.spec.trouble() != "", "what is in force is not what stands there"
        assert later.spec.origin == f"{PLACE} at revision 11"

    async def test_it_is_for_this_user_alone(self, world: World, tmp_path: Path) -> None:
        await world.accepts()
        assert (tmp_path / "spec.json").stat().st_mode & 0o077 == 0

    async def test_the_last_one_that_was_accepted_is_kept(self, world: World, tmp_path: Path) -> None:
        await world.accepts()
        world.etcd.put("shop", OTHER)
        await world.accepts()
        world.etcd.put("shop", "versions: [")
        with pytest.raises(SpecError):
            await world.spec.load()
        world.spec.accepted()
        later = World(tmp_path)
        later.etcd.away = True
        assert (await later.spec.first()).keys.rollout.steps is not None

    @pytest.mark.parametrize(
        "text",
        ["", "{}", "[]", "null", '{"key": "other", "revision": 1, "text": "x"}', '{"key": "shop", "revision": "x"}'],
    )
    async def test_what_cannot_be_used_is_as_none(self, world: World, tmp_path: Path, text: str) -> None:
        (tmp_path / "spec.json").write_text(text, encoding="utf-8")
        world.etcd.away = True
        with pytest.raises(UsageError, match="does not answer"):
            await world.spec.first()

    async def test_one_that_is_not_good_any_more_is_not_used(
        self, world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = {"key": "shop", "revision": 5, "text": "versions: 5"}
        (tmp_path / "spec.json").write_text(json.dumps(kept), encoding="utf-8")
        world.etcd.away = True
        with pytest.raises(UsageError, match="does not answer"):
            await world.spec.first()
        assert "is not good any more" in caplog.text

    async def test_a_file_that_cannot_be_written_is_only_logged(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        world = World(tmp_path)
        world.spec._file = tmp_path / "gone" / "spec.json"
        await world.accepts()
        assert "the spec cannot be kept in" in caplog.text


class TestWatching:
    async def test_a_change_is_told_once(self, world: World) -> None:
        await world.accepts()
        async with world.watching():
            assert world.changes == 0
            world.etcd.put("shop", OTHER)
            await world.clock.settle()
            assert world.changes == 1
            assert (await world.spec.load()).keys.rollout.steps is not None
            await world.clock.settle()
            assert (world.changes, world.said) == (1, [])

    async def test_the_same_document_again_is_no_change(self, world: World) -> None:
        await world.accepts()
        async with world.watching():
            world.etcd.put("shop", GOOD)
            await world.clock.settle()
            world.etcd.put("elsewhere", "x")
            await world.clock.settle()
            assert (world.changes, world.said) == (0, [])

    async def test_a_deleted_key_is_said_and_is_no_change(self, world: World) -> None:
        await world.accepts()
        async with world.watching():
            world.etcd.delete("shop")
            await world.clock.settle()
            world.etcd.put("elsewhere", "x")
            await world.clock.settle()
            assert world.said == [f"{PLACE}: the key is gone; the last good spec stays"]
            assert world.changes == 0
            assert world.spec.trouble() == f"{PLACE}: the key is gone"
            world.etcd.put("shop", GOOD)
            await world.clock.settle()
            assert world.changes == 1, "it is there again"
            await world.accepts()
            assert world.spec.trouble() == ""

    async def test_away_and_back_are_said_once_and_what_changed_meanwhile_is_told(self, world: World) -> None:
        await world.accepts()
        async with world.watching():
            world.etcd.away = True
            world.etcd.wake()
            await world.clock.settle()
            await world.clock.advance(30.0)
            assert world.said == [f"{PLACE}: etcd does not answer: refused; the spec stays as it is"]
            assert "does not answer" in world.spec.trouble()
            assert 6 < world.etcd.reads < 40, "with back-off"
            world.etcd.put("shop", OTHER)
            world.etcd.away = False
            await world.clock.advance(etcd_spec.BACKOFF.backoff_most_s)
            assert world.said[1:] == [f"{PLACE}: etcd answers again"]
            assert world.spec.trouble() == ""
            assert world.changes == 1

    async def test_a_watch_that_cannot_be_held_is_no_trouble_but_slower(self, world: World) -> None:
        await world.accepts()
        world.etcd.watches = False
        async with world.watching():
            await world.clock.advance(10.0)
            assert 2 < world.etcd.reads < 20, "with back-off"
            world.etcd.put("shop", OTHER)
            await world.clock.advance(etcd_spec.BACKOFF.backoff_most_s)
            assert (world.changes, world.said) == (1, [])

    async def test_a_load_that_met_nobody_is_told_of_once_more(self, world: World) -> None:
        await world.accepts()
        async with world.watching():
            world.etcd.put("shop", OTHER)
            await world.clock.settle()
            world.etcd.away = True
            with pytest.raises(UsageError):
                await world.spec.load()
            world.etcd.away = False
            world.etcd.wake()
            await world.clock.settle()
            assert world.changes == 2

    async def test_what_was_away_at_the_start_is_told_when_it_is_there(self, world: World, tmp_path: Path) -> None:
        await world.accepts()
        later = World(tmp_path, OTHER)
        later.etcd.away = True
        await later.spec.first()
        async with later.watching():
            later.etcd.away = False
            await later.clock.advance(etcd_spec.BACKOFF.backoff_most_s)
            assert later.changes == 1


def test_an_error_in_one_line_has_every_fault_up_to_a_bound() -> None:
    faults = tuple(Fault("f", line, "a.b" if line % 2 else "", "wrong", "mend") for line in range(1, 26))
    text = told(SpecError(faults))
    assert text.startswith("f: 25 faults: line 1: a.b: wrong; line 2: wrong; line 3: a.b: wrong")
    assert text.endswith("; and 5 more")
    assert "\n" not in text
    assert told(UsageError("it is so", "do that")) == "it is so"
