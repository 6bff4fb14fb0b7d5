"""Connections to a real server."""

import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres.connection import PINNED, connected, looking_in, shown, sql


def test_settings_are_pinned_whatever_the_role_the_database_and_the_address_say(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("CREATE ROLE v2 SUPERUSER LOGIN")
        other.execute("ALTER ROLE v2 SET TimeZone = 'Asia/Tokyo'")
        other.execute("ALTER ROLE v2 SET search_path = v2")
        other.execute("ALTER ROLE v2 SET extra_float_digits = -15")
        other.execute("ALTER ROLE v2 SET bytea_output = escape")
    url = f"{database}&user=v2&options=-cDateStyle%3DGerman%20-cIntervalStyle%3Diso_8601"
    with connected(url) as connection:
        for name, value in PINNED.items():
            assert connection.execute("SELECT current_setting(%s)", (name,)).fetchone() == (value,)
        written = "SELECT '2026-01-02 03:04+00'::timestamptz::text, (0.1::float8 + 0.2)::text, '\\x00ff'::bytea::text"
        assert connection.execute(written).fetchone() == ("2026-01-02 03:04:00+00", "0.30000000000000004", "\\x00ff")


def test_the_address_keeps_options_of_its_own_that_are_not_pinned(database: str) -> None:
    with connected(f"{database}&options=-cwork_mem%3D5MB") as connection:
        assert connection.execute("SHOW work_mem").fetchone() == ("5MB",)
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)


@pytest.mark.parametrize("version", ["v2", "~backfill", "with space", "back\\slash", "it's"])
def test_the_version_is_told_to_the_server_letter_by_letter(database: str, version: str) -> None:
    with connected(database, version=version) as connection:
        assert connection.execute("SELECT current_setting('abreast.version', true)").fetchone() == (version,)


def test_who_names_no_version_writes_as_none(database: str) -> None:
    with connected(database) as connection:
        assert connection.execute("SELECT current_setting('abreast.version', true)").fetchone() == (None,)


def test_settings_asked_for_win_over_pinned_ones(database: str) -> None:
    with connected(database, search_path="public, pg_temp", lock_timeout="250") as connection:
        assert connection.execute("SHOW search_path").fetchone() == ("public, pg_temp",)
        assert connection.execute("SHOW lock_timeout").fetchone() == ("250ms",)


def test_each_statement_commits_by_itself_and_the_connection_is_closed_at_the_end(database: str) -> None:
    with connected(database) as connection:
        connection.execute("CREATE TABLE public.seen (id int)")
        with connected(database) as other:
            assert other.execute("SELECT to_regclass('public.seen')::text").fetchone() == ("public.seen",)
    assert connection.closed
    assert other.closed


def test_it_is_closed_after_an_error_too(database: str) -> None:
    with pytest.raises(ZeroDivisionError), connected(database) as connection:
        raise ZeroDivisionError
    assert connection.closed


def test_a_refused_statement_is_told_in_the_servers_words(database: str) -> None:
    with pytest.raises(DatabaseError) as told, connected(database) as connection:
        connection.execute("SELECT * FROM public.nowhere")
    assert 'relation "public.nowhere" does not exist' in told.value.message
    assert "mend what the server names" in told.value.remedy
    assert isinstance(told.value.__cause__, psycopg.errors.UndefinedTable)


def test_a_lock_not_got_is_not_taken_for_a_server_that_is_away(database: str) -> None:
    with connected(database) as holder, holder.transaction():
        holder.execute("CREATE TABLE public.held ()")
        holder.execute("SELECT pg_advisory_xact_lock(1)")
        with (
            pytest.raises(DatabaseError, match="lock timeout") as told,
            connected(database, lock_timeout="20") as other,
        ):
            other.execute("SELECT pg_advisory_lock(1)")
    assert "mend what the server names" in told.value.remedy


def test_a_session_ended_by_the_server_is_told(database: str) -> None:
    def end_then_use() -> None:
        with connected(database) as other, connected(database) as connection:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseError) as told:
        end_then_use()
    assert "terminating connection" in told.value.message
    assert "see that PostgreSQL runs" in told.value.remedy


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with (
        pytest.raises(DatabaseError) as told,
        connected("postgresql://shop:s3cret@/orders?host=/nowhere/at/all&port=5433"),
    ):
        pass
    assert told.value.message.startswith("connecting to orders at /nowhere/at/all:5433: ")
    assert "s3cret" not in str(told.value)
    assert "see that PostgreSQL runs" in told.value.remedy


def test_a_database_that_is_not_there_is_told_in_the_servers_words(database: str) -> None:
    with (
        pytest.raises(DatabaseError, match='database "missing" does not exist'),
        connected(f"{database}&dbname=missing"),
    ):
        pass


@pytest.mark.parametrize(
    "url", ["postgresql:/shop:s3cret@db/orders", "shop:s3cret", "postgresql://shop:s3cret@[db/orders"]
)
def test_an_address_that_is_none_is_refused_without_quoting_its_password(url: str) -> None:
    with pytest.raises(DatabaseError, match="not one that PostgreSQL understands") as told, connected(url):
        pass
    assert "s3cret" not in str(told.value)
    assert told.value.__cause__ is None
    assert told.value.__suppress_context__


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("postgresql://shop:s3cret@db.example:5433/orders", "orders at db.example:5433"),
        ("postgresql://shop:s3cret@db.example/orders", "orders at db.example"),
        ("host=db.example password=s3cret", "its default database at db.example"),
        ("dbname=orders hostaddr=127.0.0.1", "orders at 127.0.0.1"),
        ("postgresql:///orders", "orders at the local socket"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, text: str) -> None:
    assert shown(url) == text


def test_text_for_the_server_is_the_text_given() -> None:
    assert sql('SELECT "a"') == 'SELECT "a"'


def test_names_of_a_schema_are_found_for_a_while_and_temporary_ones_last(database: str) -> None:
    with connected(database) as connection:
        connection.execute("CREATE TABLE public.t (a int); CREATE TEMP TABLE t (b int)")
        with connection.transaction(), looking_in(connection, "public"):
            assert connection.execute("SELECT 't'::regclass = 'public.t'::regclass").fetchone() == (True,)
        assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)
        with connection.transaction():
            with looking_in(connection, 'a "b'):
                assert connection.execute("SHOW search_path").fetchone() == ('"a ""b", pg_temp',)
            assert connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)
