"""What journal and repair must know of tables: columns, keys, unique indexes, foreign keys both ways."""

from dataclasses import dataclass
from typing import Final

from abreast.postgres.connection import Connection, sql
from abreast.schema.journal import Equality, JournalColumn, JournalTable
from abreast.schema.names import Relation
from abreast.schema.undo_sql import Reference, Unique

_OPERATOR: Final = "format('OPERATOR(%%I.%%s)', on_.nspname, o_.oprname)"

_TABLE: Final = """
SELECT c.oid, c.relkind::text, c.relispartition, coalesce(pg_partition_root(c.oid), c.oid)::oid
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s"""

_COLUMNS: Final = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod),
       b.oid IN ('float4'::regtype, 'float8'::regtype, 'json'::regtype, 'jsonb'::regtype)
           OR b.typcategory = 'A' OR b.typtype = 'c'
           OR EXISTS (SELECT FROM pg_cast
                       WHERE castsource = b.oid AND casttarget IN ('json'::regtype, 'jsonb'::regtype)),
       b.oid IN ('json'::regtype, 'jsonb'::regtype),
       a.attgenerated <> '', a.attgenerated = 'v'
  FROM pg_attribute a
 CROSS JOIN LATERAL (
       WITH RECURSIVE under (oid) AS (
           SELECT a.atttypid UNION ALL
           SELECT t.typbasetype FROM under JOIN pg_type t ON t.oid = under.oid WHERE t.typtype = 'd')
       SELECT t.* FROM under JOIN pg_type t ON t.oid = under.oid WHERE t.typtype <> 'd') b
 WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"""

_UNIQUES: Final = f"""
SELECT x.relname, bool_and(a.attnotnull), i.indimmediate,
       array_agg(a.attname::text ORDER BY p.place), array_agg({_OPERATOR} ORDER BY p.place)
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
 CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) p (place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[p.place]
  JOIN pg_opclass k ON k.oid = i.indclass[p.place]
  JOIN pg_amop m ON m.amopfamily = k.opcfamily AND m.amopstrategy = 3
                AND m.amoplefttype = k.opcintype AND m.amoprighttype = k.opcintype
  JOIN pg_operator o_ ON o_.oid = m.amopopr JOIN pg_namespace on_ ON on_.oid = o_.oprnamespace
 WHERE i.indrelid = %s AND i.indisunique AND i.indisvalid AND NOT i.indisexclusion
   AND i.indpred IS NULL AND i.indexprs IS NULL
 GROUP BY i.indexrelid, x.relname, i.indisprimary, i.indimmediate
 ORDER BY i.indisprimary DESC, x.relname"""

_REFERENCES: Final = f"""
SELECT f.conname, cr.oid, cn.nspname, cr.relname, pr.oid, pn.nspname, pr.relname,
       array_agg(ca.attname::text ORDER BY p.place), array_agg(pa.attname::text ORDER BY p.place),
       array_agg({_OPERATOR} ORDER BY p.place)
  FROM pg_constraint f
  JOIN pg_class cr ON cr.oid = coalesce(pg_partition_root(f.conrelid), f.conrelid)
  JOIN pg_namespace cn ON cn.oid = cr.relnamespace
  JOIN pg_class pr ON pr.oid = coalesce(pg_partition_root(f.confrelid), f.confrelid)
  JOIN pg_namespace pn ON pn.oid = pr.relnamespace
 CROSS JOIN LATERAL unnest(f.conkey, f.confkey, f.conpfeqop) WITH ORDINALITY p (child, parent, operator, place)
  JOIN pg_attribute ca ON ca.attrelid = f.conrelid AND ca.attnum = p.child
  JOIN pg_attribute pa ON pa.attrelid = f.confrelid AND pa.attnum = p.parent
  JOIN pg_operator o_ ON o_.oid = p.operator JOIN pg_namespace on_ ON on_.oid = o_.oprnamespace
 WHERE f.contype = 'f' AND f.conparentid = 0 AND %s IN (cr.oid, pr.oid)
   AND coalesce((to_jsonb(f) ->> 'conenforced')::boolean, true)
 GROUP BY f.oid, f.conname, cr.oid, cn.nspname, cr.relname, pr.oid, pn.nspname, pr.relname
 ORDER BY f.conname, f.oid"""
"""``conenforced`` is 18's; a partition's foreign key counts for the whole table. The operators are parent = child."""

_DEFERRABLE: Final = "SELECT conname FROM pg_constraint WHERE conrelid = %s AND contype = 'x' AND condeferrable LIMIT 1"

_PARTITIONS: Final = """
SELECT n.nspname, c.relname FROM pg_partition_tree(%s::oid::regclass) t
  JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.level > 0 ORDER BY 1, 2"""

_KINDS: Final = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence", "i": "an index"}


@dataclass(frozen=True)
class Neighbourhood:
    """A table with what ties its rows to others: unique indexes, the foreign keys it has and those that point to it.

    ``unchecked`` names a constraint that the server could only check at a commit by a trigger that a repair turns off.
    """

    table: JournalTable
    uniques: tuple[Unique, ...]
    parents: tuple[Reference, ...]
    children: tuple[Reference, ...]
    unchecked: str | None


def refusal(connection: Connection, relation: Relation) -> str | None:
    """Why the rows of ``relation`` cannot be journalled; None when they can."""
    found = connection.execute(sql(_TABLE), [relation.schema, relation.name]).fetchone()
    if found is None:
        return "there is no such table"
    oid, kind, is_partition, _ = found
    if kind not in {"r", "p"}:
        return f"it is {_KINDS.get(kind, 'no table')}, and only tables are journalled"
    if is_partition:
        return f"it is a partition: name the table it belongs to, {_root(connection, oid)}"
    if not read_table(connection, relation).key:
        return (
            "it has no unique, not deferrable index whose columns are all NOT NULL, so that no row could be told from "
            "another one: add a primary key"
        )
    return None


def read_table(connection: Connection, relation: Relation) -> JournalTable:
    """Columns and key of a table that is there."""
    oid = _oid(connection, relation)
    columns = tuple(JournalColumn(*row) for row in connection.execute(sql(_COLUMNS), [oid]))
    keys = [row for row in connection.execute(sql(_UNIQUES), [oid]) if row[1] and row[2]]
    key = tuple(map(Equality, keys[0][3], keys[0][4])) if keys else ()
    return JournalTable(relation, columns, key)


def read_neighbourhood(connection: Connection, relation: Relation) -> Neighbourhood:
    """A table that is there, with its unique indexes and foreign keys."""
    oid = _oid(connection, relation)
    uniques = tuple(
        Unique(name, tuple(map(Equality, columns, operators)), immediate=immediate)
        for name, _, immediate, columns, operators in connection.execute(sql(_UNIQUES), [oid])
    )
    parents, children = [], []
    for name, child, *rest in connection.execute(sql(_REFERENCES), [oid]):
        child_schema, child_name, parent, parent_schema, parent_name, child_columns, parent_columns, operators = rest
        reference = Reference(
            name,
            Relation(child_schema, child_name),
            tuple(child_columns),
            Relation(parent_schema, parent_name),
            tuple(map(Equality, parent_columns, operators)),
        )
        parents += [reference] if child == oid else []
        children += [reference] if parent == oid else []
    unchecked = connection.execute(sql(_DEFERRABLE), [oid]).fetchone()
    return Neighbourhood(
        read_table(connection, relation), uniques, tuple(parents), tuple(children), unchecked[0] if unchecked else None
    )


def partitions_of(connection: Connection, relation: Relation) -> tuple[Relation, ...]:
    """All partitions below a table, at every level."""
    rows = connection.execute(sql(_PARTITIONS), [_oid(connection, relation)])
    return tuple(Relation(*row) for row in rows)


def is_there(connection: Connection, relation: Relation) -> bool:
    """Whether a table of this name exists."""
    return connection.execute(sql(_TABLE), [relation.schema, relation.name]).fetchone() is not None


def _oid(connection: Connection, relation: Relation) -> int:
    found = connection.execute(sql(_TABLE), [relation.schema, relation.name]).fetchone()
    if found is None:
        raise LookupError(f"no table {relation}")
    return int(found[0])


def _root(connection: Connection, oid: int) -> str:
    row = connection.execute("SELECT pg_partition_root(%s::oid::regclass)::text", [oid]).fetchone()
    return str(row[0]) if row else "its parent"
