import pytest

from abreast.model.errors import MigrationError
from abreast.postgres.catalog import read_catalog
from abreast.postgres.probe import canonical_types, probed
from abreast.schema.expression import Expression
from abreast.schema.facts import TableFacts
from abreast.schema.names import Relation
from abreast.schema.place import Place
from abreast.schema.reshape import reshape, written_types
from tests.postgres.trials import Trial, operations, refused, trial

SETUP = """CREATE TABLE t (id int PRIMARY KEY, a text, b int, at timestamptz, c char(4));
CREATE TABLE other (id int PRIMARY KEY, label text);
CREATE DOMAIN short AS varchar(3); CREATE TYPE mood AS ENUM ('a');
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';
CREATE FUNCTION chance(text) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1'"""


def facts(made: Trial, text: str) -> TableFacts:
    catalog = read_catalog(made.connection, "shop")
    read = operations(text)
    types = canonical_types(made.connection, "shop", written_types(read))
    return probed(made.connection, reshape(catalog, read, types))[Relation("shop", "t")]


def up(made: Trial, expression: str, kind: str = "text") -> Expression:
    escaped = expression.replace("\\", "\\\\").replace('"', '\\"')
    text = f'  - add_column: {{table: t, column: {{name: x, type: {kind}, nullable: true}}, up: "{escaped}"}}'
    return facts(made, text).expressions["_abreast_x"]


def test_types_are_written_as_the_catalog_has_them_and_unknown_ones_are_all_told(each_database: str) -> None:
    place = Place("m.yaml", 3, "operations[0]")
    with trial(each_database, SETUP) as made:
        wanted = dict.fromkeys(["int", "varchar(3)", "timestamptz(2)", "short", "mood[]", "numeric(5, 1)"], place)
        assert canonical_types(made.connection, "shop", wanted) == {
            "int": "integer",
            "varchar(3)": "character varying(3)",
            "timestamptz(2)": "timestamp(2) with time zone",
            "short": "shop.short",
            "mood[]": "shop.mood[]",
            "numeric(5, 1)": "numeric(5,1)",
        }
        with pytest.raises(MigrationError) as raised:
            canonical_types(made.connection, "shop", {"nope": place, "int": place, "varchar(": place})
        assert [fault.message.partition(":")[0] for fault in raised.value.faults] == ["the type cannot be used"] * 2
        assert made.connection.execute("SHOW search_path").fetchone() == ("pg_catalog",)


def test_an_expression_is_written_for_the_table_and_what_it_reads_is_known(each_database: str) -> None:
    with trial(each_database, SETUP) as made:
        found = up(made, "repeat(upper(a), twice(b))")
        assert found.over_new == "(repeat(upper(new.a), shop.twice(new.b)))"
        assert found.over_old == "(repeat(upper(old.a), shop.twice(old.b)))"
        assert found.columns == {"a", "b"}
        assert found.repeatable


@pytest.mark.parametrize(
    ("expression", "kind", "volatility", "moving"),
    [
        ("a", "text", "immutable", False),
        ("'x'", "text", "immutable", False),
        ("gen_random_uuid()", "uuid", "volatile", False),
        ("clock_timestamp()", "timestamptz", "volatile", True),
        ("now()", "timestamptz", "stable", True),
        ("current_date", "date", "stable", True),
        ("current_user", "text", "stable", True),
        ("at::text", "text", "stable", False),
        ("at::date", "date", "stable", False),
        ("age(at, '2020-01-01'::timestamptz)", "interval", "immutable", False),
    ],
)
def test_how_steady_an_expression_is(database: str, expression: str, kind: str, volatility: str, moving: bool) -> None:
    with trial(database, SETUP) as made:
        found = up(made, expression, kind)
        assert (found.volatility, found.moving) == (volatility, moving)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("length(chance(a))", "gives another value each time"),
        ("length(a || clock_timestamp())", "gives another value each time"),
        ("length(age(at)::text)", "gives another value each time"),
        ("nope", 'column "nope" does not exist'),
        ("sum(b)", "aggregate functions are not allowed in WHERE"),
        ("generate_series(1, b)", "set-returning functions are not allowed in WHERE"),
        ("lag(b) OVER ()", "window functions are not allowed in WHERE"),
        ("point(1, 2)", "cannot cast type point to integer"),
        ("(SELECT label FROM nowhere)", 'relation "nowhere" does not exist'),
        ("$1", "there is no parameter $1"),
    ],
)
def test_expressions_that_cannot_keep_a_row_in_step_are_refused(database: str, expression: str, said: str) -> None:
    with trial(database, SETUP) as made:
        found = refused(
            made,
            f'  - add_column: {{table: t, column: {{name: x, type: integer, nullable: true}}, up: "{expression}"}}',
        )
        assert any(said in fault.message and fault.line == 2 and fault.remedy for fault in found), found


def test_a_subquery_reads_other_tables_and_that_is_known(database: str) -> None:
    with trial(database, SETUP) as made:
        for text in ("(SELECT label FROM other WHERE other.id = b)", "SELECT label FROM other WHERE other.id = b"):
            found = up(made, text)
            assert found.relations == ("shop.other",)
            assert found.columns == {"b"}
            assert "FROM shop.other" in found.over_new
            assert "new.b" in found.over_new


def test_lengths_are_kept_to_with_an_error_and_not_by_cutting(database: str) -> None:
    with trial(database, SETUP) as made:
        for kind in ("varchar(2)", "char(2)", "bit varying(2)"):
            assert "(2)" not in up(made, "NULL", kind).over_new
        assert "bpchar" in up(made, "c", "char(2)").over_new
        assert "numeric(4,1)" in up(made, "b", '"numeric(4,1)"').over_new


def test_names_are_swapped_where_the_table_calls_columns_otherwise(database: str) -> None:
    text = """
  - rename_column: {table: t, from: a, to: x}
  - rename_column: {table: t, from: c, to: a}
  - rename_column: {table: t, from: x, to: c}
  - drop_column: {table: t, column: b, down: "length(a || c || c)"}
  - create_index: {table: t, name: i, columns: [id], predicate: a > c}
"""
    with trial(database, SETUP) as made:
        found = facts(made, text)
        assert found.expressions["b"].columns == {"a", "c"}
        assert found.expressions["b"].over_new.count("new.a") == 2
        assert found.conditions == {"a > c": "((c)::text > a)"}


def test_asking_leaves_nothing_behind(database: str) -> None:
    with trial(database, SETUP) as made:
        before = made.described()
        facts(made, "  - alter_column: {table: t, column: a, type: int, up: a::int, down: a::text}")
        assert made.described() == before
        assert made.connection.execute("SELECT count(*) FROM pg_class WHERE relname LIKE '~%'").fetchone() == (0,)


def test_a_new_table_is_tried_without_what_it_refers_to(database: str) -> None:
    text = """
  - create_table:
      name: leaves
      columns:
        - {name: id, type: int, pk: true, references: {name: f, table: t, column: id}}
        - {name: kind, type: mood, default: "'zzz'"}
"""
    with trial(database, SETUP) as made:
        (fault,) = refused(made, text)
        assert (fault.line, "the table 'leaves' cannot be used: invalid input value for enum" in fault.message) == (
            3,
            True,
        )
