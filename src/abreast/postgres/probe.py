"""Ask a server what the SQL of a migration means, in a transaction that is rolled back.

Each table is made anew, empty and temporary, with the names a version sees. An expression becomes a view of it: the
server says whether it can be read, what it reads (pg_depend) and which functions it calls (the view's parse tree). Then
the columns are given the names that the real table has, and the server writes the expression out again: with those
names, and with a schema before every function, since nothing but pg_catalog is on the search path.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from abreast.model.errors import MigrationError
from abreast.postgres.connection import Connection, sql
from abreast.postgres.copies import copied_constraints, copied_indexes
from abreast.postgres.scratch import ROW, Scratch
from abreast.schema import clauses
from abreast.schema.catalog import Column
from abreast.schema.expression import Expression, Volatility
from abreast.schema.facts import Facts, TableFacts
from abreast.schema.names import Relation, ident
from abreast.schema.operations import CreateTable
from abreast.schema.place import Place
from abreast.schema.shape import Shape, TableShape, Text

_VIEW: Final = 'pg_temp."~view"'
_LABEL: Final = "~abreast~"
_ROW: Final = "~abreast~row"  # not `new`: views of PostgreSQL 15 have a hidden one already
_CALLED: Final = re.compile(r":(?:funcid|opfuncid|aggfnoid|winfnoid) (\d+)")
_OPERATORS: Final = re.compile(r":opno (\d+)")
_MOVING: Final = frozenset(
    {
        "age", "clock_timestamp", "current_setting", "now", "pg_backend_pid", "pg_current_xact_id", "random",
        "statement_timestamp", "timeofday", "transaction_timestamp", "txid_current",
    }
)  # fmt: skip
_UNBOUND: Final = re.compile(r"^(character varying|bit varying|bit|character)\(\d+\)")
"""Types whose length an assignment keeps to, with an error, and a cast does not: it cuts the value."""
_SELECT: Final = re.compile(r"\s*select\b", re.IGNORECASE)

_FUNCTIONS: Final = """
SELECT p.proname, p.provolatile::text FROM pg_proc p WHERE p.oid = ANY(%(functions)s::oid[])
 UNION SELECT p.proname, p.provolatile::text FROM pg_operator o JOIN pg_proc p ON p.oid = o.oprcode
 WHERE o.oid = ANY(%(operators)s::oid[])"""

_GUARDED: Final = """
SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
 WHERE p.oid = ANY(%s::oid[]) AND NOT (has_function_privilege('public', p.oid, 'EXECUTE')
   AND (has_schema_privilege('public', n.oid, 'USAGE'))) ORDER BY 1"""

_READS: Final = """
SELECT a.attname FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE r.ev_class = %(view)s::regclass AND d.refobjid = %(table)s::regclass AND d.refobjsubid > 0"""

_OTHERS: Final = """
SELECT DISTINCT n.nspname, c.relname FROM pg_depend d JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass
   AND r.oid = d.objid JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE r.ev_class = %(view)s::regclass AND c.oid NOT IN (%(view)s::regclass, %(table)s::regclass) ORDER BY 1, 2"""

_CONSTRAINED: Final = """
WITH RECURSIVE base(type, kind, below, refuses) AS (
  SELECT t.oid, t.typtype, t.typbasetype, t.typnotnull FROM pg_type t WHERE t.oid = to_regtype(%(type)s)
  UNION ALL SELECT t.oid, t.typtype, t.typbasetype, t.typnotnull FROM base JOIN pg_type t ON t.oid = base.below)
SELECT bool_or(refuses OR EXISTS (SELECT FROM pg_constraint c WHERE c.contypid = base.type))::text
  FROM base WHERE kind = 'd'"""

_CONDITION: Final = """
SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = %(table)s::regclass AND conname = 'c'"""


def canonical_types(connection: Connection, schema: str, types: Mapping[str, Place]) -> dict[str, str]:
    """Each type as the catalog writes it, with its schema. MigrationError with all that there are none of."""
    scratch = Scratch(connection, schema)
    found = {}
    with scratch.undone():
        for text, place in types.items():
            with scratch.trying(place, "the type"):
                scratch.written(f'CREATE TEMP TABLE "~types" (c {text})')
                found[text] = scratch.one(
                    "SELECT format_type(atttypid, atttypmod) FROM pg_attribute "
                    "WHERE attrelid = 'pg_temp.\"~types\"'::regclass AND attnum = 1"
                )
    if scratch.faults:
        raise MigrationError(tuple(scratch.faults))
    return found


def probed(connection: Connection, shape: Shape) -> Facts:
    """Facts of every table that changes. MigrationError with everything that the server cannot read."""
    scratch = Scratch(connection, shape.catalog.schema)
    facts: dict[Relation, TableFacts] = {}
    with scratch.undone():
        for table in shape.tables:
            if table.created:
                _try_creation(scratch, table.created)
            elif table.changed:
                facts[table.relation] = _of_table(scratch, table, shape)
    if scratch.faults:
        raise MigrationError(tuple(scratch.faults))
    return facts


def _of_table(scratch: Scratch, table: TableShape, shape: Shape) -> TableFacts:
    columns = table.columns
    to_old, to_new = dict(table.old_view), dict(table.new_view)
    old = {name: columns[physical] for name, physical in to_old.items()}
    new = {name: columns[physical] for name, physical in to_new.items()}
    wanted = [(physical, added.up, old, to_old) for physical, added in table.added.items() if added.up]
    wanted += [(physical, text, new, to_new) for physical, text in table.down.items()]
    expressions = {}
    for physical, text, known, names in wanted:
        found = _expression(scratch, text, columns[physical], known, names)
        if found:
            expressions[physical] = found
    conditions = {}
    for text in _conditions(table):
        with scratch.trying(text.place, "the condition"):
            conditions[text.sql] = _condition(scratch, text, new, to_new)
    _refuse_rewrites(scratch, table)
    _try_defaults(scratch, table)
    _try_indexes(scratch, table, new)
    indexes = copied_indexes(scratch, table, shape)
    return TableFacts(expressions, conditions, indexes, copied_constraints(scratch, table))


def _expression(
    scratch: Scratch, text: Text, column: Column, known: Mapping[str, Column], names: Mapping[str, str]
) -> Expression | None:
    """What the text means for a column; None, with a fault, where it cannot be used."""
    found: Expression | None = None
    with scratch.trying(text.place, f"{text.sql!r}"):
        scratch.make_row(known)
        wrapped = f"(({text.sql}))" if _SELECT.match(text.sql) else f"({text.sql})"
        target = _UNBOUND.sub(lambda kept: "bpchar" if kept[1] == "character" else kept[1], column.type)
        scratch.written(
            f'CREATE TEMP VIEW "~view" AS SELECT {wrapped}::{target} AS {ident(_LABEL)} '
            f'FROM {ROW} AS {ident(_ROW)}, (VALUES (0)) AS "~other" ("~n")'
        )
        # What may stand in a WHERE may stand in an UPDATE and a trigger: neither aggregates nor sets of rows.
        scratch.written(f"EXPLAIN DELETE FROM {ROW} AS {ident(_ROW)} WHERE ({wrapped}::{target}) IS NULL")
        columns = {str(row[0]) for row in _rows(scratch, _READS)}
        relations = tuple(f"{row[0]}.{row[1]}" for row in _rows(scratch, _OTHERS))
        volatility, moving, guarded = _calls(scratch)
        scratch.rename_row(names)
        deparsed = _deparsed(scratch)
        found = Expression(
            written=text.sql,
            over_new=deparsed.replace(f"{ident(_ROW)}.", "new."),
            over_old=deparsed.replace(f"{ident(_ROW)}.", "old."),
            columns=frozenset(names[name] for name in columns),
            volatility=volatility,
            moving=moving,
            relations=relations,
            functions=guarded,
        )
        if not found.repeatable and columns:
            scratch.faults.append(
                text.place.fault(
                    f"{text.sql!r} gives another value each time it is asked, so the versions would diverge",
                    "an expression that reads columns may not read the clock, the session or chance as well",
                )
            )
        made = sorted(name for name in columns if known[name].generated)
        if made:
            scratch.faults.append(
                text.place.fault(
                    f"{text.sql!r} reads {', '.join(made)}, which the server makes after all triggers have run",
                    "write out what that column is made of",
                )
            )
    return found


def _rows(scratch: Scratch, query: str) -> list[tuple[object, ...]]:
    return scratch.connection.execute(sql(query), {"view": _VIEW, "table": ROW}).fetchall()


def _calls(scratch: Scratch) -> tuple[Volatility, bool, tuple[str, ...]]:
    """How steady the view's functions are, whether one reads the clock or the session, those not for everybody."""
    tree = scratch.one("SELECT ev_action::text FROM pg_rewrite WHERE ev_class = %(view)s::regclass", view=_VIEW)
    called = scratch.connection.execute(
        _FUNCTIONS, {"functions": _CALLED.findall(tree), "operators": _OPERATORS.findall(tree)}
    ).fetchall()
    guarded = tuple(str(row[0]) for row in scratch.connection.execute(_GUARDED, [_CALLED.findall(tree)]).fetchall())
    kinds = {str(volatility) for _, volatility in called}
    # The age of two times is always the same, that of one is counted from today.
    moving = "{SQLVALUEFUNCTION" in tree or any(name in _MOVING and kind != "i" for name, kind in called)
    if "v" in kinds:
        return "volatile", moving, guarded
    return ("stable" if "s" in kinds or moving or "{COERCEVIAIO" in tree else "immutable"), moving, guarded


def _deparsed(scratch: Scratch) -> str:
    text = scratch.one("SELECT pg_get_viewdef(%(view)s::regclass)", view=_VIEW)
    start, end = text.index("SELECT ") + len("SELECT "), text.rindex(f" AS {ident(_LABEL)}\n")
    return f"({text[start:end]})"


def _conditions(table: TableShape) -> Iterator[Text]:
    for added in table.added.values():
        yield from (text for _, text, _ in added.checks)
    for constraint, place in table.constraints:
        if constraint.check:
            yield Text(constraint.check, place.at("check"))
    for index in table.indexes:
        if index.predicate:
            yield Text(index.predicate, index.place.at("predicate"))


def _condition(scratch: Scratch, text: Text, known: Mapping[str, Column], names: Mapping[str, str]) -> str:
    """A condition with the table's names, as a check of its own would write it."""
    scratch.make_row(known)
    scratch.written(f"ALTER TABLE {ROW} ADD CONSTRAINT c CHECK ({text.sql})")
    scratch.rename_row(names)
    return scratch.one(_CONDITION, table=ROW)


def _refuse_rewrites(scratch: Scratch, table: TableShape) -> None:
    """To add a column of a domain with constraints the server writes the whole table anew, and everybody waits."""
    for added in table.added.values():
        kind = added.column.type
        if scratch.one(_CONSTRAINED, type=kind) == "true":
            scratch.faults.append(
                added.place.fault(
                    f"the type {kind} of {added.final!r} is a domain with constraints: adding such a column locks the "
                    "table while every row of it is written anew",
                    "take the type below it, and give what the domain demands as `check` and `nullable: false`",
                )
            )


def _try_defaults(scratch: Scratch, table: TableShape) -> None:
    for name, slot in table.slots.items():
        default = table.view_default(name)
        added = table.added.get(slot.physical)
        if added and added.table_default:
            default = added.default
        if default is not None and not (added and added.sequence):
            with scratch.trying(slot.place, f"the default {default} of {name!r}"):
                scratch.written(f'CREATE TEMP TABLE "~default" (c {slot.column.type} DEFAULT {default})')


def _try_indexes(scratch: Scratch, table: TableShape, new: Mapping[str, Column]) -> None:
    wanted = [(index.name, index.unique, clauses.index_tail(index, {}, None), index.place) for index in table.indexes]
    wanted += [
        (one.name, True, clauses.unique_tail(one, {}), place)
        for one, place in table.constraints
        if one.type in ("unique", "primary_key")
    ]
    wanted += [
        (name, True, f"USING btree ({ident(added.final)})", added.place)
        for added in table.added.values()
        for name in added.unique
    ]
    for name, unique, tail, place in wanted:
        with scratch.trying(place, f"the index {name}"):
            scratch.make_row(new)
            scratch.written(f'CREATE {"UNIQUE " * unique}INDEX "~index" ON {ROW} {tail}')


def _try_creation(scratch: Scratch, operation: CreateTable) -> None:
    """The table without what it refers to: other tables may be as new, and those that are there would be locked."""
    alone = replace(
        operation,
        columns=tuple(replace(column, references=None) for column in operation.columns),
        constraints=tuple(one for one in operation.constraints if not one.references),
    )
    with scratch.trying(operation.place, f"the table {operation.name!r}"):
        scratch.written(clauses.create_table(alone, Relation("pg_temp", operation.name), {}))
