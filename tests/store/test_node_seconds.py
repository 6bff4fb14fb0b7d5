"""Seconds in the store: each once, as they were written for two minutes, whatever clocks say."""

import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text

from abreast.nodes.joined import KEPT_S
from abreast.nodes.second import NodeSecond
from abreast.store.node_seconds import Told, add_seconds, seconds_after
from abreast.store.sql import SqlStore
from abreast.store.sqlite import open_store
from tests.nodes.seconds import BEGIN, second
from tests.store.lease_world import CLOCK, World, make_clock


class Shelf:
    """The seconds of the service ``shop``; the database's clock stands until a test moves it."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.world = World(store, "shop")

    async def add(self, *seconds: NodeSecond, now: float = BEGIN, service: str = "shop") -> None:
        await self.store.transact(lambda connection: add_seconds(connection, service, seconds, now, CLOCK), write=True)

    async def after(self, id_: int = 0) -> Sequence[Told]:
        return await self.store.transact(lambda connection: seconds_after(connection, "shop", id_, CLOCK))

    async def numbers(self) -> list[tuple[str, int]]:
        return [(each.second.node, each.second.number) for each in await self.after()]


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    store = await open_store(tmp_path / "abreast.db")
    await make_clock(store)
    yield Shelf(store)
    await store.close()


async def test_they_come_back_whole_and_only_once_to_who_remembers_the_last(shelf: Shelf) -> None:
    first, other = second("a", 1, 10, 2, in_flight=3), second("b", 1, 5)
    await shelf.add(first)
    await shelf.add(other)
    told = await shelf.after()
    assert [each.second for each in told] == [first, other]
    assert await shelf.after(told[0].id) == told[1:]
    assert list(await shelf.after(told[1].id)) == []


async def test_a_write_that_is_tried_again_adds_nothing(shelf: Shelf) -> None:
    await shelf.add(second("a", 1, 10), second("a", 2, 10))
    await shelf.add(second("a", 1, 10), second("a", 2, 10), second("a", 3, 10))
    assert await shelf.numbers() == [("a", 1), ("a", 2), ("a", 3)]


async def test_one_that_comes_out_of_order_is_taken_and_another_start_is_another(shelf: Shelf) -> None:
    await shelf.add(second("a", 3))
    await shelf.add(second("a", 2))
    await shelf.add(second("a", 3, since=BEGIN + 60))
    assert await shelf.numbers() == [("a", 3), ("a", 2), ("a", 3)]


async def test_how_long_ago_one_ended_needs_no_two_clocks_to_agree(shelf: Shelf) -> None:
    await shelf.add(second("a", 1), now=BEGIN + 1.25)
    await shelf.world.pass_(2.0)
    (told,) = await shelf.after()
    assert told.ended_ago_s == pytest.approx(2.25)


async def test_after_two_minutes_they_go_and_their_ids_are_not_used_again(shelf: Shelf) -> None:
    await shelf.add(second("a", 1))
    (before,) = await shelf.after()
    await shelf.world.pass_(KEPT_S + 1)
    await shelf.add(second("a", 122))
    (after,) = await shelf.after()
    assert after.second.number == 122
    assert after.id > before.id


async def test_services_do_not_meet(shelf: Shelf) -> None:
    await shelf.add(second("a", 1), service="till")
    assert list(await shelf.after()) == []


async def test_what_another_release_wrote_and_makes_no_sense_is_left_out(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    await shelf.add(second("a", 1), second("a", 2))
    broken = text("UPDATE node_seconds SET body = '{}' WHERE number = 1")
    await shelf.store.transact(lambda connection: connection.execute(broken).rowcount, write=True)
    with caplog.at_level(logging.WARNING):
        assert await shelf.numbers() == [("a", 2)]
    assert "makes no sense" in caplog.text
