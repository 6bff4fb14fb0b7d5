"""What keeping two representations in step costs each row written: nothing at all, our triggers, and pgroll's way.

The rival is written anew in pgroll's manner: two BEFORE triggers for a changed column (``up`` and ``down``), each a
function that declares a variable for every column of the table, asks a function for the latest version, which reads
the table of migrations, and compares its schema with ``search_path``. Where there is a choice the rival has the
quicker one: the function that it asks keeps its plan from row to row, which one written in SQL does not, and reads a
single small table. So the ratios are the most that can be said in its favour.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Final

from abreast.postgres.connection import Connection, sql
from abreast.postgres.migrate import Migrator
from abreast.schema.migration import read_migration
from abreast.schema.views import Version

NONE: Final = "none"
OURS: Final = "abreast"
RIVAL: Final = "pgroll's way"
CONTENDERS: Final = (NONE, OURS, RIVAL)
INSERT: Final = "insert"
CHANGED: Final = "update, changed column"
UNRELATED: Final = "update, another column"
WRITES: Final = (INSERT, CHANGED, UNRELATED)
BAR: Final = 0.7
"""What a statement under our triggers may take of one under the rival's."""

_SCHEMAS: Final = {NONE: "bench_none", OURS: "bench_ours", RIVAL: "bench_rival"}
_COLUMNS: Final = {
    "id": "int PRIMARY KEY",
    "name": "text NOT NULL",
    "price": "numeric(10,2) NOT NULL",
    "kind": "text",
    "note": "text",
    "stock": "int NOT NULL",
    "seller": "bigint NOT NULL",
    "made": "timestamptz NOT NULL",
}
_ADDED: Final = "_abreast_price"
_UP: Final = "(price * 100)::bigint"
_DOWN: Final = "price / 100.0"
_MIGRATION: Final = (
    f'operations: [{{alter_column: {{table: products, column: price, type: bigint, up: "{_UP}", down: "{_DOWN}"}}}}]'
)
_ROLLS: Final = """
CREATE SCHEMA rolls;
CREATE TABLE rolls.migration (schema text, version text, follows text, PRIMARY KEY (schema, version));
CREATE UNIQUE INDEX follower ON rolls.migration (schema, follows);
INSERT INTO rolls.migration VALUES
  ('bench_rival', '01', NULL), ('bench_rival', '02', '01'), ('bench_rival', '03', '02');
ANALYZE rolls.migration;
CREATE FUNCTION rolls.newest(wanted text) RETURNS text LANGUAGE plpgsql STABLE AS $body$
BEGIN
  RETURN (SELECT m.version FROM rolls.migration m WHERE m.schema = wanted AND NOT EXISTS (
    SELECT FROM rolls.migration later WHERE later.schema = wanted AND later.follows = m.version));
END $body$;
"""


@dataclass(frozen=True, slots=True)
class Written:
    """One statement in one round: microseconds per row."""

    contender: str
    write: str
    round: int
    row_us: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the rounds: microseconds per row of each contender, and ``ratio``, ours to the rival's."""

    write: str
    row_us: dict[str, float]
    ratio: float
    added_ratio: float

    @property
    def met(self) -> bool:
        """Whether the bar is reached."""
        return self.ratio <= BAR


def costs(connection: Connection, rows: int, rounds: int) -> tuple[Cost, ...]:
    """Measure every write of every contender, in an order that moves by one with each round."""
    prepare(connection)
    found: list[Written] = []
    for number in range(rounds):
        turn = number % len(CONTENDERS)
        for contender in [*CONTENDERS[turn:], *CONTENDERS[:turn]]:
            found += _visit(connection, contender, rows, number)
    return tuple(cost(write, found) for write in WRITES)


def cost(write: str, found: list[Written]) -> Cost:
    """The medians of one kind of write; ratios are taken within a round."""
    rounds: dict[int, dict[str, float]] = {}
    for each in found:
        if each.write == write:
            rounds.setdefault(each.round, {})[each.contender] = each.row_us
    return Cost(
        write=write,
        row_us={name: median(one[name] for one in rounds.values()) for name in CONTENDERS},
        ratio=median(one[OURS] / one[RIVAL] for one in rounds.values()),
        added_ratio=median((one[OURS] - one[NONE]) / max(one[RIVAL] - one[NONE], 1e-3) for one in rounds.values()),
    )


def prepare(connection: Connection) -> None:
    """The three tables, each as it is when both versions run."""
    columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    connection.execute(sql(_ROLLS))
    for contender, schema in _SCHEMAS.items():
        connection.execute(sql(f"CREATE SCHEMA {schema}"))
        connection.execute(sql(f"CREATE TABLE {schema}.products ({columns})"))
        if contender != OURS:
            connection.execute(sql(f"ALTER TABLE {schema}.products ADD COLUMN {_ADDED} bigint"))
    old, new = (Version(name, f"bench_{name}", _SCHEMAS[OURS]) for name in ("v1", "v2"))
    migrator = Migrator(connection)
    migrator.expand(migrator.plan(_SCHEMAS[OURS], read_migration("bench.yaml", _MIGRATION).operations, old, new), new)
    rival = _SCHEMAS[RIVAL]
    connection.execute(sql(_rival_trigger("up", _ADDED, _UP, "price", "<>")))
    connection.execute(sql(_rival_trigger("down", "price", _DOWN, _ADDED, "=")))
    connection.execute(sql(f"CREATE SCHEMA {rival}_03"))


def _rival_trigger(name: str, target: str, expression: str, source: str, compared: str) -> str:
    """One of the pair: it writes ``target`` for writers whose ``search_path`` is (not) the latest version's schema."""
    schema = _SCHEMAS[RIVAL]
    held = {column: source if column == "price" else column for column in _COLUMNS}
    declared = "\n".join(f"  {name} {schema}.products.{column}%TYPE := new.{column};" for name, column in held.items())
    body = f"""
DECLARE
{declared}
  newest_schema text := '{schema}_' || rolls.newest('{schema}');
BEGIN
  IF current_setting('search_path') {compared} newest_schema THEN new.{target} := {expression}; END IF;
  RETURN new;
END
"""
    return (
        f"CREATE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$; "
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {schema}.products "
        f"FOR EACH ROW EXECUTE FUNCTION {schema}.{name}()"
    )


def _visit(connection: Connection, contender: str, rows: int, number: int) -> list[Written]:
    """Fill the table as the old version does, and update every row twice."""
    schema = _SCHEMAS[contender]
    connection.execute(sql(f"TRUNCATE {schema}.products"))
    connection.execute(sql(f"SET search_path = {schema}_{'01' if contender == RIVAL else 'v1'}"))
    connection.execute("SET abreast.version = 'v1'")
    names = ", ".join(_COLUMNS)
    statements = {  # all of their names are constants
        INSERT: f"INSERT INTO {schema}.products ({names}) "  # noqa: S608  # of constants
        f"SELECT n, 'name ' || n, n % 1000, 'kind', 'a note', 1, n, '2024-01-01' FROM generate_series(1, {rows:d}) n",
        CHANGED: f"UPDATE {schema}.products SET price = price + 1",  # noqa: S608  # of constants
        UNRELATED: f"UPDATE {schema}.products SET stock = stock + 1",  # noqa: S608  # of constants
    }
    found = []
    for write, statement in statements.items():
        began = time.perf_counter()
        connection.execute(sql(statement))
        found.append(Written(contender, write, number, (time.perf_counter() - began) / rows * 1e6))
        connection.execute(sql(f"VACUUM {schema}.products"))
    connection.execute("RESET search_path")
    connection.execute("RESET abreast.version")
    return found
