"""Each operation as it is written; those on constraints are in test_constraint_keys.py."""

import pytest

from abreast.schema.columns import Check, Column, ColumnReference, Constraint, IndexColumn, Unique
from abreast.schema.operations import (
    UNSET,
    AddColumn,
    AlterColumn,
    CreateIndex,
    CreateTable,
    DropColumn,
    DropIndex,
    DropTable,
    Operation,
    RenameColumn,
    RenameTable,
    SetReplicaIdentity,
    Sql,
)
from tests.schema.migration_texts import assert_fault, operation


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create_table: {name: t, columns: [{name: a, type: int}]}", CreateTable("t", (Column("a", "int"),))),
        (
            """create_table: {name: t, comment: x, columns: [{name: a, type: int}],
                constraints: [{name: p, type: primary_key, columns: [a]}]}""",
            CreateTable("t", (Column("a", "int"),), (Constraint("p", "primary_key", ("a",)),), "x"),
        ),
        ("rename_table: {from: t, to: s}", RenameTable("t", "s")),
        ("drop_table: {name: Odd Table}", DropTable("Odd Table")),
        ("add_column: {table: t, column: {name: a, type: SERIAL}}", AddColumn("t", Column("a", "SERIAL"))),
        ("add_column: {table: t, column: {name: a, type: int}, up: b}", AddColumn("t", Column("a", "int"), "b")),
        (
            "add_column: {table: t, column: {name: a, type: int, nullable: true}, up: ''}",
            AddColumn("t", Column("a", "int", nullable=True)),
        ),
        ("drop_column: {table: t, column: a}", DropColumn("t", "a")),
        ("drop_column: {table: t, column: a, down: 0}", DropColumn("t", "a", "0")),
        ("rename_column: {table: t, from: a, to: b}", RenameColumn("t", "a", "b")),
        ("rename_column: {table: t, column: a, name: b}", RenameColumn("t", "a", "b")),
        ("alter_column: {table: t, column: a, name: b}", RenameColumn("t", "a", "b")),
        ("create_index: {table: t, name: i, columns: [a]}", CreateIndex("t", "i", (IndexColumn("a"),))),
        (
            """create_index: {table: t, name: i, columns: {b: {sort: DESC}, a: {}}, unique: true,
                predicate: a > 0, storage_parameters: fillfactor = 70}""",
            CreateIndex(
                *("t", "i", (IndexColumn("b", sort="DESC"), IndexColumn("a"))),
                unique=True,
                predicate="a > 0",
                storage_parameters="fillfactor = 70",
            ),
        ),
        (
            "create_index: {table: t, name: i, columns: [{name: a}], method: GIN, predicate: ''}",
            CreateIndex("t", "i", (IndexColumn("a"),), method="gin"),
        ),
        ("drop_index: {name: i}", DropIndex("i")),
        ("set_replica_identity: {table: t, identity: {type: FULL}}", SetReplicaIdentity("t", "full")),
        ("set_replica_identity: {table: t, identity: {type: full, index: ''}}", SetReplicaIdentity("t", "full")),
        ("set_replica_identity: {table: t, identity: {type: index, index: i}}", SetReplicaIdentity("t", "index", "i")),
        ("sql: {up: SELECT 1}", Sql("SELECT 1")),
        ("sql: {up: SELECT 1, down: SELECT 2, onComplete: false}", Sql("SELECT 1", "SELECT 2")),
        ("sql: {up: SELECT 1, down: '', onComplete: true}", Sql("SELECT 1", on_complete=True)),
    ],
)
def test_operations_are_read(text: str, expected: Operation) -> None:
    assert operation(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("type: bigint, up: a, down: a", AlterColumn("t", "a", type="bigint", up="a", down="a")),
        ("nullable: false, up: coalesce(a)", AlterColumn("t", "a", nullable=False, up="coalesce(a)")),
        ("nullable: true, down: coalesce(a)", AlterColumn("t", "a", nullable=True, down="coalesce(a)")),
        ("unique: {name: u}, up: a", AlterColumn("t", "a", unique=Unique("u"), up="a")),
        (
            "check: {name: c, constraint: a > 0}, up: abs(a)",
            AlterColumn("t", "a", check=Check("c", "a > 0"), up="abs(a)"),
        ),
        (
            "references: {name: r, table: o, column: id}, up: a",
            AlterColumn("t", "a", references=ColumnReference("r", "o", "id"), up="a"),
        ),
        ("default: 0", AlterColumn("t", "a", default="0")),
        ("default: '''x'''", AlterColumn("t", "a", default="'x'")),
        ("default: null", AlterColumn("t", "a", default=None)),
        ("comment: null", AlterColumn("t", "a", comment=None)),
        ("comment: ''", AlterColumn("t", "a", comment=None)),
        ("comment: 5", AlterColumn("t", "a", comment="5")),
        ("comment: x, up: '', down: ''", AlterColumn("t", "a", comment="x")),
    ],
)
def test_a_column_is_altered_in_each_way(text: str, expected: AlterColumn) -> None:
    found = operation(f"alter_column: {{table: t, column: a, {text}}}")
    assert found == expected
    assert isinstance(found, AlterColumn)
    assert (found.default is UNSET) == ("default" not in text)
    assert (found.comment is UNSET) == ("comment" not in text)


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("up: a", "", "nothing changes in the column", "add type, nullable, unique, check, references, default or"),
        ("type: int, down: a", ".up", "`type` needs `up`", "turns the old version's values into the new one's"),
        ("nullable: false, down: a", ".up", "`nullable: false` needs `up`", "add `up`"),
        ("nullable: true, up: a", ".down", "`nullable: true` needs `down`", "turns the new version's values into"),
        ("unique: {name: u}", ".up", "`unique` needs `up`", "add `up`"),
        ("check: {name: c, constraint: a}, unique: {name: u}", ".up", "`unique` and `check` need `up`", "add"),
        ("references: {name: r, table: o, column: c}, up: ''", ".up", "`references` needs `up`", "add"),
        ("default: ''", ".default", "the text is empty", "write \"''\" for the empty text"),
        ("default: []", ".default", "a list is not allowed here", "write an SQL expression"),
        ("nullable: null", ".nullable", "nothing is written under this key", "remove the key"),
        ("unique: null", ".unique", "nothing is written under this key", "remove the key"),
        ("unique: true", ".unique", "`true` is not allowed here, only a mapping of keys", "write a mapping of keys"),
        ("unique: {}", ".unique.name", "`name` is missing", "add `name: …`"),
        ("name: b, type: int", ".name", "renamed by an operation of its own", "write a `rename_column`"),
        ("nulable: false", ".nulable", "unknown key 'nulable'; allowed here: table, column,", "`nullable`?"),
        ("comment: {}", ".comment", "a mapping of keys is not allowed here", "write text"),
    ],
)
def test_what_is_wrong_with_an_altered_column(text: str, path: str, message: str, remedy: str) -> None:
    assert_fault(f"alter_column: {{table: t, column: a, {text}}}", f"alter_column{path}", message, remedy)


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("create_table: {name: t, columns: []}", "columns", "nothing is listed under this key", "list at least one"),
        ("create_table: {name: t}", "columns", "`columns` is missing", "add `columns: …`"),
        (
            "create_table: {name: t, columns: [null]}",
            "columns[0]",
            "nothing is written under this key",
            "remove the key",
        ),
        (
            "create_table: {name: t, columns: [{name: a, type: int}, {name: a, type: text}]}",
            "columns[1].name",
            "the column 'a' is here twice",
            "keep one of the two",
        ),
        (
            """create_table: {name: t, columns: [{name: a, type: int, check: {name: c, constraint: a > 0}}],
                constraints: [{name: c, type: unique, columns: [a]}]}""",
            "constraints[0].name",
            "the constraint 'c' is here twice",
            "another name",
        ),
        (
            """create_table: {name: t, columns: [{name: a, type: int, pk: true}],
                constraints: [{name: c, type: primary_key, columns: [a]}]}""",
            "constraints[0]",
            "the primary key is already in `columns`, by `pk: true`",
            "keep one of the two",
        ),
        (
            """create_table: {name: t, columns: [{name: a, type: int}], constraints: [
                {name: c, type: primary_key, columns: [a]}, {name: d, type: primary_key, columns: [a]}]}""",
            "constraints[1]",
            "the primary key is already in `constraints[0]`",
            "keep one of the two",
        ),
        (
            """create_table: {name: t, columns: [{name: a, type: int}],
                constraints: [{name: c, type: unique, columns: [b]}]}""",
            "constraints[0].columns[0]",
            "the table has no column 'b', only a",
            "add the column",
        ),
        (
            """create_table: {name: t, columns: [{name: a, type: int}], constraints:
                [{name: c, type: unique, columns: [a], index_parameters: {include_columns: [b]}}]}""",
            "constraints[0].index_parameters.include_columns[0]",
            "the table has no column 'b', only a",
            "write one of these",
        ),
        ("rename_table: {from: t, to: t}", "to", "'t' is its name already", "remove the operation"),
        ("rename_table: {to: s}", "from", "`from` is missing", "add `from: …`"),
        ("drop_table: {}", "name", "`name` is missing", "add `name: …`"),
        ("drop_table:", "", "nothing is written under this key", ""),
        ("drop_table: t", "", "'t' is not allowed here, only a mapping of keys", "write a mapping of keys"),
        ("add_column: {table: t, column: {name: a, type: int}}", "up", "what is 'a'", "`column.nullable: true`"),
        (
            "add_column: {table: t, column: {name: a, type: int, generated: {expression: b}}, up: b}",
            "up",
            "the server makes a generated column's values",
            "remove `up` or `generated`",
        ),
        ("rename_column: {table: t, column: a, name: a}", "name", "'a' is its name already", "write the new name"),
        ("rename_column: {table: t, column: a}", "to", "`to` is missing", "add `to: …`"),
        ("create_index: {table: t, name: i, columns: [a], method: rtree}", "method", "'rtree' is not", "`btree`"),
        (
            "create_index: {table: t, name: i, columns: [a], method: hash, unique: true}",
            "unique",
            "an index of method hash cannot be unique",
            "write `method: btree`",
        ),
        (
            "create_index: {table: t, name: i, columns: {b: {}, a: {sort: ASC}}, method: gin}",
            "columns.a.sort",
            "an index of method gin keeps no order",
            "write `method: btree`",
        ),
        (
            "set_replica_identity: {table: t, identity: {type: index}}",
            "identity.index",
            "`type: index` needs `index`",
            "the name of a unique index",
        ),
        (
            "set_replica_identity: {table: t, identity: {type: full, index: i}}",
            "identity.index",
            "`type: full` has no index",
            "write `type: index`",
        ),
        ("set_replica_identity: {table: t, identity: full}", "identity", "only a mapping of keys", "write a mapping"),
        ("sql: {down: SELECT 1}", "up", "`up` is missing", "add `up: …`"),
        ("sql: {up: ' '}", "up", "the text is empty", "write an SQL expression"),
        ("sql: {up: a, down: b, onComplete: true}", "down", "cannot be taken back", "remove `down`, or `onComplete`"),
        ("sql: {up: a, on_complete: true}", "on_complete", "unknown key 'on_complete'; allowed here: up, down", ""),
    ],
)
def test_what_is_wrong_with_an_operation(text: str, path: str, message: str, remedy: str) -> None:
    assert_fault(text, f"{text.partition(':')[0]}.{path}".rstrip("."), message, remedy)
