"""What is written of a migration can be read back by whoever comes next; only one may migrate at a time."""

from collections.abc import Iterator

import psycopg
import pytest

from abreast.model.errors import DatabaseError
from abreast.postgres import records
from abreast.postgres.connection import Connection, connected
from abreast.schema.names import Relation
from abreast.schema.plan import Lock, Plan, Step, TablePlan


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connected(database) as connection:
        records.prepare(connection)
        yield connection


def plan(schema: str = "public", new: str = "v2") -> Plan:
    table = Relation(schema, 'odd "name" 100%')
    step = Step("s", "transaction", ("SELECT '%s'", "SELECT 'é\\'"), (Lock(table, "SHARE"),), table)
    tables = (TablePlan(table, ("id",), ("integer",), (("b", "new.a"),), "new.b IS NULL"),)
    return Plan(schema, "v1", new, (step, step), (step,), (), tables, ("a note",), ("m.yaml",))


def test_before_the_first_there_is_none(database: str) -> None:
    with connected(database) as connection:
        assert not records.prepared(connection)
        assert records.under_way(connection, "public") is None
        assert records.latest(connection, "public") is None


def test_preparing_again_changes_nothing(connection: Connection) -> None:
    begun = records.begin(connection, plan())
    records.prepare(connection)

    assert records.prepared(connection)
    assert records.under_way(connection, "public") == begun


def test_a_plan_is_read_back_as_it_was_written(connection: Connection) -> None:
    begun = records.begin(connection, plan())

    assert begun.plan == plan()
    assert (begun.phase, begun.step, begun.checkpoint) == ("expanding", 0, None)
    assert begun.began <= begun.changed


def test_steps_and_checkpoints_go_on_and_begin_again_with_each_phase(connection: Connection) -> None:
    begun = records.begin(connection, plan())

    records.mark(connection, begun, {"after": ["1", "é"], "sweep": 0})
    marked = records.under_way(connection, "public")
    records.done(connection, begun, 1)
    done = records.under_way(connection, "public")
    turned = records.turn_to(connection, begun, "expanded")

    assert marked
    assert (marked.step, marked.checkpoint) == (0, {"after": ["1", "é"], "sweep": 0})
    assert done
    assert (done.step, done.checkpoint) == (1, None)
    assert (turned.phase, turned.step) == ("expanded", 0)
    assert begun.changed < marked.changed < done.changed < turned.changed


@pytest.mark.parametrize("phase", records.ENDED)
def test_what_has_ended_is_no_longer_under_way(connection: Connection, phase: records.Phase) -> None:
    first = records.turn_to(connection, records.begin(connection, plan()), phase)

    assert records.under_way(connection, "public") is None
    assert records.latest(connection, "public") == first

    second = records.begin(connection, plan(new="v3"))
    assert records.under_way(connection, "public") == second == records.latest(connection, "public")


def test_schemas_have_their_own_migrations_and_one_at_a_time(connection: Connection) -> None:
    here = records.begin(connection, plan())
    there = records.begin(connection, plan("other"))

    assert records.under_way(connection, "public") == here
    assert records.under_way(connection, "other") == there
    with pytest.raises(psycopg.errors.UniqueViolation):
        records.begin(connection, plan(new="v3"))


def test_a_plan_that_became_known_later_takes_its_place(connection: Connection) -> None:
    begun = records.begin(connection, plan())

    records.replan(connection, begun, plan(new="v2b"))

    found = records.under_way(connection, "public")
    assert found
    assert found.plan == plan(new="v2b")


def test_what_was_contracted_is_known_by_its_versions(connection: Connection) -> None:
    ended: tuple[tuple[str, records.Phase], ...] = (
        ("v2", "contracted"),
        ("v3", "undone"),
        ("v4", "contracted"),
        ("v5", "expanded"),
    )
    for new, phase in ended:
        records.turn_to(connection, records.begin(connection, plan(new=new)), phase)
    records.turn_to(connection, records.begin(connection, plan("other", "v9")), "contracted")
    assert records.contracted(connection, "public") == {"v2", "v4"}
    assert records.contracted(connection, "nowhere") == frozenset()


def test_a_record_that_somebody_deleted_is_missed(connection: Connection) -> None:
    begun = records.begin(connection, plan())
    connection.execute("DELETE FROM abreast.migration")

    with pytest.raises(DatabaseError, match=f"migration {begun.id} is gone from abreast.migration"):
        records.turn_to(connection, begun, "expanded")


def test_only_one_has_the_turn_until_it_gives_it_or_ends(connection: Connection, database: str) -> None:
    with connected(database) as other:
        assert records.take_turn(other)
        assert not records.take_turn(connection)
        records.give_turn(other)
        assert records.take_turn(connection)
        records.give_turn(connection)
        assert records.take_turn(other)
        pid = other.info.backend_pid
    connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    assert records.take_turn(connection)
