"""What a version wrote is read in order, in little memory, and never before all that came earlier."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from abreast.model.errors import RefusedError
from abreast.postgres.changes import ROWS_AT_ONCE, changes
from abreast.postgres.connection import Connection, connected
from abreast.postgres.journal import enable
from abreast.schema.names import Relation

ITEMS = Relation("public", "items")
ORDERS = Relation("sales", "orders")


@pytest.fixture
def owner(database: str) -> Iterator[Connection]:
    with connected(database) as connection:
        connection.execute("CREATE TABLE public.items (id integer PRIMARY KEY, price numeric)")
        connection.execute("CREATE SCHEMA sales CREATE TABLE orders (id integer PRIMARY KEY, f float8)")
        enable(connection, (ITEMS, ORDERS))
        yield connection


def test_one_versions_writes_as_they_were(database: str, owner: Connection) -> None:
    with connected(database, version="v2") as v2:
        v2.execute("INSERT INTO public.items VALUES (1, 1.50)")
        owner.execute("UPDATE public.items SET price = 2")
        v2.execute("UPDATE public.items SET id = 2")
        v2.execute("DELETE FROM public.items")
        v2.execute("TRUNCATE public.items")
    made = list(changes(owner, "v2"))
    assert [(each.op, each.key, each.moved_to) for each in made] == [
        ("i", '{"id": 1}', ""),
        ("u", '{"id": 1}', '{"id": 2}'),
        ("d", '{"id": 2}', ""),
        ("t", "", ""),
    ]
    assert (made[0].old, made[0].new) == (None, '{"id": 1, "price": 1.50}')
    assert (made[2].old, made[2].new) == ('{"id": 2, "price": 2}', None)
    assert [each.seq for each in made] == sorted(each.seq for each in made)
    assert all(abs(each.at - datetime.now(UTC)) < timedelta(minutes=1) for each in made)
    assert [each.op for each in changes(owner, "")] == ["u"]


def test_since_and_tables_narrow_it(database: str, owner: Connection) -> None:
    with connected(database, version="v2") as v2:
        v2.execute("INSERT INTO public.items VALUES (1, 1)")
        v2.execute("INSERT INTO sales.orders VALUES (1, '-0')")
    (first, second) = changes(owner, "v2")
    assert [each.seq for each in changes(owner, "v2", since=second.at)] == [second.seq]
    assert [each.seq for each in changes(owner, "v2", tables=(ITEMS,))] == [first.seq]
    assert [each.seq for each in changes(owner, "v2", tables=(ORDERS, ITEMS))] == [first.seq, second.seq]
    assert list(changes(owner, "v2", tables=(Relation("public", "orders"),))) == []
    assert (second.texts, second.new) == (("f",), '{"f": "-0", "id": 1}')


def test_what_commits_after_an_older_transaction_waits_for_it(database: str, owner: Connection) -> None:
    with connected(database, version="v2") as early, connected(database, version="v2") as late:
        early.execute("BEGIN")
        early.execute("INSERT INTO public.items VALUES (1, 1)")
        late.execute("INSERT INTO public.items VALUES (2, 2)")
        assert list(changes(owner, "v2")) == []
        early.execute("COMMIT")
        assert [each.key for each in changes(owner, "v2")] == ['{"id": 1}', '{"id": 2}']


def test_a_portion_at_a_time(database: str, owner: Connection) -> None:
    with connected(database, version="v2") as v2:
        v2.execute("INSERT INTO public.items SELECT n, n FROM generate_series(1, 2500) n")
        reading = changes(owner, "v2")
        assert next(reading).key == '{"id": 1}'
        cursors = owner.execute("SELECT count(*) FROM pg_cursors WHERE name = 'abreast_changes'").fetchone()
        assert (cursors, ROWS_AT_ONCE) == ((1,), 1_000)
        assert sum(1 for _ in reading) == 2499
        assert owner.info.transaction_status.name == "IDLE"


def test_stopping_early_ends_the_transaction(database: str, owner: Connection) -> None:
    owner.execute("INSERT INTO public.items VALUES (1, 1), (2, 2)")
    reading = changes(owner, "")
    next(reading)
    reading.close()
    assert owner.info.transaction_status.name == "IDLE"


def test_without_a_journal_there_is_nothing_to_read(database: str) -> None:
    with connected(database) as connection, pytest.raises(RefusedError, match="no journal"):
        next(changes(connection, "v2"))
