"""Operations on constraints as they are written."""

import pytest

from abreast.schema.columns import Constraint, IndexParameters, TableReference
from abreast.schema.operations import (
    CreateConstraint,
    DropConstraint,
    DropMultiColumnConstraint,
    Operation,
    RenameConstraint,
)
from tests.schema.migration_texts import assert_fault, faults, operation

BOTH = "up: {a: a, b: b + 1}, down: {b: b - 1, a: a}"
UP, DOWN = (("a", "a"), ("b", "b + 1")), (("b", "b - 1"), ("a", "a"))


@pytest.mark.parametrize(
    ("text", "constraint"),
    [
        ("type: unique, columns: [a, b]", Constraint("n", "unique", ("a", "b"))),
        (
            "type: primary_key, columns: [a, b], index_parameters: {tablespace: fast}",
            Constraint("n", "primary_key", ("a", "b"), index_parameters=IndexParameters("fast")),
        ),
        (
            "type: check, columns: [b, a], check: a > b, no_inherit: true",
            Constraint("n", "check", ("b", "a"), "a > b", no_inherit=True),
        ),
        (
            "type: foreign_key, columns: [a, b], references: {table: o, columns: [c, d], match_type: FULL}",
            Constraint("n", "foreign_key", ("a", "b"), references=TableReference("o", ("c", "d"), "FULL")),
        ),
    ],
)
def test_a_constraint_is_made_with_expressions_for_its_columns(text: str, constraint: Constraint) -> None:
    found = operation(f"create_constraint: {{table: t, name: n, {text}, {BOTH}}}")
    assert found == CreateConstraint("t", constraint, UP, DOWN)
    assert found.place.at("references", "table").path.startswith("operations[0].create_constraint.references")


def test_a_check_covers_the_columns_that_up_names_when_it_says_nothing_else() -> None:
    found = operation(f"create_constraint: {{table: t, name: n, type: check, check: a > b, {BOTH}}}")
    assert found == CreateConstraint("t", Constraint("n", "check", ("a", "b"), "a > b"), UP, DOWN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop_constraint: {table: t, name: n, up: a, down: 0}", DropConstraint("t", "n", "a", "0")),
        (
            f"drop_multicolumn_constraint: {{table: t, name: n, {BOTH}}}",
            DropMultiColumnConstraint("t", "n", DOWN, UP),
        ),
        (
            "drop_multicolumn_constraint: {table: t, name: n, down: {a: '1'}}",
            DropMultiColumnConstraint("t", "n", (("a", "1"),)),
        ),
        ("rename_constraint: {table: t, from: n, to: m}", RenameConstraint("t", "n", "m")),
    ],
)
def test_constraints_go_or_get_another_name(text: str, expected: Operation) -> None:
    assert operation(text) == expected


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("type: exclude, columns: [a]", "type", "made together with its table, or by `sql`", "write one of `unique`"),
        ("type: unique", "columns", "a constraint of type unique needs `columns`", "add `columns: …`"),
        ("type: check, columns: [a, b]", "check", "type check needs `check`", "add `check: …`"),
        ("type: foreign_key, columns: [a, b]", "references", "needs `references`", "add"),
        ("type: unique, columns: [a, b], check: a > b", "check", "means nothing", "remove it"),
        ("type: unique, columns: [a, b], deferable: true", "deferable", "unknown key", "did you mean `deferrable`?"),
    ],
)
def test_what_is_wrong_with_a_new_constraint(text: str, path: str, message: str, remedy: str) -> None:
    whole = f"create_constraint: {{table: t, name: n, {text}, {BOTH}}}"
    assert_fault(whole, f"create_constraint.{path}", message, remedy)


def test_each_column_needs_both_expressions_and_no_other_column_has_one() -> None:
    text = "create_constraint: {table: t, name: n, type: unique, columns: [a, b], up: {a: a, c: c}, down: {b: b, a: a}}"
    assert faults(text) == [
        (
            "create_constraint.up",
            "`up` has no expression for the column 'b'",
            "add one under its name; `b: b` leaves its values alone",
        ),
        (
            "create_constraint.up.c",
            "'c' is not among the constraint's columns, a, b",
            "remove it, or add the column to `columns`",
        ),
    ]


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("create_constraint: {table: t, name: n, type: unique, columns: [a], down: {a: a}}", "up", "`up` is missing"),
        (
            "create_constraint: {table: t, name: n, type: unique, columns: [a], up: a, down: {a: a}}",
            "up",
            "a mapping of",
        ),
        (
            "create_constraint: {table: t, name: n, type: unique, columns: [a], up: {a: ''}, down: {a: a}}",
            "up.a",
            "the text is empty",
        ),
        (
            "create_constraint: {table: t, name: n, type: unique, columns: [a], up: {}, down: {a: a}}",
            "up",
            "nothing is listed under this key",
        ),
        ("drop_constraint: {table: t, name: n, up: a}", "down", "`down` is missing"),
        ("drop_constraint: {table: t, name: n, up: '', down: a}", "up", "the text is empty"),
        ("drop_constraint: {table: t, name: n, up: {a: a}, down: a}", "up", "a mapping of keys is not allowed here"),
        ("drop_multicolumn_constraint: {table: t, name: n, up: {a: a}}", "down", "`down` is missing"),
        ("drop_multicolumn_constraint: {table: t, name: n, down: {}}", "down", "nothing is listed under this key"),
        (
            "drop_multicolumn_constraint: {table: t, name: n, down: {a: a}, up: {a: a, b: b}}",
            "up.b",
            "'b' is not among",
        ),
        ("drop_multicolumn_constraint: {table: t, name: n, down: {'': a}}", 'down.""', "the text is empty"),
        ("rename_constraint: {table: t, from: n, to: n}", "to", "'n' is its name already"),
        ("rename_constraint: {from: n, to: m}", "table", "`table` is missing"),
    ],
)
def test_what_is_wrong_with_expressions_and_names(text: str, path: str, message: str) -> None:
    assert_fault(text, f"{text.partition(':')[0]}.{path}", message, "")
