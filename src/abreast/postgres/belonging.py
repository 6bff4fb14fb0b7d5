"""Whose a role and a schema of views are: roles are the whole server's, names of versions are everybody's.

A role is set up where a database has an ``abreast.version`` for it; the end of its version takes that away.
"""

from collections.abc import Iterable
from typing import Final

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, sql
from abreast.schema.expression import Expression
from abreast.schema.names import ident
from abreast.schema.views import Version

_SET_UP: Final = """
WITH places AS (
  SELECT r.rolname, d.datname, (SELECT substr(c, length('search_path=') + 1) FROM unnest(s.setconfig) c
                                 WHERE starts_with(c, 'search_path=')) AS path
    FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole JOIN pg_database d ON d.oid = s.setdatabase
   WHERE EXISTS (SELECT FROM unnest(s.setconfig) c WHERE starts_with(c, 'abreast.version=')))
SELECT p.rolname, p.datname, p.datname = current_database(), coalesce(n.nspname, '') FROM places p
  LEFT JOIN pg_namespace n ON p.datname = current_database()
   AND (p.path = quote_ident(n.nspname) OR starts_with(p.path, quote_ident(n.nspname) || ','))
 ORDER BY 2, 1"""
"""Every role that is set up: where, and the schema of its views where that is this database and there is one."""

_EXCLUDED: Final = """
SELECT c.relname, string_agg(DISTINCT quote_ident(p.polname), ', '),
       string_agg(DISTINCT quote_ident(pg_get_userbyid(o)), ', '),
       min(format('ALTER POLICY %%I ON %%I.%%I TO %%s, %%I', p.polname, n.nspname, c.relname,
                  (SELECT string_agg(quote_ident(pg_get_userbyid(x)), ', ') FROM unnest(p.polroles) x), me.rolname))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
  JOIN pg_policy p ON p.polrelid = c.oid AND p.polpermissive JOIN pg_roles me ON me.rolname = %(role)s,
       unnest(p.polroles) o
 WHERE c.relrowsecurity AND NOT me.rolbypassrls AND NOT me.rolsuper
 GROUP BY c.oid, c.relname
HAVING NOT bool_or(CASE WHEN o = 0 THEN true ELSE pg_has_role(me.oid, o, 'USAGE') END) ORDER BY 1"""
"""Tables of whose policies none is for the role: their names, whom they are for, and what would let the role in."""

_MISSING: Final = """
WITH asked AS (SELECT q.role, coalesce(r.oid, 0) AS oid FROM unnest(%(roles)s::text[]) q(role)
                 LEFT JOIN pg_roles r ON r.rolname = q.role),
     things AS (SELECT c.oid, 'r' AS kind, c.relnamespace AS space, format('%%I.%%I', n.nspname, c.relname) AS name
                  FROM unnest(%(relations)s::text[]) t JOIN pg_class c ON true
                  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname || '.' || c.relname = t
                 WHERE n.nspname <> %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
                 UNION SELECT p.oid, 'f', p.pronamespace, p.oid::regprocedure::text
                  FROM unnest(%(functions)s::text[]) t JOIN pg_proc p ON p.oid = to_regprocedure(t))
SELECT DISTINCT a.role, a.oid = 0, t.name, quote_ident(n.nspname),
       CASE t.kind WHEN 'r' THEN 'SELECT ON ' ELSE 'EXECUTE ON FUNCTION ' END || t.name, n.nspname = %(schema)s
  FROM asked a, things t JOIN pg_namespace n ON n.oid = t.space
 WHERE NOT (CASE WHEN n.nspname = %(schema)s THEN true
                 WHEN a.oid = 0 THEN has_schema_privilege('public', n.oid, 'USAGE')
                 ELSE has_schema_privilege(a.oid, n.oid, 'USAGE') END
            AND CASE WHEN t.kind = 'r' AND a.oid = 0 THEN has_table_privilege('public', t.oid, 'SELECT')
                     WHEN t.kind = 'r' THEN has_table_privilege(a.oid, t.oid, 'SELECT')
                     WHEN a.oid = 0 THEN has_function_privilege('public', t.oid, 'EXECUTE')
                     ELSE has_function_privilege(a.oid, t.oid, 'EXECUTE') END)
 ORDER BY 1, 3"""
"""What roles may not use; one that is not there yet may what everybody may. Tables of the schema itself are granted."""

_INHERITS: Final = "SELECT rolinherit FROM pg_roles WHERE rolname = %s"
_GRANTS_INHERIT: Final = 160_000
"""From this release on a membership says itself whether it is inherited."""


def refuse_others_role(connection: Connection, version: Version) -> None:
    """RefusedError if the version's role is set up for another database, or for other views of this one."""
    for role, database, here, views in connection.execute(sql(_SET_UP)).fetchall():
        if role != version.role:
            continue
        if not here:
            raise RefusedError(
                f"the role {role} is that of a version in the database {database}, and a server's roles are all its "
                "databases'",
                f"name another one for {version.name} in this database: data: {{roles: {{{version.name}: NAME}}}}",
            )
        if views not in ("", version.views):
            raise RefusedError(
                f"the role {role} sees the views {views}, so it cannot see {version.views}",
                f"name another one for {version.name} here: data: {{roles: {{{version.name}: NAME}}}}",
            )


def refuse_strangers(connection: Connection, version: Version) -> None:
    """The same, and RefusedError if the version's views are another role's, or its role would not have its writes."""
    refuse_others_role(connection, version)
    for role, _, _, views in connection.execute(sql(_SET_UP)).fetchall():
        if views == version.views and role != version.role:
            raise RefusedError(
                f"the views {views} are those of the role {role}, not of {version.role}",
                "another service on this schema needs other names for its versions; if it is the same service, whose "
                f"role was changed: ALTER ROLE {ident(role)} IN DATABASE {ident(_database(connection))} RESET ALL",
            )
    if connection.info.server_version < _GRANTS_INHERIT:
        row = connection.execute(_INHERITS, [version.role]).fetchone()
        if row and not row[0]:
            raise RefusedError(
                f"the role {version.role} is NOINHERIT: it would not have the writes of {version.writer}",
                f"let it have them: ALTER ROLE {ident(version.role)} INHERIT",
            )


def refuse_unusable(connection: Connection, expressions: Iterable[Expression], versions: Iterable[Version]) -> None:
    """RefusedError where expressions read or call what a version's role may not.

    Triggers work with the rights of whoever writes, so its writes would fail.
    """
    asked, made = list(versions), list(expressions)
    names = {
        "roles": [version.role for version in asked],
        "schema": asked[0].schema,
        "relations": [name for expression in made for name in expression.relations],
        "functions": [name for expression in made for name in expression.functions],
    }
    rows = connection.execute(sql(_MISSING), names).fetchall()
    if not rows:
        return
    cures: dict[str, None] = {}
    for role, absent, _, space, right, own in rows:
        if absent:
            cures[f"CREATE ROLE {ident(role)} LOGIN"] = None
        if not own:
            cures[f"GRANT USAGE ON SCHEMA {space} TO {ident(role)}"] = None
        cures[f"GRANT {right} TO {ident(role)}"] = None
    listed = "; ".join(f"{role}: {name}" for role, _, name, *_ in rows)
    raise RefusedError(
        f"expressions of the migration use what its versions' roles may not, so their writes would fail: {listed}",
        f"allow it, and whoever else writes the table: {'; '.join(cures)}",
    )


def excluding_policies(connection: Connection, version: Version) -> tuple[str, ...]:
    """A sentence for each table that shows the version no row, since its row-level policies are for other roles."""
    rows = connection.execute(sql(_EXCLUDED), {"schema": version.schema, "role": version.role}).fetchall()
    return tuple(
        f"{version.role} sees no row of {table}: the row-level policy {policies} there is for {roles} alone; "
        f"let it in, for instance: {cure}"
        for table, policies, roles, cure in rows
    )


def _database(connection: Connection) -> str:
    row = connection.execute("SELECT current_database()").fetchone()
    return str(row[0]) if row else ""
