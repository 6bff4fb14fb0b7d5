"""Abreast is killed at any statement: the next call finishes or takes back, and nothing half done is left."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import pytest

from abreast.model.errors import RefusedError
from abreast.postgres.connection import connected
from abreast.postgres.connection import sql as text
from abreast.postgres.migrate import Migrator
from abreast.schema.migration import read_migration
from abreast.schema.plan import Plan
from tests.fakes.postgres import Servers
from tests.postgres.dying import NEW, OLD, Moment, Verb, carry_out, cut_off, killed, migrating, statements
from tests.postgres.fingerprint import fingerprint, record, without_grants

TABLES: Final = """
CREATE TABLE public.products (
  id int PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL CHECK (price >= 0), kind text, note text);
CREATE INDEX products_price_idx ON public.products (price, kind);
CREATE INDEX products_note_idx ON public.products (note);
CREATE UNIQUE INDEX products_kind_idx ON public.products (kind);
INSERT INTO public.products SELECT n, 'name ' || n, n / 4.0, 'kind ' || n, 'note' FROM generate_series(1, 9) n;
CREATE TABLE public.orders (id int PRIMARY KEY, product int NOT NULL REFERENCES public.products);
INSERT INTO public.orders SELECT n, n FROM generate_series(1, 9) n;
CREATE TABLE public.gone (id int PRIMARY KEY);
"""
MIGRATION: Final = """
operations:
- alter_column:
    {table: products, column: price, type: bigint, up: (price * 100)::bigint, down: "price / 100.0"}
- alter_column: {table: products, column: kind, nullable: false, up: "coalesce(kind, '')", down: kind}
- add_column: {table: products, column: {name: slug, type: text, unique: true}, up: lower(name)}
- add_column: {table: products, column: {name: rank, type: serial}}
- drop_column: {table: products, column: note, down: "'none'"}
- create_index: {name: products_name_idx, table: products, columns: {name: {}}}
- create_table: {name: shelves, columns: [{name: id, type: int, pk: true}]}
- drop_table: {name: gone}
- rename_table: {from: orders, to: purchases}
- add_column: {table: purchases, column: {name: amount, type: int, default: "1"}}
"""
VERBS: Final[tuple[Verb, ...]] = ("expand", "contract", "undo")
ENDED: Final = {"expand": "expanded", "contract": "contracted", "undo": "undone"}


@dataclass(frozen=True)
class Case:
    """A database before the verb, and what one is like after it was carried out in peace.

    ``count``: by how many statements. ``taken_back``: what one is like after expand and undo.
    """

    verb: Verb
    servers: Servers
    plan: Plan
    before: str
    count: int
    done: dict[str, list[Any]]
    taken_back: dict[str, list[Any]]

    def again(self, url: str, *, undo: bool) -> None:
        """The command that a person gives next, and what must be there after it."""
        with connected(url) as connection:
            if undo and self.verb == "expand":
                wanted, phase = self.taken_back, "undone"
                if record(connection) is None:
                    with pytest.raises(RefusedError, match="there has been none"):
                        carry_out(connection, "undo", self.plan)
                    carry_out(connection, "expand", self.plan)
                carry_out(connection, "undo", self.plan)
            else:
                wanted, phase = self.done, ENDED[self.verb]
                if record(connection) == (phase, 0, None) and self.verb != "expand":
                    with pytest.raises(RefusedError, match=f"the last, to v2, is {phase}"):
                        carry_out(connection, self.verb, self.plan)
                else:
                    carry_out(connection, self.verb, self.plan)
            assert record(connection) == (phase, 0, None)
            if phase in ("expanded", "contracted"):
                rank = "_abreast_rank" if phase == "expanded" else "rank"
                query = f"SELECT count(DISTINCT {rank}) - count(*) FROM public.products"
                assert connection.execute(text(query)).fetchone() == (0,)
        found = fingerprint(url)
        if phase == "undone":
            # Rights on the tables that a role got, it keeps; those of one that never came were never given.
            found, wanted = without_grants(found, NEW.role), without_grants(wanted, NEW.role)
        assert {name: rows for name, rows in found.items() if rows != wanted.get(name)} == {}
        assert found.keys() == wanted.keys()


@pytest.fixture(params=VERBS)
def case(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Case]:
    """Databases made from one another: the adopted one, the expanded one."""
    verb: Verb = request.param
    adopted = servers.new_database()
    with connected(adopted) as connection:
        connection.execute(text(TABLES))
        migrator = Migrator(connection)
        migrator.adopt(OLD)
        plan = migrator.plan("public", read_migration("m.yaml", MIGRATION).operations, OLD, NEW)
    before = adopted
    if verb != "expand":
        before = copy(servers, adopted)
        with connected(before) as connection:
            carry_out(connection, "expand", plan)
            write_as_new(before)
    done = copy(servers, before)
    count = statements(done, migrating(verb, plan))
    back = copy(servers, adopted)
    with connected(back) as connection:
        carry_out(connection, "expand", plan)
        carry_out(connection, "undo", plan)
    yield Case(verb, servers, plan, before, count, fingerprint(done), fingerprint(back))
    servers.clean()


def write_as_new(url: str) -> None:
    with psycopg.connect(url, user=NEW.role, autocommit=True) as session:
        session.execute("INSERT INTO products (id, name, price, kind, slug) VALUES (70, 'N', 70, 'k', 'mine')")


def copy(servers: Servers, url: str) -> str:
    """Another database with all that this one has. Roles' settings are not copied, and those of all others go.

    For a role serves one database at a time.
    """
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    made = servers.new_database()
    copied = psycopg.conninfo.conninfo_to_dict(made)["dbname"]
    with psycopg.connect(servers[18].url(), autocommit=True) as connection:
        connection.execute(text(f'DROP DATABASE "{copied}"'))
        wait_alone(connection, str(name))
        connection.execute(text(f'CREATE DATABASE "{copied}" TEMPLATE "{name}" STRATEGY wal_log'))
        settings = connection.execute(
            "SELECT format('ALTER ROLE %I IN DATABASE %I RESET ALL', setrole::regrole::name, datname)"
            " FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE s.setrole <> 0"
        )
        for (reset,) in settings.fetchall():
            connection.execute(reset)
    return made


def wait_alone(connection: psycopg.Connection[tuple[Any, ...]], name: str) -> None:
    """Until nobody is connected to it: a session that has ended stays for a moment."""
    deadline = time.monotonic() + 10
    while connection.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [name]).fetchone():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def discard(servers: Servers, url: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(servers[18].url(), autocommit=True) as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))


def survive(case: Case, number: int, moment: Moment, *, undo: bool) -> None:
    """Cut it off there, give the next command, and look."""
    url = copy(case.servers, case.before)
    assert cut_off(url, migrating(case.verb, case.plan), number, moment)
    case.again(url, undo=undo)
    discard(case.servers, url)


def survive_sigkill(case: Case, number: int, moment: Moment, *, undo: bool) -> None:
    """The same with a process that is killed."""
    url = copy(case.servers, case.before)
    assert killed(url, migrating(case.verb, case.plan), number, moment)
    case.again(url, undo=undo)
    discard(case.servers, url)


def test_nothing_half_done_is_left_of_one_that_ends_early(case: Case) -> None:
    """Here at some statements of each verb; the acceptance run takes all of them."""
    assert {step.kind for step in case.plan.expand} == {"transaction", "index", "backfill", "views"}
    assert case.count > 40
    assert case.taken_back["columns"] != case.done["columns"] or case.verb == "undo"

    for turn, number in enumerate(range(1, case.count, max(1, case.count // 6))):
        survive(case, number, "before" if turn % 2 else "after", undo=turn % 3 == 0)
    survive_sigkill(case, case.count // 2, "during", undo=False)


@pytest.mark.acceptance
@pytest.mark.timeout(3600)
def test_nothing_half_done_is_left_wherever_it_is_killed(case: Case) -> None:
    moments: tuple[Moment, ...] = ("before", "during", "after")
    survived = 0
    for number in range(case.count):
        for moment in moments:
            survive_sigkill(case, number, moment, undo=number % 2 == 0)
            survived += 1
    assert survived == len(moments) * case.count > 120
