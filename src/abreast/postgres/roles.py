"""Versions' roles as a database has them: who is connected, who may write, and the fence."""

from dataclasses import dataclass
from typing import Final

from abreast.model.errors import RefusedError
from abreast.postgres.belonging import refuse_others_role
from abreast.postgres.connection import Connection, sql
from abreast.postgres.patience import PATIENT, Patience
from abreast.schema.views import Version, fence_statement, unfence_statement

_STATE: Final = """
SELECT r.oid IS NOT NULL, EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = %(views)s),
       coalesce(pg_has_role(r.oid, w.oid, 'MEMBER') AND w.oid IS NOT NULL, false),
       (SELECT count(*) FROM pg_stat_activity a WHERE a.usename = r.rolname AND a.datname = current_database())
  FROM (SELECT %(role)s::name AS role, %(writer)s::name AS writer) q
  LEFT JOIN pg_roles r ON r.rolname = q.role LEFT JOIN pg_roles w ON w.rolname = q.writer"""

_RIGHTS: Final = """
WITH me AS (SELECT r.oid, r.rolname, r.rolsuper, w.oid AS writer FROM pg_roles r
              LEFT JOIN pg_roles w ON w.rolname = %(writer)s WHERE r.rolname = %(role)s),
     tables AS (SELECT c.oid, format('%%I.%%I', n.nspname, c.relname) AS name, c.relname, c.relowner,
                       coalesce(c.relacl, acldefault('r', c.relowner)) AS acl
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = %(schema)s
                 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition),
     granted AS (SELECT t.oid, a.grantee FROM tables t, aclexplode(t.acl) a
                  WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
                  UNION SELECT t.oid, a.grantee FROM tables t
                  JOIN pg_attribute c ON c.attrelid = t.oid AND c.attacl IS NOT NULL, aclexplode(c.attacl) a
                  WHERE a.privilege_type IN ('INSERT', 'UPDATE')
                  UNION SELECT t.oid, t.relowner FROM tables t
                  UNION SELECT t.oid, 'pg_write_all_data'::regrole FROM tables t)
SELECT DISTINCT t.relname,
       CASE WHEN me.rolsuper THEN format('ALTER ROLE %%I NOSUPERUSER', me.rolname)
            WHEN g.grantee = 0 THEN format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %%s FROM PUBLIC', t.name)
            WHEN me.oid = t.relowner THEN format('ALTER TABLE %%s OWNER TO the owner of the schema', t.name)
            WHEN me.oid = g.grantee
                 THEN format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %%s FROM %%I', t.name, me.rolname)
            ELSE format('REVOKE %%I FROM %%I', pg_get_userbyid(g.grantee), me.rolname) END
  FROM me, tables t JOIN granted g ON g.oid = t.oid
 WHERE g.grantee IS DISTINCT FROM me.writer
   AND CASE WHEN g.grantee = 0 THEN true ELSE pg_has_role(me.oid, g.grantee, 'MEMBER') END
 ORDER BY 1, 2"""
"""Tables of a schema that a role may write without its writer's rights, with what takes those away."""


@dataclass(frozen=True)
class RoleState:
    """A version's role: ``writes`` whether it may, ``beside`` the tables it may write by rights a fence leaves.

    ``cures`` are the statements that take those away.
    Roles are the whole server's, so one may be there without the version's views in this database (``sided``).
    """

    version: str
    role: str
    exists: bool
    sided: bool
    writes: bool
    sessions: int
    beside: tuple[str, ...] = ()
    cures: tuple[str, ...] = ()


def role_state(connection: Connection, version: Version) -> RoleState:
    """What the database says of it now."""
    names = {"views": version.views, "role": version.role, "writer": version.writer, "schema": version.schema}
    row = connection.execute(sql(_STATE), names).fetchone()
    exists, sided, writes, sessions = row or (False, False, False, 0)
    rights = connection.execute(sql(_RIGHTS), names).fetchall()
    beside, cures = (tuple(dict.fromkeys(str(right[column]) for right in rights)) for column in (0, 1))
    return RoleState(version.name, version.role, bool(exists), bool(sided), bool(writes), int(sessions), beside, cures)


def fence(connection: Connection, version: Version, patience: Patience = PATIENT) -> None:
    """From this moment the version reads, and writes nothing. RefusedError if other rights of it still let it write."""
    state = _there(connection, version)
    refuse_others_role(connection, version)
    if state.writes:
        work = lambda: connection.execute(sql(fence_statement(version)))  # noqa: E731  # one statement, given away
        patience.run(connection, f"fence {version.role}", work)
    state = role_state(connection, version)
    if state.beside:
        raise RefusedError(
            f"{version.role} may still write {', '.join(state.beside)}: not by {version.writer}, but by other rights",
            f"take those from it, then it is fenced: {'; '.join(state.cures)}",
        )
    if state.writes:
        raise RefusedError(
            f"{version.role} may still write: it is a member of {version.writer} by another role's hand as well",
            f"see who granted that, and revoke it there: \\drg {version.role} in psql",
        )


def unfence(connection: Connection, version: Version, patience: Patience = PATIENT) -> None:
    """Let the version write again."""
    _there(connection, version)
    statement = unfence_statement(version, connection.info.server_version // 10_000)
    work = lambda: connection.execute(sql(statement))  # noqa: E731  # one statement, given away
    patience.run(connection, f"unfence {version.role}", work)


def _there(connection: Connection, version: Version) -> RoleState:
    state = role_state(connection, version)
    if not (state.exists and state.sided):
        raise RefusedError(
            f"{version.name} has no side of its own here: there is no role {version.role!r}, or none of its views",
            "abreast data expand makes it, or abreast data adopt for the version that runs",
        )
    return state
