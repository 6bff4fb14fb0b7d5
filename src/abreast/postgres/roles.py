"""Versions' roles as a database has them: who is connected, who may write, and the fence."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from abreast.model.errors import RefusedError
from abreast.postgres.belonging import refuse_others_role
from abreast.postgres.connection import Connection, sql
from abreast.postgres.patience import PATIENT, Patience
from abreast.schema.names import Relation
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
     tables AS (SELECT c.oid, format('%%I.%%I', n.nspname, c.relname) AS name, c.relname, c.relowner, c.relispartition,
                       coalesce(c.relacl, acldefault('r', c.relowner)) AS acl, c.relkind
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE c.relkind IN ('r', 'p') AND n.nspname = %(schema)s
                    OR c.relkind = 'v' AND pg_relation_is_updatable(c.oid, true) & 28 <> 0
                       AND NOT coalesce((SELECT o.option_value::boolean FROM pg_options_to_table(c.reloptions) o
                                          WHERE o.option_name = 'security_invoker'), false)
                       AND EXISTS (SELECT FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass
                                     AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass
                                     JOIN pg_class b ON b.oid = d.refobjid
                                     JOIN pg_namespace m ON m.oid = b.relnamespace AND m.nspname = %(schema)s
                                    WHERE w.ev_class = c.oid AND b.oid <> c.oid)),
     granted AS (SELECT t.oid, a.grantee FROM tables t, aclexplode(t.acl) a
                  WHERE a.privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
                    AND (a.grantee <> t.relowner OR NOT t.relispartition)
                  UNION SELECT t.oid, a.grantee FROM tables t
                  JOIN pg_attribute c ON c.attrelid = t.oid AND c.attacl IS NOT NULL, aclexplode(c.attacl) a
                  WHERE a.privilege_type IN ('INSERT', 'UPDATE')
                  UNION SELECT t.oid, t.relowner FROM tables t
                  WHERE NOT t.relispartition OR t.relowner <> (SELECT relowner FROM pg_class
                                                                WHERE oid = pg_partition_root(t.oid))
                  UNION SELECT t.oid, 'pg_write_all_data'::regrole FROM tables t WHERE NOT t.relispartition),
     given AS (SELECT m.roleid, CASE WHEN m.grantor <> 10 AND current_setting('server_version_num')::int >= 160000
                                     THEN format(' GRANTED BY %%I', pg_get_userbyid(m.grantor)) ELSE '' END AS hand
                 FROM pg_auth_members m JOIN me ON m.member = me.oid)
SELECT DISTINCT t.relname,
       CASE WHEN me.rolsuper THEN format('ALTER ROLE %%I NOSUPERUSER', me.rolname)
            WHEN g.grantee = 0 THEN format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %%s FROM PUBLIC', t.name)
            WHEN me.oid = t.relowner
                 THEN format('ALTER %%s %%s OWNER TO %%I', CASE t.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, t.name,
                             current_user)
            WHEN me.oid = g.grantee
                 THEN format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %%s FROM %%I', t.name, me.rolname)
            ELSE (SELECT string_agg(format('REVOKE %%I FROM %%I%%s', pg_get_userbyid(o.roleid), me.rolname, o.hand),
                                    '; ' ORDER BY o.roleid, o.hand)
                    FROM given o WHERE o.roleid = g.grantee OR pg_has_role(o.roleid, g.grantee, 'MEMBER')) END
  FROM me, tables t JOIN granted g ON g.oid = t.oid
 WHERE g.grantee IS DISTINCT FROM me.writer
   AND CASE WHEN g.grantee = 0 THEN true ELSE pg_has_role(me.oid, g.grantee, 'MEMBER') END
 ORDER BY 1, 2"""
"""What a role may write without its writer's rights, with what takes those away.

Tables of the schema, partitions of which more was granted than of the whole, and views that write by their owner's
rights. What it has through other roles goes with the memberships of its own that lead there.
"""

_OPEN: Final = """
SELECT 'process ' || a.pid || coalesce(', ' || extract(epoch FROM clock_timestamp() - a.xact_start)::int || ' s', ''),
       format('SELECT pg_terminate_backend(%%s)', a.pid) FROM pg_stat_activity a
 WHERE a.datname = current_database() AND a.usename = %(role)s AND a.backend_xid IS NOT NULL
   AND a.pid <> pg_backend_pid()
 UNION ALL SELECT format('the prepared transaction %%s, %%s s', p.gid,
                         extract(epoch FROM clock_timestamp() - p.prepared)::int),
                  format('ROLLBACK PREPARED %%L', p.gid)
  FROM pg_prepared_xacts p WHERE p.database = current_database() AND p.owner = %(role)s
 ORDER BY 1"""
"""The role's transactions that have written and have not ended, with what would end each."""
_OTHERS: Final = """
SELECT a.usename, array_agg(a.pid::text ORDER BY a.pid) FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
 WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.usename <> current_user
   AND NOT r.rolsuper AND NOT EXISTS (
       SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase, unnest(s.setconfig) c
        WHERE s.setrole = r.oid AND d.datname = current_database() AND starts_with(c, 'abreast.version='))
   AND EXISTS (SELECT FROM unnest(%(tables)s::text[]) t WHERE has_table_privilege(r.oid, to_regclass(t), 'DELETE')
                OR has_any_column_privilege(r.oid, to_regclass(t), 'INSERT, UPDATE'))
 GROUP BY 1 ORDER BY 1"""
"""Sessions of roles that may write one of the tables themselves: perhaps a version that was not restarted."""
_POLL_S: Final = 0.05
OPEN_S: Final = 2.0
"""For so long a fence waits for the transactions that wrote before it."""


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


def fence(connection: Connection, version: Version, patience: Patience = PATIENT, open_s: float = OPEN_S) -> None:
    """From this moment the version reads, and writes nothing.

    RefusedError if other rights of it still let it write, or if what it wrote before is not committed or rolled back
    within ``open_s``.
    """
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
    _await_writes(connection, version, patience, open_s)


def _await_writes(connection: Connection, version: Version, patience: Patience, open_s: float) -> None:
    until = patience.clock() + open_s
    while rows := connection.execute(sql(_OPEN), {"role": version.role}).fetchall():
        if patience.clock() >= until:
            raise RefusedError(
                f"{version.role} begins no writes any more, but what it wrote before may still be committed: "
                f"{'; '.join(str(row[0]) for row in rows)}",
                f"let them end, or end them, then give the command again: {'; '.join(str(row[1]) for row in rows)}",
            )
        patience.sleep(_POLL_S)


def unfence(connection: Connection, version: Version, patience: Patience = PATIENT) -> None:
    """Let the version write again."""
    _there(connection, version)
    statement = unfence_statement(version, connection.info.server_version // 10_000)
    work = lambda: connection.execute(sql(statement))  # noqa: E731  # one statement, given away
    patience.run(connection, f"unfence {version.role}", work)


def refuse_bystanders(connection: Connection, tables: Iterable[Relation]) -> None:
    """RefusedError if somebody is connected who may write the tables, by a role that is no version's here.

    Superusers and abreast's own role are left out: they watch, and they carry this out.
    """
    rows = connection.execute(sql(_OTHERS), {"tables": [table.sql for table in tables]}).fetchall()
    if rows:
        listed = "; ".join(f"{role} (process {', '.join(pids)})" for role, pids in rows)
        raise RefusedError(
            f"others are connected who may write the tables that change: {listed}; these would have other columns and "
            "values under them at once",
            "if that is the old version, which was not restarted with its role, restart or end it; end others, such as "
            "a job, until this is done (SELECT pg_terminate_backend(PROCESS)), or take their rights to write away",
        )


def _there(connection: Connection, version: Version) -> RoleState:
    state = role_state(connection, version)
    if not (state.exists and state.sided):
        raise RefusedError(
            f"{version.name} has no side of its own here: there is no role {version.role!r}, or none of its views",
            "abreast data expand makes it, or abreast data adopt for the version that runs",
        )
    return state
