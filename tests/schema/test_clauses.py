import pytest

from abreast.schema import clauses
from abreast.schema.columns import Constraint
from abreast.schema.names import Relation
from abreast.schema.operations import AddColumn, CreateIndex, CreateTable
from tests.schema.migration_texts import operation

TARGETS = {
    "authors": clauses.Target(Relation("shop", "authors"), {"id": "_abreast_id"}),
    "t": clauses.Target(Relation("shop", "t")),
}


def table(text: str) -> str:
    found = operation(f"create_table: {{name: t, {text}}}")
    assert isinstance(found, CreateTable)
    return clauses.create_table(found, Relation("shop", "t"), TARGETS)


def constraint(text: str, names: dict[str, str] | None = None) -> str:
    found = operation(
        f"create_table: {{name: t, columns: [{{name: a, type: int}}, {{name: b, type: int}}], constraints: [{text}]}}"
    )
    assert isinstance(found, CreateTable)
    return clauses.constraint(found.constraints[0], TARGETS, names)


def index(text: str, names: dict[str, str], predicate: str | None = None) -> str:
    found = operation(f"create_index: {{table: t, name: i, {text}}}")
    assert isinstance(found, CreateIndex)
    return clauses.index_tail(found, names, predicate)


@pytest.mark.parametrize(
    ("column", "sql"),
    [
        ("name: a, type: int", '"a" int NOT NULL'),
        ("name: 'a\"b', type: int, nullable: true, default: 5", '"a""b" int DEFAULT 5'),
        ("name: a, type: int, unique: true", '"a" int NOT NULL UNIQUE'),
        (
            "name: a, type: int, check: {name: c, constraint: a > 0, no_inherit: true}",
            '"a" int NOT NULL CONSTRAINT "c" CHECK (a > 0) NO INHERIT',
        ),
        (
            "name: a, type: int, nullable: true, generated: {expression: 1 + 1}",
            '"a" int GENERATED ALWAYS AS (1 + 1) STORED',
        ),
        (
            "name: a, type: int, generated: {identity: {sequence_options: START 5}}",
            '"a" int GENERATED ALWAYS AS IDENTITY (START 5) NOT NULL',
        ),
        (
            "name: a, type: int, references: {name: f, table: authors, column: id, deferrable: true}",
            (
                '"a" int NOT NULL CONSTRAINT "f" REFERENCES "shop"."authors" ("_abreast_id") '
                "MATCH SIMPLE ON DELETE NO ACTION ON UPDATE NO ACTION DEFERRABLE"
            ),
        ),
    ],
)
def test_columns(column: str, sql: str) -> None:
    assert table(f"columns: [{{{column}}}]") == f'CREATE TABLE "shop"."t" (\n  {sql}\n)'


def test_a_key_of_several_columns_and_constraints_stand_below_the_columns() -> None:
    columns = "columns: [{name: a, type: int, pk: true}, {name: b, type: int, pk: true}]"
    text = f"{columns}, constraints: [{{name: c, type: check, check: a > b}}]"
    assert table(text).splitlines()[3:5] == ['  PRIMARY KEY ("a", "b"),', '  CONSTRAINT "c" CHECK (a > b)']


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("{name: c, type: check, check: a > 0, no_inherit: true}", "CHECK (a > 0) NO INHERIT"),
        (
            (
                "{name: c, type: unique, columns: [a, b], nulls_not_distinct: true, index_parameters: "
                "{include_columns: [b], storage_parameters: fillfactor = 70, tablespace: fast}}"
            ),
            'UNIQUE NULLS NOT DISTINCT ("x", "b") INCLUDE ("b") WITH (fillfactor = 70) USING INDEX TABLESPACE "fast"',
        ),
        (
            "{name: c, type: primary_key, columns: [a], deferrable: true, initially_deferred: true}",
            'PRIMARY KEY ("x") DEFERRABLE INITIALLY DEFERRED',
        ),
        (
            "{name: c, type: exclude, exclude: {elements: a WITH =, index_method: gist, predicate: a > 1}}",
            "EXCLUDE USING gist (a WITH =) WHERE (a > 1)",
        ),
        (
            (
                "{name: c, type: foreign_key, columns: [a, b], references: "
                "{table: authors, columns: [id, n], on_delete: SET NULL, on_delete_set_columns: [a]}}"
            ),
            (
                'FOREIGN KEY ("x", "b") REFERENCES "shop"."authors" ("_abreast_id", "n") '
                'MATCH SIMPLE ON DELETE SET NULL ("x") ON UPDATE NO ACTION'
            ),
        ),
    ],
)
def test_constraints_with_the_tables_own_names(text: str, sql: str) -> None:
    assert constraint(text, {"a": "x"}) == sql


def test_the_index_that_a_unique_constraint_is_made_of() -> None:
    wanted = Constraint("u", "unique", ("a", "b"), nulls_not_distinct=True)
    assert clauses.unique_tail(wanted, {"b": "_abreast_b"}) == 'USING btree ("a", "_abreast_b") NULLS NOT DISTINCT'


@pytest.mark.parametrize(
    ("text", "predicate", "sql"),
    [
        ("columns: [a]", None, 'USING btree ("x")'),
        ("columns: [a], method: hash", "(b > 1)", 'USING hash ("x") WHERE (b > 1)'),
        (
            """columns: [{column: b, collate: '"C"', sort: DESC, nulls: LAST,
              opclass: {name: o, params: [siglen = 9]}}], storage_parameters: fillfactor = 70""",
            None,
            'USING btree ("b" COLLATE "C" o (siglen = 9) DESC NULLS LAST) WITH (fillfactor = 70)',
        ),
    ],
)
def test_indexes(text: str, predicate: str | None, sql: str) -> None:
    assert index(text, {"a": "x"}, predicate) == sql


def test_a_foreign_key_of_one_column_as_a_constraint() -> None:
    column = "{name: a, type: int, references: {name: f, table: t, column: id}}"
    found = operation(f"add_column: {{table: t, column: {column}, up: 1}}")
    assert isinstance(found, AddColumn)
    reference = found.column.references
    assert reference is not None
    assert clauses.column_reference(reference, "_abreast_a", TARGETS).startswith(
        'FOREIGN KEY ("_abreast_a") REFERENCES "shop"."t" ("id") MATCH SIMPLE'
    )


def test_what_waits_for_the_end_of_a_transaction() -> None:
    assert clauses.deferral(deferrable=True, deferred=True) == " DEFERRABLE INITIALLY DEFERRED"
    assert clauses.deferral(deferrable=False, deferred=False) == ""
