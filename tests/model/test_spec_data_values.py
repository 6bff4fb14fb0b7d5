"""How addresses of databases, names in them and migrations are read and refused."""

from typing import Final

import jsonschema
import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pydantic_core import PydanticCustomError

from abreast.model.spec_data_values import (
    checked_database_url,
    database_url,
    migration_files,
    multiple,
    reserved_role,
    role_name,
    service_schema,
    sharing,
    sql_name,
    tables,
)
from tests.model.test_spec_values import refusal

KINDS: Final = {
    "url": database_url(),
    "mode": sharing(),
    "name": sql_name("the name of a table"),
    "schema": service_schema(),
    "role": role_name(),
    "files": migration_files(),
    "tables": tables(),
    "multiple": multiple(),
}
URLS: Final = (
    "postgresql://",
    "postgresql:///shop",
    "postgres://db/shop",
    "postgresql://abreast:p%40ss@db:5432/shop?sslmode=require&application_name=x",
    "postgresql://u:a:b?c@db/",
    "postgresql://a:1,b:2,[::1]:5432/shop?target_session_attrs=read-write",
    "postgresql://%2Fvar%2Frun/shop",
    "postgresql:///shop?host=/var/run",
    "postgresql://[fe80::1%25eth0]/shop",
    "host=db dbname=shop",
    " host = '/var/run' password='it\\'s a secret' user=a\\ b ",
    "dbname='a b'user=c",
    "dbname=''",
)
"""Addresses that libpq takes."""
NO_URLS: Final = {
    "": "an empty text is no address",
    " ": "this text is no address",
    "shop": "this text is no address",
    "hidden=": "",
    "host=a hidden": "this text is no address",
    "password='hidden": "this text is no address",
    "mysql://u:hidden@db/shop": "'mysql://…' is no address of a PostgreSQL",
    "postgresql+psycopg://u:hidden@db/shop": "an address for SQLAlchemy",
    "postgresql://u:hidden@db:port/shop": "what stands where the host should is none",
    "postgresql://u:hid/den@db/shop": "what stands where the host should is none",
    "postgresql://u:hid@den@db/shop": "what stands where the host should is none",
    "postgresql://[::1/shop": "what stands where the host should is none",
    "postgresql://db:0/shop": "its port is none",
    "postgresql://db:65536/shop": "its port is none",
    "postgresql://db:99999999999999/shop": "its port is none",
    "postgresql://u:hidden%@db/shop": "a % is not followed by",
    "postgresql://u:hidden%00@db/shop": "a % is not followed by",
    "postgresql://u:hidden @db/shop": "there is a blank in it",
    "postgresql://u:hidden@db/shop?sslmode": "no list of options",
    "postgresql://db/shop?a=b=hidden": "no list of options",
    "postgresql://db\0": "is no address",
}


@pytest.mark.parametrize("url", URLS)
def test_an_address_of_libpq_s_is_taken_as_it_is(url: str) -> None:
    assert conninfo_to_dict(url) is not None
    assert database_url().read(url) == url


@pytest.mark.parametrize(("url", "words"), [pair for pair in NO_URLS.items() if pair[1]])
def test_what_is_no_address_is_refused_without_its_password(url: str, words: str) -> None:
    message, remedy = refusal(KINDS["url"], url)
    assert words in message
    assert remedy
    assert "hid" not in message + remedy


@given(
    st.lists(st.sampled_from([*"u:p@h/?&=,' \\%#[]0", "postgresql://", "host=a", "%40", "[::1]", "5432"]), max_size=9)
)
@example(["postgresql://", "u", ":", "@", "@"])
def test_no_address_is_taken_that_libpq_cannot_read(parts: list[str]) -> None:
    text = "".join(parts)
    try:
        checked_database_url(text)
    except PydanticCustomError:
        return
    try:
        conninfo_to_dict(text)
    except psycopg.ProgrammingError as error:
        # Which options there are is for the library that is installed.
        assert "URI query parameter" in str(error) or "invalid connection option" in str(error)  # noqa: PT017  # expected


def test_an_address_with_variables_waits_until_they_are_known() -> None:
    for text in ("${URL}", "postgresql://u:${P}@db:port"):
        assert database_url().read(text) == text
    with pytest.raises(PydanticCustomError):
        checked_database_url("${URL}")


@pytest.mark.parametrize(
    ("kind", "found", "value"),
    [
        ("mode", "shared", "shared"),
        ("name", "Price list", "Price list"),
        ("name", "ä" * 31 + "x", "ä" * 31 + "x"),
        ("schema", "shop", "shop"),
        ("schema", "pgbench", "pgbench"),
        ("role", "Shop.v2", "Shop.v2"),
        ("files", "a.yaml", ("a.yaml",)),
        ("files", ["m/a.yml", "/b.JSON"], ("m/a.yml", "/b.JSON")),
        ("tables", True, True),
        ("tables", False, ()),
        ("tables", [], ()),
        ("tables", ["a", "B c"], ("a", "B c")),
        ("multiple", 0, 0.0),
        ("multiple", 0.5, 0.5),
        ("multiple", 100, 100.0),
    ],
)
def test_what_is_sound_is_read_and_fits_the_schema(kind: str, found: object, value: object) -> None:
    assert KINDS[kind].read(found) == value
    assert jsonschema.Draft202012Validator(KINDS[kind].schema).is_valid(found)


@pytest.mark.parametrize(
    ("kind", "found", "message", "remedy"),
    [
        ("url", None, "nothing is no address", "postgresql://USER@HOST"),
        ("url", 5, "`5` is no address", "postgresql://USER@HOST"),
        ("mode", "synced", "not supported by this version of abreast yet", "write `shared`"),
        ("mode", "share", "'share' is not allowed here, only `shared`", "write `shared`"),
        ("name", "", "'' is not allowed here", "the name of a table"),
        ("name", None, "nothing is not allowed here", "the name of a table"),
        ("name", "a\0", "NUL", "remove it"),
        ("schema", "abreast", "abreast's own tables", "the service's tables"),
        ("schema", "pg_catalog", "PostgreSQL's own", "the service's tables"),
        ("schema", "pg", "with a version behind it", "the service's tables"),
        ("schema", "information_schema", "PostgreSQL's own", "the service's tables"),
        ("role", "pg_shop", "PostgreSQL keeps for itself", "another"),
        ("role", "public", "PostgreSQL keeps for itself", "another"),
        ("role", "x" * 64, "has 64 bytes", "at most 63"),
        ("files", "", "'' is not allowed here", "write a path"),
        ("files", [], "no file is listed", "remove the version"),
        ("files", ["a.yaml", "b.sql"], "'b.sql' is no migration in pgroll's format", "abreast data lint"),
        ("files", "migrations", "'migrations' is no migration", ".yaml, .yml, .json"),
        ("files", {"a": 1}, "a mapping of keys is not allowed here", "write a path"),
        ("tables", "products", "'products' is not allowed here", "write a list of tables, or `true`"),
        ("tables", [""], "'' is not allowed here", "the name of a table"),
        ("multiple", -1, "`-1` is not allowed here", "from 0 to 100"),
        ("multiple", 101, "`101` is not allowed here", "from 0 to 100"),
        ("multiple", True, "`true` is not allowed here", "from 0 to 100"),
        ("multiple", "0.5", "'0.5' is not allowed here", "from 0 to 100"),
    ],
)
def test_what_is_not_is_refused_with_a_remedy_and_by_the_schema(
    kind: str, found: object, message: str, remedy: str
) -> None:
    said, next_move = refusal(KINDS[kind], found)
    assert message in said
    assert remedy in next_move
    assert "\0" in str(found) or not jsonschema.Draft202012Validator(KINDS[kind].schema).is_valid(found)


def test_bytes_of_a_name_count_and_not_characters() -> None:
    said, _ = refusal(KINDS["name"], "ä" * 32)
    assert "has 64 bytes" in said


def test_only_whole_names_are_reserved() -> None:
    assert [name for name in ("public", "publication", "none", "nonesuch", "pg_x", "pgx") if reserved_role(name)] == [
        "public",
        "none",
        "pg_x",
    ]
