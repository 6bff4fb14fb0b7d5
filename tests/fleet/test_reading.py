"""A fleet's store read while servers write on, for what is decided anew."""

import psycopg
import pytest
from sqlalchemy.exc import SQLAlchemyError

from abreast.model.errors import StoreError, UsageError
from abreast.replay.source import load, load_shared
from abreast.store.evidence import SqlEvidence
from abreast.store.postgresql import Address, Server
from abreast.store.reading import reading_server
from abreast.store.rows import newest_rollout
from abreast.store.tables import EVENTS, EVIDENCE, ROLLOUTS, SECRETS, TICKS
from tests.contracts.test_evidence import a_tick
from tests.contracts.test_store import a_rollout
from tests.fakes.postgres import ask
from tests.replay.kept import keep
from tests.replay.recorder import REPLAYS

ERRORS = REPLAYS / "rolled-back-by-errors.ndjson"


def role(database: str, *grants: str) -> Address:
    """The store as somebody sees it who may do that and nothing else."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        for grant in grants:
            connection.execute(f"GRANT {grant} TO reader".encode())
    return Address.of(database.replace("postgres@", "reader@"), {})


async def test_it_gives_what_was_recorded_of_that_service(opened: Server, database: str) -> None:
    recording = load(ERRORS)
    await keep(opened.store, recording)
    await opened.store.save(a_rollout(service="till", started_at=recording.start.started_at + 1000.0), [])
    address = Address.of(database, {})
    assert load_shared(address, "shop") == load_shared(address, "shop", 1) == recording
    with pytest.raises(UsageError, match="no record of any rollout of till"):
        load_shared(address, "till")
    with pytest.raises(UsageError, match="holds no rollout of mail"):
        load_shared(address, "mail")


async def test_it_is_one_moment_whatever_servers_write_meanwhile(opened: Server, database: str) -> None:
    await opened.store.save(a_rollout(), [])
    with reading_server(Address.of(database, {})) as connection:
        before = newest_rollout(connection, "shop")
        assert before is not None
        await opened.store.save(before, [])
        assert newest_rollout(connection, "shop") == before
    with reading_server(Address.of(database, {})) as connection:
        assert newest_rollout(connection, "shop") != before


async def test_nothing_can_be_written(opened: Server, database: str) -> None:
    assert await opened.store.load("shop") is None
    with (
        pytest.raises((StoreError, SQLAlchemyError), match="read-only"),
        reading_server(Address.of(database, {})) as connection,
    ):
        connection.execute(SECRETS.insert().values(name="a", value="b"))


async def test_a_role_that_reads_four_tables_is_enough(opened: Server, database: str) -> None:
    await opened.store.save(a_rollout(), [])
    await SqlEvidence(opened.store).save_ticks("shop", 0, [a_tick(1.0)], {})
    tables = ", ".join(f"abreast_store.{each.name}" for each in (ROLLOUTS, EVENTS, TICKS, EVIDENCE))
    reader = role(database, "USAGE ON SCHEMA abreast_store", f"SELECT ON {tables}")
    assert load_shared(reader, "shop", 0).ticks == (a_tick(1.0),)


async def test_a_role_without_rights_is_told(opened: Server, database: str) -> None:
    await opened.store.save(a_rollout(), [])
    with pytest.raises(StoreError, match="too few rights"):
        load_shared(role(database), "shop")


def test_where_there_is_none_nothing_is_made(database: str) -> None:
    with pytest.raises(StoreError, match="has no store of a fleet") as told:
        load_shared(Address.of(database, {}), "shop")
    assert "what the servers are told" in told.value.remedy
    assert ask(database, "SELECT count(*) FROM pg_namespace WHERE nspname = 'abreast_store'") == 0


async def test_one_of_an_older_abreast_has_nothing_to_decide_anew(opened: Server, database: str) -> None:
    assert await opened.store.load("shop") is None
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP TABLE abreast_store.ticks")
    with pytest.raises(StoreError, match="has no ticks: an older abreast") as told:
        load_shared(Address.of(database, {}), "shop")
    assert "abreast server" in told.value.remedy
