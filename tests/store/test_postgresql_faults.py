import psycopg
import pytest
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, OperationalError

from abreast.model.errors import StoreCorruptError, StoreError
from abreast.ports import VersionCounts
from abreast.store.postgresql_faults import AwayError, ServerFaults
from abreast.store.rows import COUNTS_JSON

FAULTS = ServerFaults("abreast at db.example.com")


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (pg.InvalidPassword("no"), "refuses the user", "--store"),
        (pg.InvalidCatalogName("no"), "no such database", "createdb"),
        (pg.InsufficientPrivilege("no"), "too few rights", "abreast_store"),
        (pg.UndefinedTable("no"), "a table is missing", "backup"),
        (pg.ReadOnlySqlTransaction("no"), "read-only", "primary"),
        (pg.DiskFull("no"), "disk is full", "make room"),
        (pg.TooManyConnections("no"), "no connection left", "max_connections"),
        (pg.LockNotAvailable("no"), "keeps it locked", "pg_stat_activity"),
        (pg.QueryCanceled("no"), "took too long", "busy"),
        (pg.IdleInTransactionSessionTimeout("no"), "stood still", "try again"),
        (pg.ForeignKeyViolation("no"), "refused", "report"),
        (psycopg.OperationalError("FATAL: password authentication failed"), "refuses the user", "--store"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_cause_has_its_sentence_and_remedy(error: psycopg.Error, what: str, remedy: str) -> None:
    told = FAULTS.told(error)
    assert told.message.startswith("abreast at db.example.com: ")
    assert what in told.message
    assert "nothing of this change was written" in told.message
    assert remedy in told.remedy
    assert not FAULTS.away(told)


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError("connection refused"), pg.AdminShutdown("bye"), pg.CannotConnectNow("starting")],
    ids=lambda error: type(error).__name__,
)
def test_what_is_not_reached_is_away(error: psycopg.Error) -> None:
    told = FAULTS.told(error)
    assert isinstance(told, AwayError)
    assert FAULTS.away(told)
    assert "not reached" in told.message


def test_explained_turns_each_kind_of_failure_into_ours() -> None:
    for raised in (pg.DiskFull("full"), OperationalError("INSERT", {}, pg.DiskFull("full"))):
        with pytest.raises(StoreError, match="disk is full"), FAULTS.explained():
            raise raised
    with pytest.raises(StoreCorruptError, match="VersionCounts"), FAULTS.explained():
        COUNTS_JSON.validate_json('{"codes": "none"}')


def test_explained_lets_pass_what_is_not_the_stores() -> None:
    with pytest.raises(KeyError), FAULTS.explained():
        raise KeyError
    with pytest.raises(DBAPIError), FAULTS.explained():
        raise DBAPIError("SELECT", {}, ValueError("another driver's"))
    assert COUNTS_JSON.validate_json("{}") == VersionCounts()


def test_damage_says_what_to_do_with_the_schema() -> None:
    damage = FAULTS.damaged("a tick makes no sense")
    assert "ALTER SCHEMA abreast_store RENAME" in damage.remedy
