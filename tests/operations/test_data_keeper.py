"""The control plane's hand in a real database: it makes sides, fences, finds contradictions, drops; and says so."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest

from abreast.clock import SystemClock
from abreast.model.spec import parse_spec
from abreast.operations import data_keeper
from abreast.operations.data_keeper import Keeper, Wish
from abreast.postgres import records
from abreast.postgres.connection import connected
from abreast.rollout.observed import DataState

MIGRATION = """
operations:
  - alter_column:
      table: products
      column: price
      type: integer
      up: (price * 100)::integer
      down: price / 100.0
"""
DEADLINE_S = 20.0


class Counting(Keeper):
    """Counts how often it has looked; what it saw may be old once it is told."""

    looks = 0
    slowness_s = 0.0

    def _look(self, wish: Wish) -> tuple[DataState, list[str]]:
        found = super()._look(wish)
        self.looks += 1
        time.sleep(self.slowness_s)
        return found


@dataclass
class Kept:
    """A keeper at work, and what it has said."""

    keeper: Counting
    url: str
    events: list[str] = field(default_factory=list)

    async def until(self, true: Callable[[DataState], bool]) -> DataState:
        """Wait for what the database says."""
        async with asyncio.timeout(DEADLINE_S):
            while (state := self.keeper.state()) is None or not true(state):
                await asyncio.sleep(0.02)
        return state

    async def looks_again(self) -> None:
        """Wait for another look."""
        looks = self.keeper.looks
        async with asyncio.timeout(DEADLINE_S):
            while self.keeper.looks == looks:
                await asyncio.sleep(0.02)

    async def says(self, words: str) -> None:
        """Wait for an event."""
        async with asyncio.timeout(DEADLINE_S):
            while not any(words in event for event in self.events):
                await asyncio.sleep(0.02)

    def sql(self, text: str, user: str = "postgres") -> list[tuple[object, ...]]:
        """Run it as that role."""
        with psycopg.connect(self.url, user=user, autocommit=True) as connection:
            found = connection.execute(text.encode())
            return found.fetchall() if found.description else []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks and tries again at once."""
    for name in ("LOOK_S", "AGAIN_S", "CHECK_S"):
        monkeypatch.setattr(data_keeper, name, 0.05)


@asynccontextmanager
async def kept(url: str, directory: Path, migration: str = MIGRATION) -> AsyncIterator[Kept]:
    """A shop with a hundred products, and a keeper that runs."""
    (directory / "m.yaml").write_text(migration, encoding="utf-8")
    text = (
        f"service: shop\nversions: {{v1: {{run: a}}, v2: {{run: b}}}}\n"
        f"data: {{url: '{url}', migrations: {{v2: m.yaml}}, tags: true, unused_for: 0s}}"
    )
    made = Kept(Counting(parse_spec(text, directory=str(directory)), SystemClock(), lambda _: None, lambda: None), url)
    made.keeper._on_event = made.events.append  # it is made before its listener is
    made.sql("CREATE TABLE public.products (id int PRIMARY KEY, price numeric(10,2) NOT NULL)")
    made.sql("INSERT INTO public.products SELECT n, n FROM generate_series(1, 100) n")
    task = asyncio.create_task(made.keeper.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_from_a_side_that_is_made_to_one_that_is_dropped(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        before = await made.until(lambda state: not state.failed)
        assert (before.ready, before.contractible, before.drift) == ((), "", 0), "one side contradicts nobody"
        made.keeper.open("v1", "v2", expand=False)
        made.keeper.open("v1", "v2", expand=True)
        ready = await made.until(lambda state: "v2" in state.ready)
        assert (ready.ready, ready.fenced, ready.contractible) == (("v1", "v2"), (), "v1")
        await made.says("v2 can run beside v1")
        seen = await made.until(lambda state: state.rows == 100)
        assert seen.drift == 0
        made.sql("UPDATE products SET price = 777 WHERE id = 1", "shop_v2")
        with psycopg.connect(database, user="shop_v1"), psycopg.connect(database, user="shop_v1"):
            await made.until(lambda state: state.connected == {"v1": 2})
        await made.until(lambda state: state.connected == {})

        made.keeper.fence("v2")
        fenced = await made.until(lambda state: "v2" in state.fenced)
        assert fenced.ready == ("v1",)
        await made.says("v2 may write nothing any more")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            made.sql("UPDATE products SET price = 1", "shop_v2")
        made.sql("UPDATE products SET price = 2 WHERE id = 2", "shop_v1")

        made.keeper.open("v1", "v2", expand=False)
        await made.until(lambda state: "v2" in state.ready)
        await made.says("v2 may write again")
        made.keeper.contract("v1", "v2")
        alone = await made.until(lambda state: state.contractible == "")
        assert alone.ready == ("v2",)
        await made.says("the side of v1 is dropped")
        assert made.sql("SELECT id, price FROM public.products WHERE id <= 2 ORDER BY id") == [(1, 777), (2, 200)]


async def test_what_is_done_is_not_done_again_for_what_was_seen_before(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        made.keeper.slowness_s = 0.4
        made.keeper.open("v1", "v2", expand=True)
        await made.until(lambda state: "v2" in state.ready and state.rows == 100)
        assert made.events == ["v2 can run beside v1"]


async def test_it_looks_by_one_connection_until_that_breaks(database: str, tmp_path: Path) -> None:
    own = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'abreast'"
    async with kept(database, tmp_path) as made:

        async def other_than(*known: int) -> int:
            """Who of it has been connected for longest, once that is somebody else."""
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    await made.looks_again()
                    found = made.sql(f"SELECT pid {own} ORDER BY backend_start LIMIT 1")
                    if found and found[0][0] not in known:
                        return int(str(found[0][0]))

        first = await other_than()
        assert [await other_than(), await other_than()] == [first] * 2
        made.sql(f"SELECT pg_terminate_backend(pid) {own}")
        second = await other_than(first)
        made.keeper.spec = replace(made.keeper.spec)
        await other_than(first, second)
    async with asyncio.timeout(DEADLINE_S):
        while made.sql(f"SELECT pid {own}"):
            await asyncio.sleep(0.02)


async def test_a_fence_that_a_person_sets_meanwhile_stays(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        made.keeper.open("v1", "v2", expand=True)
        await made.until(lambda state: "v2" in state.ready)
        made.sql('REVOKE "shop_v2~writer" FROM shop_v2')
        await made.until(lambda state: "v2" in state.fenced)
        made.keeper.open("v1", "v2", expand=True)
        for _ in range(3):
            await made.looks_again()
        assert made.sql("SELECT pg_has_role('shop_v2', 'shop_v2~writer', 'MEMBER')") == [(False,)]


async def test_contradicting_rows_are_seen_and_told(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        made.keeper.open("v1", "v2", expand=True)
        await made.until(lambda state: state.rows == 100)
        made.sql("BEGIN; SET LOCAL abreast.version = '~bad'; UPDATE public.products SET price = 5 WHERE id = 7; COMMIT")
        seen = await made.until(lambda state: bool(state.drift))
        assert (seen.drift, seen.rows, seen.example) == (1, 100, "products with id = 7")


async def test_a_fault_of_the_migration_is_told_once_and_a_new_try_reads_it_again(
    database: str, tmp_path: Path
) -> None:
    async with kept(database, tmp_path, MIGRATION.replace("column: price", "column: prize")) as made:
        made.keeper.open("v1", "v2", expand=True)
        failed = await made.until(lambda state: bool(state.failed))
        assert "m.yaml:5: products has no column 'prize' here" in failed.failed
        assert len(made.events) == 1
        (tmp_path / "m.yaml").write_text(MIGRATION, encoding="utf-8")
        made.keeper.fence("v2")
        made.keeper.open("v1", "v2", expand=True)
        await made.until(lambda state: not state.failed and "v2" in state.ready)


async def test_what_is_in_the_way_is_said_and_tried_again(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        with connected(database) as other:
            assert records.take_turn(other)
            made.keeper.open("v1", "v2", expand=True)
            waiting = await made.until(lambda state: state.doing.startswith("waiting: "))
            assert "another abreast migrates this database" in waiting.doing
        await made.until(lambda state: "v2" in state.ready)


async def test_a_database_that_goes_away_is_said_and_what_was_known_stays(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        made.keeper.open("v1", "v2", expand=True)
        await made.until(lambda state: "v2" in state.ready and not state.doing)
        made.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'abreast'")
        name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
        elsewhere = psycopg.conninfo.make_conninfo(database, dbname="postgres")
        with psycopg.connect(elsewhere, autocommit=True) as other:
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            gone = await made.until(lambda state: state.doing.startswith("the database does not answer"))
            assert gone.ready == ("v1", "v2")
            other.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
            await made.until(lambda state: not state.doing)


async def test_a_role_that_no_fence_holds_is_told_once(database: str, tmp_path: Path) -> None:
    async with kept(database, tmp_path) as made:
        made.keeper.open("v1", "v2", expand=True)
        await made.until(lambda state: "v2" in state.ready)
        made.sql("ALTER ROLE shop_v2 SUPERUSER")
        state = await made.until(lambda state: "v2" in state.unfenceable)
        assert "products" in state.unfenceable["v2"]
        made.keeper.fence("v2")
        await made.says("v2 is not fenced: shop_v2 may still write")
        seen = len(made.events)
        made.sql("ALTER ROLE shop_v2 NOSUPERUSER")
        await made.until(lambda state: not state.unfenceable)
        assert len(made.events) == seen
