"""The store on a real PostgreSQL: rights, migrations at once, writers in turn, and a database that goes away."""

import asyncio
import threading

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from abreast.model.errors import StoreError
from abreast.store.postgresql import SCHEMA, STILL_S, Address, Server, open_server
from abreast.store.postgresql_faults import AwayError
from abreast.store.tables import METADATA
from tests.contracts.test_store import a_rollout, an_event
from tests.fakes.postgres import NEWEST, Servers, ask


def run(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def test_migrations_and_tables_say_the_same(opened: Server) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA))

    assert await opened.store.transact(differences) == []


async def test_of_several_that_open_it_at_once_one_migrates_and_all_are_served(database: str) -> None:
    address = Address.of(database, {})
    opened = await asyncio.gather(*(open_server(address) for _ in range(3)))
    for each in opened:
        assert await each.store.load("shop") is None
        await each.close()
    assert ask(database, "SELECT count(*) FROM abreast_store.alembic_version") == 1


async def test_a_role_that_owns_the_schema_alone_is_enough(database: str) -> None:
    run(database, "CREATE ROLE fleet LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC")
    run(database, f"CREATE SCHEMA {SCHEMA} AUTHORIZATION fleet")
    opened = await open_server(Address.of(database.replace("postgres@", "fleet@"), {}))
    await opened.store.save(a_rollout(), [an_event()])
    await opened.close()
    assert ask(database, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


async def test_a_role_without_rights_is_told_what_to_do(database: str) -> None:
    run(database, "CREATE ROLE nobody LOGIN")
    with pytest.raises(StoreError, match="too few rights") as refused:
        await open_server(Address.of(database.replace("postgres@", "nobody@"), {}))
    assert "CREATE SCHEMA abreast_store AUTHORIZATION" in refused.value.remedy


async def test_events_are_never_changed_nor_deleted(opened: Server, database: str) -> None:
    await opened.store.save(a_rollout(), [an_event()])
    for statement in ("UPDATE {} SET actor = 'eve'", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(psycopg.errors.RaiseException, match="never changed or deleted"):
            run(database, statement.format(f"{SCHEMA}.events"))


async def test_writers_of_several_servers_come_one_after_the_other(database: str) -> None:
    servers = [await open_server(Address.of(database, {})) for _ in range(2)]
    first_is_in, first_may_end = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        first_is_in.set()
        first_may_end.wait(1.0)

    writing = asyncio.create_task(servers[0].store.transact(slow, write=True))
    await asyncio.to_thread(first_is_in.wait, 5)
    second = asyncio.create_task(servers[1].store.secret("tester", "fresh"))
    assert await servers[1].lease.run(lambda connection: connection.execute(text("SELECT 1")).scalar()) == 1
    assert not second.done()
    first_may_end.set()
    await writing
    assert await second == "fresh"
    for each in servers:
        await each.close()


async def test_who_stands_still_in_a_write_is_cut_off_and_nothing_of_it_stays(database: str) -> None:
    servers = [await open_server(Address.of(database, {})) for _ in range(2)]
    is_in, may_end = threading.Event(), threading.Event()

    def still(connection: Connection) -> None:
        is_in.set()
        connection.execute(text("INSERT INTO secrets (name, value) VALUES ('late', 'x')"))
        may_end.wait(STILL_S * 4)
        connection.execute(text("SELECT 1"))

    writing = asyncio.create_task(servers[0].store.transact(still, write=True))
    await asyncio.to_thread(is_in.wait, 5)
    assert await servers[1].store.secret("tester", "fresh") == "fresh"
    may_end.set()
    with pytest.raises(StoreError):
        await writing
    assert await servers[1].store.secret("late", "y") == "y"
    for each in servers:
        await each.close()


async def test_a_database_that_goes_away_is_told_and_met_again(opened: Server, database: str, servers: Servers) -> None:
    saved = await opened.store.save(a_rollout(), [])
    servers[NEWEST].stop()
    with pytest.raises(AwayError, match="not reached") as refused:
        await opened.store.save(saved, [an_event()])
    assert "PostgreSQL runs" in refused.value.remedy
    servers[NEWEST].start()
    async with asyncio.timeout(10):
        while True:
            try:
                saved = await opened.store.save(saved, [an_event()])
                break
            except AwayError:
                await asyncio.sleep(0.05)
    assert saved.revision == 2
    assert len(await opened.store.events("shop")) == 1
