"""A shape and the facts about it → every statement of expand, contract and undo, as data.

What a step locks is said with it. A step of several statements is one transaction; an index is built alone and
concurrently. Each step may be carried out again from its beginning: what is there already is left.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import TypeAdapter

from abreast.schema.clauses import Target, Targets
from abreast.schema.expression import Expression
from abreast.schema.facts import Facts, TableFacts
from abreast.schema.names import Relation, ident, made_name
from abreast.schema.shape import Shape, TableShape
from abreast.schema.sync import Kept, Sync

Kind = Literal["transaction", "index", "parts", "drop index", "name parts", "backfill", "views"]

PART: Final = "<part>"
PARTITION: Final = "<partition>"
"""Stand in the statements of a step for the index of each partition, and for the partition."""
EXCLUSIVE: Final = "ACCESS EXCLUSIVE"
ROWS_GO_ON: Final = "SHARE UPDATE EXCLUSIVE"
_WORDS: Final = {
    EXCLUSIVE: "nobody reads or writes it for the few milliseconds this takes",
    ROWS_GO_ON: "reads and writes go on",
    "SHARE ROW EXCLUSIVE": "writes wait for the few milliseconds this takes",
}


@dataclass(frozen=True)
class Lock:
    """What a step holds on a table while it runs."""

    relation: Relation
    mode: str

    def __str__(self) -> str:
        return f"{self.mode} on {self.relation}: {_WORDS.get(self.mode, 'see the documentation of PostgreSQL')}"


@dataclass(frozen=True)
class Step:
    """One thing to be done. ``index`` is the index of a step that builds or drops one.

    ``parts``: build a partitioned table's index on every partition there is by then; ``name parts``: call them after
    it.
    """

    name: str
    kind: Kind
    statements: tuple[str, ...]
    locks: tuple[Lock, ...] = ()
    table: Relation | None = None
    index: Relation | None = None


@dataclass(frozen=True)
class TablePlan:
    """What backfill and check need of a table; SQL over it as ``new``.

    ``assignments``: (column, expression) that a backfill sets where ``unfilled`` is true. ``divergent`` is true for
    rows whose two representations contradict each other; None where there is only one. ``restorations``: (column,
    expression) that makes the old side of the new one, as ``assignments`` make the new of the old. ``pairs``: (name,
    what the old side comes to, what the new side holds), for people to see. ``gone``: columns that contract drops;
    ``known``: the indexes and constraints that were there when the plan was made.
    """

    relation: Relation
    key: tuple[str, ...]
    key_types: tuple[str, ...] = ()
    assignments: tuple[tuple[str, str], ...] = ()
    unfilled: str | None = None
    divergent: str | None = None
    restorations: tuple[tuple[str, str], ...] = ()
    pairs: tuple[tuple[str, str, str], ...] = ()
    watched: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The whole, as it is kept in the database while it is under way.

    ``opaque``: SQL of the migration's own runs in expand, so that the new version's views can only be told after it.
    """

    schema: str
    old_version: str
    new_version: str
    expand: tuple[Step, ...]
    contract: tuple[Step, ...]
    undo: tuple[Step, ...]
    tables: tuple[TablePlan, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    opaque: bool = False


_PLANS: Final = TypeAdapter(Plan)


def plan_to_json(plan: Plan) -> str:
    """As text."""
    return _PLANS.dump_json(plan).decode()


def plan_from_json(text: str | bytes) -> Plan:
    """And back."""
    return _PLANS.validate_json(text)


def sync_of(table: TableShape, facts: TableFacts, old: str, new: str) -> Sync:
    """How the table is kept in step between the versions of these names."""
    columns = table.columns
    serials = {name: _serial(table, name) for name, added in table.added.items() if added.sequence and not added.up}
    return Sync(
        relation=table.relation,
        key=table.table.key,
        columns=columns,
        old=tuple(Kept(columns[name], facts.expressions.get(name)) for name in table.gone),
        new=tuple(
            Kept(columns[name], serials.get(name) or facts.expressions.get(name), filled=added.table_default)
            for name, added in table.added.items()
        ),
        old_version=old,
        new_version=new,
        partition_key=table.table.partition_key,
    )


def _serial(table: TableShape, physical: str) -> Expression:
    text = table.next_value(physical)
    return Expression(text, text, text, volatility="volatile")


def copied_name(name: str) -> str:
    """What the copy of a constraint or index is called until it takes the place of the first."""
    return made_name("_abreast_", name)


def not_null_name(physical: str) -> str:
    """The check that stands for NOT NULL until that can be had without reading the table."""
    return made_name("_abreast_not_null", physical)


def lock(mode: str, *relations: Relation) -> tuple[Lock, ...]:
    """The same mode on several."""
    return tuple(Lock(relation, mode) for relation in relations)


def targets_of(shape: Shape) -> Targets:
    """Tables by the names a migration uses for them."""
    return {table.new_name: Target(table.relation, dict(table.new_view)) for table in shape.tables if table.new_name}


def facts_of(facts: Facts, table: TableShape) -> TableFacts:
    """Those of the table; of a new or untouched one there are none."""
    return facts.get(table.relation, TableFacts())


def index_steps(table: TableShape, name: str, *, unique: bool, tail: str) -> Iterable[Step]:
    """Build an index while rows are written. A partitioned table's is built on each partition and put together."""
    kind = "UNIQUE INDEX" if unique else "INDEX"
    relation = table.relation
    whole = Relation(relation.schema, name)
    if not table.table.partitioned:
        statement = f"CREATE {kind} CONCURRENTLY {ident(name)} ON {relation.sql} {tail}"
        yield Step(f"build the index {name}", "index", (statement,), lock(ROWS_GO_ON, relation), relation, whole)
        return
    statements = (
        f"CREATE {kind} {ident(name)} ON ONLY {relation.sql} {tail}",
        f"CREATE {kind} CONCURRENTLY {PART} ON {PARTITION} {tail}",
        f"ALTER INDEX {whole.sql} ATTACH PARTITION {PART}",
    )
    locks = (*lock("SHARE", relation), *lock(ROWS_GO_ON, *table.table.partitions))
    yield Step(f"build the index {name} on every partition", "parts", statements, locks, relation, whole)


def drop_index_step(table: TableShape | None, index: Relation) -> Step:
    """Take an index away while rows are written; that of a partitioned table at once."""
    relation = table.relation if table else None
    if table and table.table.partitioned:
        statement = f"DROP INDEX IF EXISTS {index.sql}"
        locks = lock(EXCLUSIVE, table.relation, *table.table.partitions)
        return Step(f"drop the index {index.name}", "drop index", (statement,), locks, relation, index)
    statement = f"DROP INDEX CONCURRENTLY IF EXISTS {index.sql}"
    return Step(f"drop the index {index.name}", "drop index", (statement,), table=relation, index=index)
