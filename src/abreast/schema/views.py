"""A version's side of a schema: its views, its role, and what the role may do.

A version's role reads by rights of its own and writes by those of a second role, ``<role>~writer``, which it is a
member of: taking that one membership away is the fence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from abreast.schema.names import OWN, Relation, ident, literal, made_name
from abreast.schema.shape import Shape, TableShape
from abreast.schema.sync import Side

_GRANTS_INHERIT: Final = 16
"""From this major on a membership says itself whether it is inherited."""


@dataclass(frozen=True)
class Version:
    """A version of the service as the database knows it."""

    name: str
    role: str
    schema: str

    @property
    def views(self) -> str:
        """The schema of its views."""
        return view_schema(self.schema, self.name)

    @property
    def writer(self) -> str:
        """The role it writes by."""
        return made_name("", f"{self.role}~writer")


def view_schema(schema: str, version: str) -> str:
    """The schema of a version's views."""
    return made_name("", f"{schema}_{version}")


def view_statements(shape: Shape, version: Version, side: Side) -> tuple[str, ...]:
    """The version's views, made or made anew; those that are right already are not touched in effect."""
    made = [f"CREATE SCHEMA IF NOT EXISTS {ident(version.views)}"]
    for table in shape.tables:
        name = table.old_name if side == "old" else table.new_name
        if name is None:
            continue
        view = Relation(version.views, name)
        columns = table.old_view if side == "old" else table.new_view
        present = shape.catalog.views.get(view, ())
        if not _grown(columns, present):
            made.append(f"DROP VIEW IF EXISTS {view.sql}")
        columns = _ordered(columns, present)
        listed = ", ".join(
            ident(physical) if physical == known else f"{ident(physical)} AS {ident(known)}"
            for known, physical in columns
        )
        made.append(
            f"CREATE OR REPLACE VIEW {view.sql} WITH (security_invoker = true) AS "
            f"SELECT {listed} FROM {table.relation.sql}"
        )
        if side == "new":
            made += _defaults_and_comments(table, view)
    return tuple(made)


def role_statements(shape: Shape, version: Version, side: Side) -> tuple[str, ...]:
    """The version's role: made or adopted, shown its views first, and allowed what it needs."""
    role, writer = ident(version.role), ident(version.writer)
    tables = [table.relation.sql for table in shape.tables if (table.old_name if side == "old" else table.new_name)]
    views = [
        Relation(version.views, name).sql
        for table in shape.tables
        if (name := table.old_name if side == "old" else table.new_name)
    ]
    both = ", ".join([*tables, *views])
    base = ident(shape.catalog.schema)
    made = [
        _made_role(version.role, "LOGIN"),
        _made_role(version.writer, "NOLOGIN"),
        _path(version),
        _setting(version.role, f"{OWN}.version", literal(version.name)),
        f"GRANT USAGE ON SCHEMA {base}, {ident(version.views)} TO {role}",
    ]
    if both:
        made += [f"GRANT SELECT ON {both} TO {role}", f"GRANT INSERT, UPDATE, DELETE ON {both} TO {writer}"]
    made += [
        f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA {base} TO {role}",
        f"GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA {base} TO {writer}",
        _own_views(version),
    ]
    if side == "new":
        made.append(unfence_statement(version, shape.catalog.major))
    return tuple(made)


def first_writes(version: Version, major: int) -> str:
    """Let a version write that has no side yet. One that has may be fenced, which is for a person to end."""
    there = f"SELECT FROM pg_namespace WHERE nspname = {literal(version.views)}"
    made = "; ".join(
        f"BEGIN CREATE ROLE {ident(role)} {login}; EXCEPTION WHEN duplicate_object THEN NULL; END"
        for role, login in ((version.role, "LOGIN"), (version.writer, "NOLOGIN"))
    )
    writes = unfence_statement(version, major)
    return f"DO {literal(f'BEGIN IF NOT EXISTS ({there}) THEN {made}; {writes}; END IF; END')}"


def fence_statement(version: Version) -> str:
    """Take the version's writes away; its reads go on."""
    return f"REVOKE {ident(version.writer)} FROM {ident(version.role)}"


def leaving_statement(version: Version) -> str:
    """What the end of a version leaves of its role: one that writes nothing, and finds no table without its views.

    From then on another version, also one of another database, may have it. A role that is gone is no matter.
    """
    changes = "; ".join(
        _executed(version.role, tail)
        for tail in (f"SET search_path = {ident(version.views)}", f"RESET {ident(OWN)}.version")
    )
    return (
        f"DO {literal(f'BEGIN {fence_statement(version)}; {changes}; EXCEPTION WHEN undefined_object THEN NULL; END')}"
    )


def unfence_statement(version: Version, major: int) -> str:
    """Let the version write (again). From PostgreSQL 16 on also a role that inherits nothing by itself."""
    inherited = " WITH INHERIT TRUE" if major >= _GRANTS_INHERIT else ""
    return f"GRANT {ident(version.writer)} TO {ident(version.role)}{inherited}"


def drop_views(names: Iterable[str], version: Version) -> tuple[str, ...]:
    """Take the version's views away, and their schema; what others have put there stops it."""
    views = [f"DROP VIEW IF EXISTS {Relation(version.views, name).sql}" for name in names]
    return (*views, f"DROP SCHEMA IF EXISTS {ident(version.views)}")


def _grown(columns: tuple[tuple[str, str], ...], present: tuple[str, ...]) -> bool:
    """Whether the view that is there can be replaced: not once a column of it was renamed or dropped by hand."""
    return set(present) <= {known for known, _ in columns}


def _ordered(columns: tuple[tuple[str, str], ...], present: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The columns in the order of the view that is there: replacing a view may only add to its end."""
    if not _grown(columns, present):
        return columns
    by_name = dict(columns)
    return (
        *((known, by_name[known]) for known in present),
        *((known, physical) for known, physical in columns if known not in present),
    )


def _defaults_and_comments(table: TableShape, view: Relation) -> list[str]:
    made = []
    for name, slot in table.slots.items():
        default = table.view_default(name)
        if default is not None:
            made.append(f"ALTER VIEW {view.sql} ALTER COLUMN {ident(name)} SET DEFAULT {default}")
        if slot.column.comment is not None:
            made.append(f"COMMENT ON COLUMN {view.sql}.{ident(name)} IS {literal(slot.column.comment)}")
    return made


def _made_role(role: str, login: str) -> str:
    create = f"CREATE ROLE {ident(role)} {login}"
    return f"DO {literal(f'BEGIN {create}; EXCEPTION WHEN duplicate_object THEN NULL; END')}"


def _own_views(version: Version) -> str:
    """Views and materialized views of the user's own: read by the role, and written by its writer where they can be.

    Only those that we may grant, and none of an extension's.
    """
    return _looped(
        "SELECT c.oid::regclass AS name, pg_relation_is_updatable(c.oid, true) & 28 = 28 AS written FROM pg_class c "
        f"WHERE c.relnamespace = {literal(ident(version.schema))}::regnamespace AND c.relkind IN ('v', 'm') "
        "AND pg_has_role(c.relowner, 'USAGE') AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' "
        "AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)",
        f"EXECUTE format({literal(f'GRANT SELECT ON %s TO {_percent(ident(version.role))}')}, one.name); "
        "IF one.written THEN EXECUTE format("
        f"{literal(f'GRANT INSERT, UPDATE, DELETE ON %s TO {_percent(ident(version.writer))}')}, one.name); END IF",
    )


def shared_sequence(relation: Relation, sequence: Relation) -> str:
    """Everyone who may insert into the table may take numbers of a sequence that is new there."""
    grant = f"GRANT USAGE ON SEQUENCE {_percent(sequence.sql)} TO %s"
    return _looped(
        "SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS name "
        f"FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = {literal(relation.sql)}::regclass "
        "AND a.privilege_type = 'INSERT' UNION SELECT quote_ident(pg_get_userbyid(a.grantee)) FROM pg_attribute t, "
        f"aclexplode(t.attacl) a WHERE t.attrelid = {literal(relation.sql)}::regclass AND a.grantee <> 0 "
        "AND a.privilege_type = 'INSERT'",
        f"EXECUTE format({literal(grant)}, one.name)",
    )


def _looped(query: str, work: str) -> str:
    """For each row of the query, as ``one``."""
    return f"DO {literal(f'DECLARE one record; BEGIN FOR one IN {query} LOOP {work}; END LOOP; END')}"


def _percent(text: str) -> str:
    return text.replace("%", "%%")


def _path(version: Version) -> str:
    """Its views first, then the schema itself, then what the role, the database or the server would have it look in."""
    base = ident(version.schema)
    before, after = (
        f"ALTER ROLE {ident(version.role)} IN DATABASE ",
        f" SET search_path = {ident(version.views)}, {base}",
    )
    found = (
        "SELECT substr(c, length('search_path=') + 1) FROM pg_db_role_setting s, unnest(s.setconfig) c "
        "WHERE starts_with(c, 'search_path=') AND (s.setdatabase = 0 OR s.setrole = 0) AND s.setrole IN "
        f"(0, (SELECT oid FROM pg_roles WHERE rolname = {literal(version.role)})) AND s.setdatabase IN "
        "(0, (SELECT oid FROM pg_database WHERE datname = current_database())) "
        "ORDER BY s.setrole DESC, s.setdatabase DESC LIMIT 1"
    )
    alike = f"rest IN ('', '\"\"', {literal(base)}, quote_ident({literal(version.schema)}))"
    return "DO " + literal(
        f"DECLARE rest text := coalesce(({found}), 'public'); BEGIN "
        f"IF starts_with(rest, quote_ident({literal(version.schema)}) || ', ') "
        f"THEN rest := substr(rest, length(quote_ident({literal(version.schema)})) + 3); END IF; "
        f"EXECUTE format({literal(f'{_percent(before)}%I{_percent(after)}')}, current_database()) "
        f"|| CASE WHEN {alike} THEN '' ELSE ', ' || rest END; END"
    )


def _setting(role: str, name: str, value: str) -> str:
    """In this database alone: another of the same server may hold other versions."""
    named = ".".join(map(ident, name.split(".")))
    change = _executed(role, f"SET {named} = {value}")
    return f"DO {literal(f'BEGIN {change}; END')}"


def _executed(role: str, tail: str) -> str:
    """Change what a role finds in this database, in the words of PL/pgSQL."""
    before, after = f"ALTER ROLE {ident(role)} IN DATABASE ", f" {tail}"
    escaped = literal(f"{_percent(before)}%I{_percent(after)}")
    return f"EXECUTE format({escaped}, current_database())"
