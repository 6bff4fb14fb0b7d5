"""Rows that are there get the new columns: all of them, in small steps, whoever writes meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres import records
from abreast.postgres.backfill import SWEEPS, Backfill, Pace
from abreast.postgres.connection import Connection, connected
from abreast.postgres.connection import sql as text
from abreast.postgres.patience import Patience
from abreast.schema.names import Relation
from abreast.schema.plan import Plan, TablePlan

RELATION = Relation("public", "t")
DOUBLE = "(new.a * 2)"


def table_plan(key: tuple[str, ...] = ("id",), types: tuple[str, ...] = ("integer",), up: str = DOUBLE) -> TablePlan:
    return TablePlan(RELATION, key, types, (("b", up),), f"new.b IS DISTINCT FROM {up}")


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connected(database) as connection:
        records.prepare(connection)
        connection.execute("CREATE TABLE public.t (id int PRIMARY KEY, a int, b int)")
        connection.execute("INSERT INTO public.t SELECT n, nullif(n % 7, 0) FROM generate_series(1, 100) n")
        yield connection


def begin(connection: Connection, plan: TablePlan) -> records.Migration:
    return records.begin(connection, Plan("public", "v1", "v2", (), (), (), (plan,)))


class Night:
    """Sleep that is written down, and may do something."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.slept: list[float] = []
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def clock(self) -> float:
        """A tenth of a second from one look to the next."""
        self.now += 0.1
        return self.now

    def pace(self) -> Pace:
        return Pace(smallest=10, largest=20, sleep=self.sleep, clock=self.clock)


def left(connection: Connection, up: str = DOUBLE) -> int:
    row = connection.execute(text(f"SELECT count(*) FROM public.t AS new WHERE b IS DISTINCT FROM {up}")).fetchone()
    return int(row[0]) if row else -1


@contextmanager
def holding(url: str, statement: str) -> Iterator[Connection]:
    with psycopg.connect(url) as other:
        other.execute(text(statement))
        yield other


def test_every_row_is_filled_and_the_rest_is_in_proportion(connection: Connection) -> None:
    night = Night(connection)
    shares: list[float] = []
    patience = Patience(tell=lambda _, share: shares.append(share) if share is not None else None)
    migration = begin(connection, table_plan())

    filled = Backfill(connection, migration, table_plan(), patience, night.pace()).run()

    assert filled == 86  # for the others NULL is right
    assert left(connection) == 0
    assert len(night.slept) >= 9
    assert all(rest == pytest.approx(0.05) for rest in night.slept)  # half of what the batch took
    assert shares == sorted(shares)
    after = records.under_way(connection, "public")
    assert after
    assert after.checkpoint == {"sweep": 1}


def test_rows_that_others_hold_are_left_for_the_second_sweep(connection: Connection, database: str) -> None:
    seen: list[int] = []
    with holding(database, "UPDATE public.t SET a = 5 WHERE id IN (3, 50)") as other:

        def tell(what: str, share: float | None) -> None:
            if "are left after sweep 1" in what:
                seen.append(left(connection))
                other.commit()

        Backfill(connection, begin(connection, table_plan()), table_plan(), Patience(tell=tell), Pace(smallest=9)).run()

    assert seen == [2]
    assert left(connection) == 0
    assert connection.execute("SELECT b FROM public.t WHERE id = 50").fetchone() == (10,)


def test_one_that_was_killed_goes_on_where_it_was(connection: Connection) -> None:
    migration = begin(connection, table_plan())
    records.mark(connection, migration, {"after": ["60"], "sweep": 0})
    found = records.under_way(connection, "public")
    assert found
    order: list[tuple[int, ...]] = []

    def tell(what: str, _: float | None) -> None:
        if what.endswith("rows filled"):
            order.append(tuple(row[0] for row in connection.execute("SELECT id FROM public.t WHERE b IS NOT NULL")))

    pace = Pace(smallest=40, largest=40, sleep=lambda _: None)
    Backfill(connection, found, table_plan(), Patience(tell=tell), pace).run()

    assert set(order[0]) == {n for n in range(61, 101) if n % 7}
    assert left(connection) == 0


def test_composite_keys_of_odd_names_and_types_are_walked_in_their_order(connection: Connection) -> None:
    connection.execute(
        'DROP TABLE public.t; CREATE TABLE public.t ("a %s" numeric(5,2), "B""" text, c timestamptz, a int, b int, '
        'PRIMARY KEY ("a %s", "B""", c))'
    )
    connection.execute(
        """INSERT INTO public.t
           SELECT n / 10, 'it''s ' || n % 3, timestamptz '2024-01-01 00:00Z' + n * '1us'::interval, n
             FROM generate_series(1, 95) n"""
    )
    up = "(new.a % 10)"
    plan = table_plan(("a %s", 'B"', "c"), ("numeric(5,2)", "text", "timestamp with time zone"), up)
    pace = Pace(smallest=4, largest=4, sleep=lambda _: None)

    assert Backfill(connection, begin(connection, plan), plan, Patience(), pace).run() == 95

    assert left(connection, up) == 0
    assert connection.execute('SELECT sum("a %s") FROM public.t').fetchone() == (Decimal("414.00"),)


def test_rows_that_never_become_right_are_told_and_may_be_tried_again(connection: Connection) -> None:
    connection.execute(
        "CREATE FUNCTION public.meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.b := -1; RETURN new; END'; "
        "CREATE TRIGGER meddle BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.meddle(); "
        "ALTER TABLE public.t ENABLE ALWAYS TRIGGER meddle"
    )
    migration = begin(connection, table_plan())
    pace = Pace(smallest=100, sleep=lambda _: None)

    with pytest.raises(DatabaseError) as raised:
        Backfill(connection, migration, table_plan(), Patience(), pace).run()

    assert f"backfill t: 86 rows of public.t are still not what `up` gives after {SWEEPS} sweeps" in str(raised.value)
    assert 'SELECT * FROM "public"."t" AS new WHERE new.b IS DISTINCT FROM (new.a * 2) LIMIT 1' in str(raised.value)
    connection.execute("DROP TRIGGER meddle ON public.t")
    stuck = records.under_way(connection, "public")
    assert stuck
    Backfill(connection, stuck, table_plan(), Patience(), pace).run()
    assert left(connection) == 0


def test_its_writes_are_named_so_that_triggers_let_them_pass(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE public.who (name text); "
        "CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.who VALUES (current_setting(''abreast.version'', true)); RETURN new; END'; "
        "CREATE TRIGGER note BEFORE UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.note(); "
        "ALTER TABLE public.t ENABLE ALWAYS TRIGGER note"
    )
    Backfill(connection, begin(connection, table_plan()), table_plan(), Patience(), Pace(sleep=lambda _: None)).run()

    assert connection.execute("SELECT name, count(*) FROM public.who GROUP BY 1").fetchall() == [("~backfill", 86)]
    assert connection.execute("SELECT coalesce(current_setting('abreast.version', true), '')").fetchone() == ("",)


def test_an_answer_that_takes_much_longer_than_at_first_makes_it_rest(connection: Connection) -> None:
    night, told = Night(connection), list[str]()
    migration = begin(connection, table_plan())
    patience = Patience(tell=lambda what, _: told.append(what))
    backfill = Backfill(connection, migration, table_plan(), patience, night.pace())
    backfill.usual_s = 0.001

    backfill.run()

    assert "backfill t: resting, busy" in told
    assert sum(nap == pytest.approx(0.2) for nap in night.slept) >= 9


def test_the_services_own_triggers_take_no_part_where_the_role_may_still_them(connection: Connection) -> None:
    connection.execute("CREATE TABLE public.heard (id int)")
    connection.execute(
        "CREATE FUNCTION public.hear() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN INSERT INTO public.heard VALUES (new.id); RETURN new; END'"
    )
    connection.execute("CREATE TRIGGER hear AFTER UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.hear()")
    backfill = Backfill(connection, begin(connection, table_plan()), table_plan(), Patience(), Pace())
    assert backfill.run() == 86
    assert connection.execute("SELECT count(*) FROM public.heard").fetchone() == (0,)
    connection.execute("UPDATE public.t SET b = NULL")
    connection.execute("TRUNCATE public.heard")
    backfill.stills_triggers = False
    backfill.run()
    assert connection.execute("SELECT count(*) FROM public.heard").fetchone() == (86,)
