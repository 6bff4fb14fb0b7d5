"""Columns, constraints and columns of indexes as they are written."""

import pytest

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
)
from abreast.schema.operations import AddColumn, CreateIndex, CreateTable
from tests.schema.migration_texts import assert_fault, faults, operation


def column(text: str) -> Column:
    found = operation(f"create_table: {{name: t, columns: [{text}]}}")
    assert isinstance(found, CreateTable)
    return found.columns[0]


def constraint(text: str) -> Constraint:
    found = operation(f"create_table: {{name: t, columns: [{COLUMNS}], constraints: [{text}]}}")
    assert isinstance(found, CreateTable)
    return found.constraints[0]


COLUMNS = "{name: a, type: int}, {name: b, type: int}"


def test_a_column_alone_is_not_null_and_has_nothing_else() -> None:
    assert column("{name: Price, type: 'numeric(10,2)'}") == Column("Price", "numeric(10,2)")


def test_a_column_with_all_that_it_may_have() -> None:
    text = """{name: a, type: int, nullable: true, unique: true, default: 0, comment: how many,
        check: {name: c, constraint: a > 0, no_inherit: true},
        references: {name: r, table: o, column: id, match_type: full, on_delete: set null, on_update: CASCADE,
                     deferrable: true, initially_deferred: true}}"""
    reference = ColumnReference("r", "o", "id", "FULL", "SET NULL", "CASCADE", deferrable=True, initially_deferred=True)
    assert column(text) == Column(
        *("a", "int"),
        nullable=True,
        unique=True,
        default="0",
        comment="how many",
        check=Check("c", "a > 0", no_inherit=True),
        references=reference,
    )


@pytest.mark.parametrize(
    ("text", "generated"),
    [
        ("{expression: a * 2}", Generated("a * 2")),
        ("{identity: {}}", Generated(identity=Identity())),
        ("{identity: {user_specified_values: by default}}", Generated(identity=Identity("BY DEFAULT"))),
        ("{expression: '', identity: {sequence_options: START 5}}", Generated(identity=Identity("ALWAYS", "START 5"))),
    ],
)
def test_a_column_is_generated_by_an_expression_or_as_an_identity(text: str, generated: Generated) -> None:
    assert column(f"{{name: a, type: int, generated: {text}}}").generated == generated


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("type: int", ".name", "`name` is missing", "add `name: …`"),
        ("name: a", ".type", "`type` is missing", "add `type: …`"),
        ("name: a, type: int, nulable: true", ".nulable", "unknown key 'nulable'", "did you mean `nullable`?"),
        ("name: a, type: int, pk: 'true'", ".pk", "'true' is not allowed here", "unquoted"),
        ("name: a, type: int, default: null", ".default", "nothing is written", "or remove the key"),
        ("name: a, type: int, check:", ".check", "nothing is written under this key", "remove the key"),
        ("name: a, type: int, check: a > 0", ".check", "'a > 0' is not allowed here, only a mapping", "write a map"),
        ("name: a, type: int, check: {name: c}", ".check.constraint", "`constraint` is missing", "add"),
        ("name: a, type: int, pk: true, nullable: true", ".nullable", "primary key cannot be null", "remove"),
        ("name: a, type: int, generated: {}", ".generated", "neither `expression` nor `identity`", "one of the two"),
        ("name: a, type: int, generated: {identity:}", ".generated.identity", "nothing is written", "remove the key"),
        ("name: a, type: int, generated: {expression: b, identity: {}}", ".generated", "both", "one of the two"),
        ("name: a, type: int, default: 1, generated: {expression: b}", ".default", "has no default", "remove"),
        ("name: a, type: int, nullable: true, generated: {identity: {}}", ".nullable", "identity column", "remove"),
        (
            "name: a, type: int, generated: {identity: {user_specified_values: NEVER}}",
            ".generated.identity.user_specified_values",
            "'NEVER' is not allowed here, only one of `ALWAYS`, `BY DEFAULT`",
            "write one of",
        ),
        (
            "name: a, type: int, references: {name: r, table: o, column: id, on_delete: DROP}",
            ".references.on_delete",
            "'DROP' is not allowed here, only one of `NO ACTION`, `RESTRICT`",
            "write one of",
        ),
        (
            "name: a, type: int, references: {name: r, table: o, column: id, match_type: PARTIAL}",
            ".references.match_type",
            "no PostgreSQL has it",
            "`SIMPLE`, `FULL`",
        ),
        (
            "name: a, type: int, references: {name: r, table: o, column: id, initially_deferred: true}",
            ".references.initially_deferred",
            "not deferrable",
            "`deferrable: true`",
        ),
    ],
)
def test_what_is_wrong_with_a_column(text: str, path: str, message: str, remedy: str) -> None:
    whole = f"create_table: {{name: t, columns: [{{{text}}}]}}"
    assert_fault(whole, f"create_table.columns[0]{path}", message, remedy)


def test_all_faults_of_a_column_are_told_at_once() -> None:
    found = faults("create_table: {name: '', columns: [{nam: a, type: [], pk: 1, references: {on_delete: X}}]}")
    assert [path.removeprefix("create_table.") for path, _, _ in found] == [
        "name",
        *(f"columns[0].{key}" for key in ("name", "type", "pk")),
        *(f"columns[0].references.{key}" for key in ("name", "table", "column", "on_delete")),
        "columns[0].nam",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{name: n, type: primary_key, columns: [a, b]}", Constraint("n", "primary_key", ("a", "b"))),
        (
            """{name: n, type: UNIQUE, columns: [a], nulls_not_distinct: true,
                deferrable: true, initially_deferred: true, index_parameters:
                    {tablespace: fast, storage_parameters: fillfactor=70, include_columns: [b]}}""",
            Constraint(
                *("n", "unique", ("a",)),
                index_parameters=IndexParameters("fast", "fillfactor=70", ("b",)),
                nulls_not_distinct=True,
                deferrable=True,
                initially_deferred=True,
            ),
        ),
        (
            "{name: n, type: check, check: a > 0, no_inherit: true}",
            Constraint("n", "check", (), "a > 0", no_inherit=True),
        ),
        (
            "{name: n, type: check, check: a > 0, deferrable: false, index_parameters: {}}",
            Constraint("n", "check", (), "a > 0", index_parameters=IndexParameters()),
        ),
        (
            """{name: n, type: foreign_key, columns: [a, b], references:
                {name: n, table: o, columns: [c, d], on_delete: SET DEFAULT, on_delete_set_columns: [b]}}""",
            Constraint(
                *("n", "foreign_key", ("a", "b")),
                references=TableReference("o", ("c", "d"), on_delete="SET DEFAULT", on_delete_set_columns=("b",)),
            ),
        ),
        (
            "{name: n, type: exclude, exclude: {index_method: gist, elements: a WITH =, predicate: b > 0}}",
            Constraint("n", "exclude", exclude=Exclusion("a WITH =", "gist", "b > 0")),
        ),
    ],
)
def test_a_constraint_of_each_type(text: str, expected: Constraint) -> None:
    assert constraint(text) == expected


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("type: uniqe, columns: [a]", "type", "'uniqe' is not allowed here", "did you mean `unique`?"),
        ("type: unique", "columns", "a constraint of type unique needs `columns`", "add `columns: …`"),
        ("type: primary_key, columns: []", "columns", "type primary_key needs `columns`", "add"),
        ("type: check, check: ''", "check", "a constraint of type check needs `check`", "add `check: …`"),
        ("type: foreign_key, columns: [a]", "references", "needs `references`", "add `references: …`"),
        ("type: exclude", "exclude", "needs `exclude`", "add `exclude: …`"),
        ("type: unique, columns: a", "columns", "'a' is not allowed here, only a list", "write a list"),
        ("type: unique, columns: [a, b, a]", "columns[2]", "the column 'a' is here twice", "keep one"),
        (
            "type: unique, columns: [a], check: a > 0",
            "check",
            "means nothing for a constraint of type unique",
            "remove",
        ),
        ("type: unique, columns: [a], no_inherit: true", "no_inherit", "means nothing", "remove"),
        ("type: primary_key, columns: [a], nulls_not_distinct: true", "nulls_not_distinct", "means nothing", "remove"),
        ("type: check, check: x, deferrable: true", "deferrable", "means nothing", "remove"),
        ("type: check, check: x, index_parameters: {tablespace: b}", "index_parameters", "means nothing", "remove"),
        ("type: check, check: x, exclude: {elements: b WITH =}", "exclude", "means nothing", "remove"),
        ("type: exclude, columns: [a], exclude: {elements: b WITH =}", "columns", "means nothing", "remove"),
        ("type: unique, columns: [a], initially_deferred: true", "initially_deferred", "not deferrable", "add"),
        (
            "type: unique, columns: [a], index_parameters: {include_columns: [b, b]}",
            "index_parameters.include_columns[1]",
            "the column 'b' is here twice",
            "keep one of the two",
        ),
        (
            "type: foreign_key, columns: [a, b], references: {table: o, columns: [c]}",
            "references.columns",
            "2 of `columns` cannot refer to 1",
            "one column for each",
        ),
        (
            "type: foreign_key, columns: [a], references: {table: o, columns: [c], on_delete_set_columns: [a]}",
            "references.on_delete_set_columns",
            "with `on_delete: NO ACTION` no columns are set",
            "`on_delete: SET NULL`",
        ),
        (
            """type: foreign_key, columns: [a],
                references: {table: o, columns: [c], on_delete: SET NULL, on_delete_set_columns: [b]}""",
            "references.on_delete_set_columns[0]",
            "the column 'b' is not of this constraint",
            "write one of a",
        ),
        (
            "type: foreign_key, columns: [a], references: {name: m, table: o, columns: [c]}",
            "references.name",
            "two names, 'n' and 'm'",
            "remove this one",
        ),
        (
            "type: foreign_key, columns: [a], references: {table: o, columns: []}",
            "references.columns",
            "nothing is listed under this key",
            "list at least one",
        ),
    ],
)
def test_what_is_wrong_with_a_constraint(text: str, path: str, message: str, remedy: str) -> None:
    whole = f"create_table: {{name: t, columns: [{COLUMNS}], constraints: [{{name: n, {text}}}]}}"
    assert_fault(whole, f"create_table.constraints[0].{path}", message, remedy)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[{column: a}]", IndexColumn("a")),
        ("[{column: a, collate: '\"de_DE\"', sort: DESC, nulls: last}]", IndexColumn("a", '"de_DE"', "DESC", "LAST")),
        ("[{column: a, sort: '', collate: ''}]", IndexColumn("a")),
        (
            "{a: {opclass: {name: gist_trgm_ops, params: [siglen = 32]}}}",
            IndexColumn("a", opclass=OperatorClass("gist_trgm_ops", ("siglen = 32",))),
        ),
    ],
)
def test_a_column_of_an_index(text: str, expected: IndexColumn) -> None:
    found = operation(f"create_index: {{name: i, table: t, columns: {text}}}")
    assert isinstance(found, CreateIndex)
    assert found.columns == (expected,)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("[{sort: ASC}]", "[0].column", "`column` is missing"),
        ("[{column: a, sort: UP}]", "[0].sort", "'UP' is not allowed here, only one of `ASC`, `DESC`"),
        ("[{column: a, opclass: {}}]", "[0].opclass.name", "`name` is missing"),
        ("[{column: a, opclass: int4_ops}]", "[0].opclass", "'int4_ops' is not allowed here, only a mapping"),
        ("{a: {nulls: SECOND}}", ".a.nulls", "'SECOND' is not allowed here"),
        ("{a: {order: ASC}}", ".a.order", "unknown key 'order'; allowed here: column, collate, sort, nulls, opclass"),
        ("['']", "[0]", "the text is empty"),
        ("[]", "", "nothing is listed under this key"),
        ("{}", "", "nothing is listed under this key"),
        ("{a: {column: b}}", "", "a mapping of keys is not allowed here, only a list"),
    ],
)
def test_what_is_wrong_with_a_column_of_an_index(text: str, path: str, message: str) -> None:
    assert_fault(f"create_index: {{name: i, table: t, columns: {text}}}", f"create_index.columns{path}", message, "")


def test_an_added_column_is_one_of_these_too() -> None:
    found = operation("add_column: {table: t, column: {name: a, type: int, default: -1}}")
    assert found == AddColumn("t", Column("a", "int", default="-1"))
