"""Migrations begin, end and are refused, each with what stands in the way and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres import records
from abreast.postgres.connection import Connection, connected
from abreast.postgres.connection import sql as text
from abreast.postgres.migrate import Migrator
from abreast.postgres.patience import Patience
from abreast.postgres.roles import fence, role_state
from abreast.schema.migration import read_migration
from abreast.schema.plan import Plan
from abreast.schema.views import Version

OLD = Version("v1", "shop_v1", "public")
NEW = Version("v2", "shop_v2", "public")
CENTS = """operations: [{alter_column: {table: products, column: price, type: bigint,
                                         up: (price * 100)::bigint, down: price / 100.0}}]"""


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connected(database) as connection:
        connection.execute("CREATE TABLE public.products (id int PRIMARY KEY, name text, price numeric(10,2))")
        connection.execute("INSERT INTO public.products VALUES (1, 'a', 1), (2, 'b', 2.5)")
        yield connection


def impatient(connection: Connection) -> Migrator:
    """One that does not wait for another."""
    return Migrator(connection, Patience(pause_s=0.01), turn_s=0.0, sleep=lambda _: None)


def plan_of(connection: Connection, migration: str = CENTS, new: Version = NEW) -> Plan:
    return impatient(connection).plan("public", read_migration("m.yaml", migration).operations, OLD, new)


def expand(connection: Connection, migration: str = CENTS) -> Migrator:
    migrator = impatient(connection)
    migrator.expand(plan_of(connection, migration), NEW)
    return migrator


@contextmanager
def refused(what: str, remedy: str) -> Iterator[None]:
    with pytest.raises(RefusedError) as raised:
        yield
    assert what in raised.value.message
    assert remedy in str(raised.value.remedy)


def phase(connection: Connection) -> tuple[str, int]:
    found = records.latest(connection, "public")
    assert found
    return found.phase, found.step


def test_planning_changes_nothing(connection: Connection) -> None:
    before = connection.execute("SELECT count(*) FROM pg_class").fetchone()

    plan_of(connection)

    assert connection.execute("SELECT count(*) FROM pg_class").fetchone() == before
    assert not records.prepared(connection)


def test_adopting_again_changes_nothing_and_keeps_those_who_use_it(connection: Connection, database: str) -> None:
    migrator = impatient(connection)
    migrator.adopt(OLD)
    with psycopg.connect(database, user=OLD.role, autocommit=True, prepare_threshold=0) as user:
        query = "SELECT * FROM products ORDER BY id"
        before = user.execute(query).fetchall()
        migrator.adopt(OLD)
        assert user.execute(query).fetchall() == before
        user.execute("UPDATE products SET name = 'c' WHERE id = 1")


def test_adopting_while_two_versions_run_is_refused_and_changes_nothing(connection: Connection) -> None:
    migrator = expand(connection)
    connection.execute("CREATE TABLE public.byhand (id int PRIMARY KEY)")
    for version in (OLD, NEW):
        with refused("the migration to v2 is expanded in public", "abreast data contract, or abreast data undo"):
            migrator.adopt(version)
    assert migrator.undo("public", NEW, 0.0).phase == "undone"
    migrator.adopt(OLD)
    assert connection.execute("SELECT count(*) FROM public_v1.byhand").fetchone() == (0,)


def test_neither_adopt_nor_expand_lifts_a_fence(connection: Connection) -> None:
    migrator = impatient(connection)
    migrator.adopt(OLD)
    assert role_state(connection, OLD).writes
    fence(connection, OLD)
    migrator.adopt(OLD)
    expand(connection)
    assert not role_state(connection, OLD).writes
    assert role_state(connection, NEW).writes


def test_a_column_renamed_by_hand_has_the_view_made_anew(connection: Connection, database: str) -> None:
    migrator = impatient(connection)
    migrator.adopt(OLD)
    connection.execute("ALTER TABLE public.products RENAME name TO title")
    migrator.adopt(OLD)
    with psycopg.connect(database, user=OLD.role, autocommit=True) as user:
        user.execute("UPDATE products SET title = 'c' WHERE id = 1")
    connection.execute("ALTER TABLE public.products RENAME title TO label")
    expand(connection)
    assert migrator.undo("public", NEW, 0.0).phase == "undone"


def test_contract_waits_for_an_instance_that_was_not_restarted(connection: Connection, database: str) -> None:
    connection.execute("CREATE ROLE app LOGIN")
    connection.execute("GRANT ALL ON public.products TO app")
    migrator = expand(connection)
    with psycopg.connect(database, user="app"), refused("app (process", "restart or end it"):
        migrator.contract("public", OLD, 0.0)
    assert phase(connection) == ("expanded", 0)


def test_from_expand_to_contract_and_on_to_the_next(connection: Connection) -> None:
    migrator = expand(connection)
    assert phase(connection) == ("expanded", 0)

    assert migrator.contract("public", OLD, 0.0).phase == "contracted"
    assert connection.execute("SELECT price FROM public.products ORDER BY id").fetchall() == [(100,), (250,)]

    third = Version("v3", "shop_v3", "public")
    more = "operations: [{add_column: {table: products, column: {name: kind, type: text, default: \"'x'\"}}}]"
    plan = migrator.plan("public", read_migration("n.yaml", more).operations, NEW, third)
    assert migrator.expand(plan, third).phase == "expanded"
    assert migrator.undo("public", third, 0.0).phase == "undone"


def test_expanding_again_is_done_already(connection: Connection) -> None:
    plan = plan_of(connection)
    migrator = impatient(connection)

    assert migrator.expand(plan, NEW) == migrator.expand(plan, NEW)


def test_the_turn_is_given_back_also_after_a_refusal(connection: Connection, database: str) -> None:
    expand(connection)
    with refused("", ""):
        impatient(connection).expand(
            plan_of(connection, "operations: [{sql: {up: select 1}}]", Version("v3", "r", "public")), NEW
        )

    with connected(database) as other:
        assert impatient(other).undo("public", NEW, 0.0).phase == "undone"


def test_another_migration_under_way_is_named(connection: Connection) -> None:
    expand(connection)
    third = Version("v3", "shop_v3", "public")
    plan = plan_of(connection, "operations: [{sql: {up: select 1}}]", third)

    with refused("the migration to v2 is expanded in public", "abreast data contract, or abreast data undo"):
        impatient(connection).expand(plan, third)


@pytest.mark.parametrize(("turned", "verb"), [("contracting", "contract"), ("undoing", "undo")])
def test_what_is_being_ended_is_not_expanded(connection: Connection, turned: records.Phase, verb: str) -> None:
    plan = plan_of(connection)
    impatient(connection).expand(plan, NEW)
    found = records.under_way(connection, "public")
    assert found
    records.turn_to(connection, found, turned)

    with refused(f"the migration to v2 is {turned}", f"end that first: abreast data {verb}"):
        impatient(connection).expand(plan, NEW)


@pytest.mark.parametrize(
    ("turned", "verb", "next_move"),
    [("expanding", "contract", "expand"), ("undoing", "contract", "undo"), ("contracting", "undo", "contract")],
)
def test_a_verb_in_the_wrong_phase_is_told_the_right_one(
    connection: Connection, turned: records.Phase, verb: str, next_move: str
) -> None:
    migrator = expand(connection)
    found = records.under_way(connection, "public")
    assert found
    records.turn_to(connection, found, turned)

    with refused(f"the migration to v2 is {turned}: no {verb} now", f"abreast data {next_move}"):
        (migrator.contract if verb == "contract" else migrator.undo)("public", OLD, 0.0)


def test_ending_without_a_beginning_says_what_there_was(connection: Connection) -> None:
    migrator = impatient(connection)
    with refused("no migration of public is under way: there has been none", "abreast data expand"):
        migrator.contract("public", OLD, 0.0)

    expand(connection).undo("public", NEW, 0.0)
    with refused("no migration of public is under way: the last, to v2, is undone", "abreast data expand"):
        migrator.undo("public", NEW, 0.0)


@pytest.mark.parametrize("verb", ["contract", "undo"])
def test_a_version_that_is_connected_keeps_its_side(connection: Connection, database: str, verb: str) -> None:
    migrator = expand(connection)
    version = OLD if verb == "contract" else NEW
    end = migrator.contract if verb == "contract" else migrator.undo
    with psycopg.connect(database, user=version.role, application_name="shop") as user:
        pid = user.info.backend_pid
        said = f"{version.name} is connected as {version.role}: 1 session, the first (process {pid}, shop)"
        with refused(said, f"stop {version.name} first; nothing was changed"):
            end("public", version, 0.0)
    assert phase(connection) == ("expanded", 0)


def test_a_version_that_comes_back_while_it_is_watched_is_noticed(connection: Connection, database: str) -> None:
    naps: list[float] = []
    users: list[psycopg.Connection[tuple[object, ...]]] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            users.append(psycopg.connect(database, user=OLD.role))

    migrator = expand(connection)
    migrator.sleep, migrator.clock = sleep, lambda: sum(naps)

    with refused("v1 is connected as shop_v1", "stop v1 first"):
        migrator.contract("public", OLD, 10.0)
    users[0].close()
    assert naps == [0.5, 0.5, 0.5]


def test_a_version_has_to_stay_away_for_as_long_as_was_said(connection: Connection) -> None:
    naps: list[float] = []
    migrator = expand(connection)
    migrator.sleep, migrator.clock = naps.append, lambda: sum(naps)

    assert migrator.contract("public", OLD, 2.25).phase == "contracted"

    assert naps == [0.5, 0.5, 0.5, 0.5, 0.25]


def test_old_transactions_are_listed_before_anything_is_begun(connection: Connection, database: str) -> None:
    plan = plan_of(connection)
    migrator = impatient(connection)
    migrator.oldest_s = -1.0  # older than a second to come: any
    with psycopg.connect(database) as other:
        other.execute("SELECT 1")
        said = f"process {other.info.backend_pid} of postgres, 0 s"
        with refused(said, "SELECT pg_terminate_backend(PROCESS)"):
            migrator.expand(plan, NEW)
    assert records.latest(connection, "public") is None
    migrator.oldest_s = 60.0
    assert migrator.expand(plan, NEW).phase == "expanded"


def test_two_at_once_are_one_too_many(connection: Connection, database: str) -> None:
    plan = plan_of(connection)
    with connected(database) as other:
        records.prepare(other)
        assert records.take_turn(other)
        with refused("another abreast migrates this database", "wait until it has ended"):
            impatient(connection).expand(plan, NEW)


def test_one_that_was_killed_is_waited_for(connection: Connection, database: str) -> None:
    naps: list[float] = []
    with connected(database) as killed:
        records.prepare(killed)
        assert records.take_turn(killed)
        migrator = Migrator(connection, turn_s=1.0, clock=lambda: sum(naps))

        def sleep(seconds: float) -> None:
            naps.append(seconds)
            if len(naps) == 2:
                records.give_turn(killed)

        migrator.sleep = sleep
        migrator.adopt(OLD)
    assert naps == [0.1, 0.1]


def test_what_the_server_refuses_is_told_with_its_step_and_goes_on_there(connection: Connection) -> None:
    connection.execute("UPDATE public.products SET price = 99999999.99 WHERE id = 2")
    plan = plan_of(connection, CENTS.replace("bigint", "int"))
    migrator = impatient(connection)

    with pytest.raises(DatabaseError) as raised:
        migrator.expand(plan, NEW)

    assert raised.value.message == "backfill products: integer out of range"
    assert "it goes on here; or take all back: abreast data undo" in str(raised.value)
    assert phase(connection)[0] == "expanding"
    connection.execute("UPDATE public.products SET price = 3 WHERE id = 2")
    assert migrator.expand(plan, NEW).phase == "expanded"
    assert connection.execute("SELECT price FROM public_v2.products ORDER BY id").fetchall() == [(100,), (300,)]


def test_rows_that_a_unique_index_cannot_hold_leave_no_index(connection: Connection) -> None:
    connection.execute("UPDATE public.products SET name = 'same'")
    unique = "operations: [{create_index: {name: by_name, table: products, columns: {name: {}}, unique: true}}]"
    plan = plan_of(connection, unique)
    migrator = impatient(connection)

    with pytest.raises(DatabaseError, match=r'build the index by_name: could not create unique index "by_name" \(Key'):
        migrator.expand(plan, NEW)

    assert connection.execute("SELECT to_regclass('public.by_name')").fetchone() == (None,)
    connection.execute("UPDATE public.products SET name = id::text")
    migrator.expand(plan, NEW)
    row = connection.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.by_name'::regclass").fetchone()
    assert row == (True,)


def test_time_outs_of_the_database_do_not_end_ours(connection: Connection, database: str) -> None:
    connection.execute("ALTER ROLE postgres SET statement_timeout = '1ms'")
    with connected(database) as hurried:
        assert hurried.execute("SHOW statement_timeout").fetchone() == ("1ms",)
        for name in ("statement_timeout", "transaction_timeout", "idle_session_timeout"):
            hurried.execute(text(f"SET {name} = '2s'"))
        migrator = impatient(hurried)
        migrator.adopt(OLD)
        left = "SELECT name FROM pg_settings WHERE name ~ '^(statement|transaction|idle.*)_timeout$' AND setting <> '0'"
        assert hurried.execute(text(left)).fetchall() == []
    connection.execute("ALTER ROLE postgres RESET statement_timeout")


def test_waiting_for_several_locks_takes_one_time_out_in_all(connection: Connection, database: str) -> None:
    """What is held while the next is waited for makes others wait: of three tables 200 ms each would be 600."""
    for name in "abc":
        connection.execute(text(f"CREATE TABLE public.{name} (id int PRIMARY KEY)"))
    migrator = impatient(connection)
    migrator.adopt(OLD)
    shown: list[int] = []
    now = [0.0]

    def clock() -> float:
        now[0] += 0.06
        row = connection.execute("SELECT setting::int FROM pg_settings WHERE name = 'lock_timeout'").fetchone()
        shown.append(row[0] if row else -1)
        return now[0]

    migrator.turn_s = 1.0
    migrator.clock = clock
    migrator.adopt(OLD)

    within = [value for value in shown if value]
    assert within[:4] == [200, 200, 140, 80]
    assert min(within) == 20


def test_views_that_sql_of_its_own_asks_for_are_taken_away_too(connection: Connection) -> None:
    own = "operations: [{sql: {up: CREATE TABLE public.made (id int), down: DROP TABLE public.made}}]"
    migrator = expand(connection, own)
    assert connection.execute("SELECT count(*) FROM public_v2.made").fetchone() == (0,)

    migrator.undo("public", NEW, 0.0)

    assert connection.execute("SELECT to_regclass('public.made'), to_regnamespace('public_v2')").fetchone() == (
        None,
        None,
    )
