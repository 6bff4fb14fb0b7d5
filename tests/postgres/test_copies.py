import pytest

from abreast.postgres.catalog import read_catalog
from abreast.postgres.copies import copied_constraints, copied_indexes
from abreast.postgres.scratch import Scratch
from abreast.schema.facts import CopiedConstraint, CopiedIndex
from abreast.schema.reshape import reshape
from tests.postgres.trials import Trial, operations, refused, trial

SETUP = """CREATE TABLE p (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, a int CONSTRAINT f REFERENCES p ON DELETE CASCADE, b int, c int,
  CONSTRAINT once UNIQUE (a, b), CONSTRAINT ok CHECK (a > b AND c > 0));
CREATE INDEX plain ON t (b); CREATE INDEX odd ON t USING btree ((a + b) DESC) INCLUDE (c) WHERE a > 0;
CREATE INDEX with_c ON t (a, c); ALTER TABLE t ADD CONSTRAINT late CHECK (a <> 7) NOT VALID"""
CHANGE = "  - alter_column: {table: t, column: a, type: bigint, up: a, down: a}\n"


def copies(made: Trial, text: str) -> tuple[dict[str, CopiedIndex], dict[str, CopiedConstraint], list[str]]:
    shape = reshape(read_catalog(made.connection, "shop"), operations(text), {"bigint": "bigint", "text": "text"})
    table = shape.by_new_name("t")
    assert table is not None
    scratch = Scratch(made.connection, "shop")
    with scratch.undone():
        indexes, constraints = copied_indexes(scratch, table, shape), copied_constraints(scratch, table)
    told = [fault.message for fault in scratch.faults]
    return {one.name: one for one in indexes}, {one.name: one for one in constraints}, told


def test_what_reads_a_replaced_column_is_copied_with_its_successors_name(each_database: str) -> None:
    with trial(each_database, SETUP) as made:
        indexes, constraints, told = copies(made, CHANGE)
    assert told == []
    assert set(indexes) == {"once", "odd", "with_c"}
    assert indexes["once"] == CopiedIndex("once", unique=True, constraint=True, tail="USING btree (_abreast_a, b)")
    assert indexes["odd"].tail == "USING btree (((_abreast_a + b)) DESC) INCLUDE (c) WHERE (_abreast_a > 0)"
    assert set(constraints) == {"f", "ok", "late"}
    assert constraints["f"].definition == 'FOREIGN KEY ("_abreast_a") REFERENCES shop.p(id) ON DELETE CASCADE'
    assert constraints["ok"].definition == "CHECK (((_abreast_a > b) AND (c > 0)))"
    assert (constraints["late"].validated, constraints["late"].definition) == (False, "CHECK ((_abreast_a <> 7))")


def test_what_is_dropped_or_goes_with_another_column_is_not_copied(database: str) -> None:
    text = f"""{CHANGE}  - drop_column: {{table: t, column: c}}
  - drop_index: {{name: odd}}
  - drop_constraint: {{table: t, name: late, up: a, down: a}}
"""
    with trial(database, SETUP) as made:
        indexes, constraints, told = copies(made, text)
    assert (set(indexes), set(constraints), told) == ({"once"}, {"f"}, [])


def test_nothing_is_copied_for_a_column_that_only_comes(database: str) -> None:
    with trial(database, SETUP) as made:
        found = copies(made, "  - add_column: {table: t, column: {name: n, type: bigint, nullable: true}}\n")
    assert found == ({}, {}, [])


def test_what_the_new_type_cannot_have_is_told_by_name(database: str) -> None:
    with trial(database, SETUP) as made:
        _, _, told = copies(made, "  - alter_column: {table: t, column: a, type: text, up: a::text, down: a::int}\n")
    assert [said.partition(" on the changed column")[0] for said in told] == [
        "the index odd",
        "the constraint late",
        "the constraint ok",
    ]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("EXCLUDE USING btree (a WITH =)", "the exclusion constraint x reads the changed column"),
        ("FOREIGN KEY (a, c) REFERENCES q ON DELETE SET NULL (a)", "sets chosen columns on delete"),
    ],
)
def test_what_cannot_be_copied_is_told_with_what_to_do(database: str, more: str, said: str) -> None:
    setup = f"{SETUP}; CREATE TABLE q (a int, b int, PRIMARY KEY (a, b)); ALTER TABLE t ADD CONSTRAINT x {more}"
    with trial(database, setup) as made:
        (fault,) = refused(made, CHANGE)
        assert said in fault.message
        assert "make it again after" in fault.remedy
