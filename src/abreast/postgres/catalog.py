"""Read a schema from PostgreSQL's system catalogs, in one snapshot."""

from collections import defaultdict
from typing import Any, Final, Literal, cast

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, sql
from abreast.schema.catalog import Catalog, Column, Constraint, Index, Table
from abreast.schema.names import Relation

_TABLES: Final = """
SELECT c.oid, c.relname, c.relkind = 'p', c.reltuples,
       CASE c.relreplident WHEN 'd' THEN 'DEFAULT' WHEN 'f' THEN 'FULL' WHEN 'n' THEN 'NOTHING'
            ELSE 'USING INDEX ' || coalesce((SELECT '"' || replace(x.relname, '"', '""') || '"' FROM pg_index i
                   JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident), '') END,
       obj_description(c.oid, 'pg_class'),
       coalesce((SELECT array_agg(DISTINCT a.attname::text) FROM pg_partition_tree(c.oid) p
                   JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = p.relid AND d.objsubid > 0
                        AND d.refclassid = d.classid AND d.refobjid = d.objid AND d.refobjsubid = 0
                   JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid
                  WHERE c.relkind = 'p'), '{}'),
       ARRAY(SELECT 'it inherits from ' || h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = c.oid
              UNION ALL SELECT h.inhrelid::regclass || ' inherits from it' FROM pg_inherits h
              WHERE h.inhparent = c.oid AND c.relkind = 'r'
              UNION ALL SELECT 'it is of the type ' || c.reloftype::regtype WHERE c.reloftype <> 0
              UNION ALL SELECT format('%%s.%%I holds whole rows of it', h.attrelid::regclass, h.attname)
              FROM pg_type t JOIN pg_attribute h ON h.atttypid IN (t.oid, t.typarray) AND NOT h.attisdropped
              JOIN pg_class o ON o.oid = h.attrelid AND o.relkind IN ('r', 'p', 'm')
              WHERE t.oid = c.reltype ORDER BY 1),
       CASE WHEN row_security_active(c.oid) THEN current_user::text ELSE '' END,
       pg_get_userbyid(c.relowner)
  FROM pg_class c
 WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
 ORDER BY c.relname"""

_COLUMNS: Final = """
SELECT a.attrelid, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
       CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' ELSE '' END,
       a.attgenerated <> '',
       CASE WHEN a.attcollation <> t.typcollation
            THEN (SELECT quote_ident(n.nspname) || '.' || quote_ident(o.collname) FROM pg_collation o
                    JOIN pg_namespace n ON n.oid = o.collnamespace WHERE o.oid = a.attcollation) ELSE '' END,
       col_description(a.attrelid, a.attnum),
       (SELECT format('%%I.%%I', n.nspname, s.relname) FROM pg_depend q
          JOIN pg_class s ON s.oid = q.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
         WHERE q.classid = 'pg_class'::regclass AND q.refclassid = 'pg_class'::regclass AND q.refobjid = a.attrelid
           AND q.refobjsubid = a.attnum AND q.deptype = 'a' LIMIT 1)
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
 WHERE a.attrelid = ANY(%s) AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attrelid, a.attnum"""

_CONSTRAINTS: Final = """
SELECT k.conrelid, k.conname,
       CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check'
                      WHEN 'f' THEN 'foreign key' ELSE 'exclude' END,
       coalesce((SELECT array_agg(a.attname::text ORDER BY o.place)
                   FROM unnest(k.conkey) WITH ORDINALITY o (number, place) JOIN pg_attribute a
                   ON a.attrelid = k.conrelid AND a.attnum = o.number), '{}'),
       pg_get_constraintdef(k.oid), k.convalidated, f.nspname, t.relname
  FROM pg_constraint k LEFT JOIN pg_class t ON t.oid = k.confrelid LEFT JOIN pg_namespace f ON f.oid = t.relnamespace
 WHERE k.conrelid = ANY(%s) AND k.contype IN ('p', 'u', 'c', 'f', 'x')
 ORDER BY k.conrelid, k.conname"""

_INDEXES: Final = """
SELECT i.indrelid, x.relname,
       coalesce((SELECT array_agg(DISTINCT a.attname::text) FROM pg_depend p
                   JOIN pg_attribute a ON a.attrelid = p.refobjid AND a.attnum = p.refobjsubid
                  WHERE p.refobjid = i.indrelid AND p.refobjsubid > 0
                    AND (p.classid = 'pg_class'::regclass AND p.objid = i.indexrelid
                         OR p.classid = 'pg_constraint'::regclass AND p.objid = k.oid)), '{}'),
       i.indisunique, k.oid IS NOT NULL, i.indisvalid,
       i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate AND i.indisvalid,
       (SELECT array_agg(a.attname::text ORDER BY o.place) FROM unnest(i.indkey) WITH ORDINALITY o (number, place)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = o.number WHERE o.place <= i.indnkeyatts),
       i.indisprimary
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
  LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
 WHERE i.indrelid = ANY(%s) ORDER BY i.indrelid, NOT i.indisprimary, x.relname"""

_PARTITIONS: Final = """
SELECT t.root, n.nspname, c.relname, t.level
  FROM (SELECT r.oid AS root, (pg_partition_tree(r.oid)).* FROM pg_class r WHERE r.oid = ANY(%s) AND r.relkind = 'p') t
  JOIN pg_class c ON c.oid = t.relid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE t.isleaf ORDER BY 1, 2, 3"""

_TRIGGERS: Final = """
SELECT tgrelid, tgname FROM pg_trigger
 WHERE tgrelid = ANY(%s) AND NOT tgisinternal AND tgtype & 3 = 3 ORDER BY 1, 2"""  # row, before

_READERS: Final = """
SELECT DISTINCT a.attrelid, a.attname,
       CASE WHEN r.oid IS NOT NULL THEN 'the view ' || r.ev_class::regclass::text
            WHEN p.oid IS NOT NULL THEN 'the policy ' || p.polname
            WHEN g.oid IS NOT NULL THEN 'the trigger ' || g.tgname
            WHEN f.oid IS NOT NULL THEN 'the function ' || f.oid::regprocedure::text
            WHEN s.oid IS NOT NULL THEN 'the statistics ' || s.stxname
            WHEN b.oid IS NOT NULL THEN 'the publication ' || (SELECT pubname FROM pg_publication WHERE oid = b.prpubid)
            ELSE 'the generated column ' || (SELECT attname FROM pg_attribute
                                              WHERE attrelid = a.attrelid AND attnum = d.adnum) END
  FROM pg_depend q
  JOIN pg_attribute a ON a.attrelid = q.refobjid AND a.attnum = q.refobjsubid
  LEFT JOIN pg_rewrite r ON q.classid = 'pg_rewrite'::regclass AND r.oid = q.objid
  LEFT JOIN pg_policy p ON q.classid = 'pg_policy'::regclass AND p.oid = q.objid
  LEFT JOIN pg_trigger g ON q.classid = 'pg_trigger'::regclass AND g.oid = q.objid
  LEFT JOIN pg_proc f ON q.classid = 'pg_proc'::regclass AND f.oid = q.objid
  LEFT JOIN pg_statistic_ext s ON q.classid = 'pg_statistic_ext'::regclass AND s.oid = q.objid
  LEFT JOIN pg_publication_rel b ON q.classid = 'pg_publication_rel'::regclass AND b.oid = q.objid
  LEFT JOIN pg_attrdef d ON q.classid = 'pg_attrdef'::regclass AND d.oid = q.objid AND d.adnum <> q.refobjsubid
 WHERE q.refclassid = 'pg_class'::regclass AND q.refobjid = ANY(%(tables)s) AND q.refobjsubid > 0
   AND coalesce(r.oid, p.oid, g.oid, f.oid, s.oid, b.oid, d.oid) IS NOT NULL
   AND NOT coalesce(r.ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = ANY(%(own)s::regnamespace[])), false)
   AND NOT coalesce(g.tgname LIKE '~abreast%%', false)
 ORDER BY 1, 2, 3"""

_REFERRERS: Final = """
SELECT k.confrelid, n.nspname, c.relname,
       (SELECT array_agg(a.attname::text ORDER BY o.place) FROM unnest(k.confkey) WITH ORDINALITY o (number, place)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = o.number)
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.confrelid = ANY(%s) AND k.conparentid = 0 ORDER BY 1, 2, 3"""

_PUBLICATIONS: Final = """
SELECT c.oid, p.pubname FROM pg_class c CROSS JOIN pg_publication p
 WHERE c.oid = ANY(%s) AND (p.puballtables
    OR EXISTS (SELECT FROM pg_publication_namespace n WHERE n.pnpubid = p.oid AND n.pnnspid = c.relnamespace)
    OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid AND r.prattrs IS NULL))
 ORDER BY 1, 2"""

_NAMES: Final = """
SELECT 'relation', c.relname, CASE c.relkind WHEN 'v' THEN 'a view' WHEN 'm' THEN 'a materialized view'
         WHEN 'S' THEN 'a sequence' WHEN 'f' THEN 'a foreign table' WHEN 'c' THEN 'a type'
         WHEN 'i' THEN 'an index' WHEN 'I' THEN 'an index' ELSE 'a table' END
  FROM pg_class c WHERE c.relnamespace = %(schema)s::regnamespace
 UNION ALL
SELECT 'type', t.typname, 'a type' FROM pg_type t
 WHERE t.typnamespace = %(schema)s::regnamespace AND t.typrelid = 0 AND t.typcategory <> 'A'"""

_VIEWS: Final = """
SELECT n.nspname, c.relname, array_agg(a.attname::text ORDER BY a.attnum)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relkind = 'v' AND n.nspname = ANY(%s) GROUP BY 1, 2 ORDER BY 1, 2"""


def read_catalog(connection: Connection, schema: str, own: tuple[str, ...] = ()) -> Catalog:
    """The tables of ``schema``; ``own`` are the schemas of versions' views, which are no readers of columns.

    RefusedError when there is no such schema.
    """
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        there = {str(row[0]) for row in connection.execute("SELECT nspname FROM pg_namespace").fetchall()}
        if schema not in there:
            raise RefusedError(
                f"the database has no schema {schema!r}", "name one that is there as `schema` under `data`"
            )
        return _read(connection, schema, [name for name in own if name in there])


def _read(connection: Connection, schema: str, own: list[str]) -> Catalog:
    tables = connection.execute(_TABLES, ['"' + schema.replace('"', '""') + '"']).fetchall()
    oids = [row[0] for row in tables]

    def grouped(query: str, parameters: object = None) -> dict[int, list[tuple[Any, ...]]]:
        found: dict[int, list[tuple[Any, ...]]] = defaultdict(list)
        for oid, *rest in connection.execute(sql(query), cast("Any", parameters or [oids])):
            found[oid].append(tuple(rest))
        return found

    columns = grouped(_COLUMNS)
    constraints = grouped(_CONSTRAINTS)
    indexes = grouped(_INDEXES)
    partitions = grouped(_PARTITIONS)
    triggers = grouped(_TRIGGERS)
    quoted = ['"' + name.replace('"', '""') + '"' for name in own]
    readers = grouped(_READERS, {"tables": oids, "own": quoted})
    referrers = grouped(_REFERRERS)
    views = {Relation(str(row[0]), str(row[1])): tuple(row[2]) for row in connection.execute(_VIEWS, [own]).fetchall()}
    publications = grouped(_PUBLICATIONS)
    names = connection.execute(_NAMES, {"schema": '"' + schema.replace('"', '""') + '"'}).fetchall()
    made = {}
    for oid, name, partitioned, rows, identity, comment, partition_key, bound, blind, owner in tables:
        cols = tuple(Column(*row) for row in columns[oid])
        made[name] = Table(
            relation=Relation(schema, name),
            columns=cols,
            constraints=tuple(
                Constraint(n, cast("Literal['check']", kind), tuple(c), d, ok, Relation(*at) if at[1] else None)
                for n, kind, c, d, ok, *at in constraints[oid]
            ),
            indexes=tuple(Index(row[0], tuple(row[1]), *row[2:5]) for row in indexes[oid]),
            key=_key(indexes[oid], cols),
            partitions=tuple(Relation(*row[:2]) for row in partitions[oid]),
            nested=any(level > 1 for *_, level in partitions[oid]),
            partition_key=tuple(partition_key),
            partitioned=partitioned,
            before_triggers=tuple(row[0] for row in triggers[oid]),
            readers=tuple((row[0], row[1]) for row in readers[oid]),
            referrers=tuple((Relation(row[0], row[1]), tuple(row[2])) for row in referrers[oid]),
            replica_identity=identity,
            publications=tuple(row[0] for row in publications[oid]),
            owner=owner,
            rows=max(rows, 0.0),
            comment=comment,
            bound=tuple(bound),
            blind=blind,
        )
    taken: dict[str, dict[str, str]] = {"relation": {}, "type": {}}
    for kind, name, what in names:
        taken[kind][name] = what
    return Catalog(
        schema, made, views, connection.info.server_version // 10_000, relations=taken["relation"], types=taken["type"]
    )


def _key(indexes: list[tuple[Any, ...]], columns: tuple[Column, ...]) -> tuple[str, ...]:
    """The columns of the first index (the primary key's comes first) that tells every row from the others."""
    never_null = {column.name for column in columns if column.not_null}
    for *_, usable, names, _ in indexes:
        if usable and names and set(names) <= never_null:
            return tuple(names)
    return ()
