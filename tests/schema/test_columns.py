"""What a text says of a column, a constraint, an index; and what is meant where it says nothing."""

import pytest

from abreast.model.errors import MigrationError
from abreast.schema.columns import (
    Check,
    Column,
    ColumnReference,
    Constraint,
    Exclusion,
    Generated,
    Identity,
    IndexColumn,
    IndexParameters,
    OperatorClass,
    TableReference,
    Unique,
)
from abreast.schema.migration import read_migration
from abreast.schema.operations import AddColumn, CreateIndex, CreateTable, Operation


def operation(text: str) -> Operation:
    (only,) = read_migration("m.yaml", f"operations: [{text}]").operations
    return only


def test_a_column_of_which_little_is_said_is_not_null_and_has_no_default() -> None:
    made = operation("create_table: {name: t, columns: [{name: a, type: text}]}")
    assert isinstance(made, CreateTable)
    assert made.columns == (Column("a", "text"),)
    assert (made.columns[0].nullable, made.columns[0].default, made.columns[0].generated) == (False, None, None)


def test_everything_that_can_be_said_of_a_column() -> None:
    made = operation(
        "add_column: {table: t, column: {name: a, type: bigint, nullable: true, unique: true, default: '7', comment: c,"
        " check: {name: positive, constraint: a > 0, no_inherit: true},"
        " references: {name: fk, table: u, column: id, on_delete: CASCADE, deferrable: true}}, up: '1'}"
    )
    assert isinstance(made, AddColumn)
    assert made.column == Column(
        "a",
        "bigint",
        nullable=True,
        unique=True,
        default="7",
        comment="c",
        check=Check("positive", "a > 0", no_inherit=True),
        references=ColumnReference("fk", "u", "id", on_delete="CASCADE", deferrable=True),
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("{expression: a + 1}", Generated(expression="a + 1")),
        ("{identity: {}}", Generated(identity=Identity("ALWAYS", None))),
        (
            "{identity: {user_specified_values: BY DEFAULT, sequence_options: START 5}}",
            Generated(identity=Identity("BY DEFAULT", "START 5")),
        ),
    ],
)
def test_a_column_that_the_server_fills(said: str, meant: Generated) -> None:
    made = operation(f"create_table: {{name: t, columns: [{{name: b, type: int, generated: {said}}}]}}")
    assert isinstance(made, CreateTable)
    assert made.columns[0].generated == meant


def test_a_column_is_filled_in_one_way_only() -> None:
    with pytest.raises(MigrationError, match="a column is generated in one way, found both"):
        operation("create_table: {name: t, columns: [{name: b, type: int, generated: {expression: a, identity: {}}}]}")


def test_constraints_of_a_new_table() -> None:
    made = operation(
        "create_table: {name: t, columns: [{name: a, type: int}, {name: b, type: int}], constraints: ["
        " {name: k, type: primary_key, columns: [a], index_parameters: {include_columns: [b], tablespace: fast}},"
        " {name: u, type: unique, columns: [a], nulls_not_distinct: true},"
        " {name: c, type: check, check: a > 0},"
        " {name: e, type: exclude, exclude: {index_method: gist, elements: a WITH =}},"
        " {name: f, type: foreign_key, columns: [a], references: {table: o, columns: [id]}}]}"
    )
    assert isinstance(made, CreateTable)
    assert made.constraints == (
        Constraint("k", "primary_key", ("a",), index_parameters=IndexParameters("fast", None, ("b",))),
        Constraint("u", "unique", ("a",), nulls_not_distinct=True),
        Constraint("c", "check", check="a > 0"),
        Constraint("e", "exclude", exclude=Exclusion("a WITH =", "gist")),
        Constraint("f", "foreign_key", ("a",), references=TableReference("o", ("id",))),
    )


def test_an_index_has_its_columns_in_order_with_what_is_said_of_each() -> None:
    made = operation(
        "create_index: {table: t, name: i, columns: {b: {sort: DESC, nulls: LAST, collate: '\"C\"',"
        " opclass: {name: text_ops, params: [p=1]}}, a: {}}}"
    )
    assert isinstance(made, CreateIndex)
    assert made.columns == (
        IndexColumn("b", '"C"', "DESC", "LAST", OperatorClass("text_ops", ("p=1",))),
        IndexColumn("a"),
    )


def test_what_is_told_apart_is_not_the_same() -> None:
    assert Unique("a") != Unique("b")
    assert Column("a", "int") != Column("a", "int", nullable=True)
    assert len({IndexColumn("a"), IndexColumn("a"), IndexColumn("a", sort="ASC")}) == 2
