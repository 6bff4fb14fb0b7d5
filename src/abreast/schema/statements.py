"""What a statement of a plain SQL migration does, read from its text.

Only the head of a statement is read, by hand: sqlglot gave up on ten of twenty of these (``VALIDATE CONSTRAINT``,
``ALTER TYPE … ADD VALUE``, ``EXCLUDE``, Flyway's placeholders) and then only said so, and squawk, which lints beside
this, holds the text against the whole grammar. What is not known here is UNKNOWN, never nothing.

The commands: https://www.postgresql.org/docs/current/sql-commands.html
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from abreast.schema.additions import references
from abreast.schema.alterations import (
    alter_domain,
    alter_index,
    alter_other,
    alter_sequence,
    alter_table,
    alter_type,
    alter_view,
)
from abreast.schema.ddl_changes import (
    Change,
    Cursor,
    Reading,
    Space,
    Thing,
    UnreadError,
    What,
    at_surface,
)
from abreast.schema.lexing import AROUND, Kind, Statement

_UNFELT: Final = frozenset(
    {
        *("BEGIN", "START", "COMMIT", "END", "SAVEPOINT", "RELEASE", "LOCK"),
        *("RESET", "SHOW", "COMMENT", "SECURITY", "GRANT", "DISCARD", "DEALLOCATE"),
        *("VALUES", "INSERT", "MERGE", "COPY", "TABLE", "DECLARE", "FETCH", "MOVE", "CLOSE"),
        *("ANALYZE", "VACUUM", "REINDEX", "CLUSTER", "REFRESH", "CHECKPOINT", "NOTIFY", "LISTEN", "UNLISTEN"),
    }
)
"""Commands that change no schema (what locks they take, squawk says)."""
_RELATIONS: Final = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE")
_SPACES: Final = {
    **dict.fromkeys(_RELATIONS, Space.RELATION),
    "INDEX": Space.RELATION,
    "TYPE": Space.TYPE,
    "DOMAIN": Space.TYPE,
    "SCHEMA": Space.SCHEMA,
}
_OTHERS: Final = (
    "FUNCTION",
    "PROCEDURE",
    "ROUTINE",
    "AGGREGATE",
    "EXTENSION",
    "ROLE",
    "USER",
    "GROUP",
    "STATISTICS",
    "COLLATION",
    "PUBLICATION",
    "SUBSCRIPTION",
    "SERVER",
    "TABLESPACE",
    "DATABASE",
    "LANGUAGE",
    "OPERATOR",
    "TEXT SEARCH",
    "FOREIGN DATA WRAPPER",
)
"""Kinds whose names are not followed: functions have arguments too, the others are rare in migrations."""
_NO_ONE_ASKS: Final = frozenset({"STATISTICS", "PUBLICATION", "SUBSCRIPTION"})
_HARMLESS_CALLS: Final = frozenset(
    {"set_config", "setval", "nextval", "currval", "lastval", "generate_series", "unnest"}
)
_GRANTABLE: Final = frozenset(
    {
        *("ALL", "SCHEMA", "SEQUENCE", "FUNCTION", "PROCEDURE", "ROUTINE", "DATABASE", "TYPE", "DOMAIN"),
        *("LANGUAGE", "FOREIGN", "LARGE", "PARAMETER", "TABLESPACE"),
    }
)
"""What else than a table a right may be on."""


def reading(statement: Statement) -> Reading:
    """What ``statement`` does; for one that is not known, or not complete, a single change UNKNOWN."""
    if not statement.words:
        return Reading()
    if statement.unclosed:
        return _unknown(statement, "a quote, comment or parenthesis that is never closed")
    if any(word.text == "\\" for word in statement.words):  # such as SELECT … \gexec
        return _unknown(statement, "a command of psql")
    cursor = Cursor(statement.words)
    try:
        verb = cursor.word()
        return Reading() if verb in _UNFELT else _VERBS[verb](cursor)
    except (UnreadError, KeyError):
        return _unknown(statement, "")


def _unknown(statement: Statement, why: str) -> Reading:
    first = next((each for each in statement.tokens if each.kind not in AROUND), statement.tokens[0])
    head = " ".join(word.text.split("\n")[0] for word in statement.words[:4])[:60]
    return Reading((Change(What.UNKNOWN, None, why or head, first.start),))


def _kind(cursor: Cursor, *kinds: str) -> str:
    """Read the kind of object that comes next; empty if it is none of ``kinds``."""
    return next((kind for kind in kinds if cursor.take(*kind.split())), "")


def _create(cursor: Cursor) -> Reading:
    start = cursor.first
    replacing = cursor.take("OR", "REPLACE")
    while cursor.take_any("GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "RECURSIVE", "TRUSTED"):
        pass
    if cursor.take("UNIQUE"):
        return _create_index(cursor, start, unique=True)
    if cursor.take("INDEX"):
        return _create_index(cursor, start, unique=False)
    if cursor.take("EVENT", "TRIGGER"):
        return Reading((Change(What.NEW_TRIGGER, None, f"event trigger {cursor.ident()}", start),))
    cursor.take("CONSTRAINT")  # CREATE CONSTRAINT TRIGGER
    if noun := cursor.take_any("TRIGGER", "RULE", "POLICY"):
        name = cursor.ident()
        if noun == "RULE":
            cursor.until("TO")
        else:
            cursor.until("ON")
        what = What.ROW_SECURITY if noun == "POLICY" else What.NEW_TRIGGER
        return Reading((Change(what, cursor.thing(), f"{noun.lower()} {name}", start),))
    return _create_object(cursor, start, replacing=replacing)


def _create_object(cursor: Cursor, start: int, *, replacing: bool) -> Reading:
    kind = _kind(cursor, *_SPACES, *_OTHERS)
    if not kind:
        raise UnreadError(start)
    guarded = cursor.take("IF", "NOT", "EXISTS")
    if kind == "SCHEMA" and cursor.take("AUTHORIZATION"):
        guarded = False
    space = _SPACES.get(kind, Space.OTHER)
    if space is Space.OTHER and not replacing:
        return Reading()
    thing = cursor.thing(space)
    changes = references(thing, cursor.rest) if kind == "TABLE" else ()
    if replacing:
        changes = (Change(What.REPLACED, thing, f"{kind.lower()} {thing}", start),)
    # With IF NOT EXISTS, or replaced, it may be older than this file.
    return Reading(changes, made=() if guarded or replacing or space is Space.OTHER else (thing,))


def _create_index(cursor: Cursor, start: int, *, unique: bool) -> Reading:
    if unique:
        cursor.need("INDEX")
    cursor.take("CONCURRENTLY")
    guarded = cursor.take("IF", "NOT", "EXISTS")
    index = None if cursor.sees("ON") else cursor.thing()
    cursor.need("ON")
    cursor.take("ONLY")
    table = cursor.thing()
    name = f"index {index}" if index else "an index"
    made = (Thing(Space.RELATION, table.schema, index.name),) if index and not guarded else ()
    return Reading((Change(What.NEW_UNIQUE, table, name, start),) if unique else (), made=made)


def _drop(cursor: Cursor) -> Reading:
    start = cursor.first
    if noun := cursor.take_any("TRIGGER", "RULE", "POLICY"):
        cursor.take("IF", "EXISTS")
        name = cursor.ident()
        cursor.need("ON")
        what = What.ROW_SECURITY if noun == "POLICY" else What.DROP_TRIGGER
        return Reading((Change(what, cursor.thing(), f"{noun.lower()} {name}", start),))
    kind = _kind(cursor, *_SPACES, *_OTHERS, "OWNED BY", "EVENT TRIGGER")
    if not kind:
        raise UnreadError(start)
    if kind in _NO_ONE_ASKS:
        return Reading()
    cursor.take("CONCURRENTLY")
    cursor.take("IF", "EXISTS")
    space = _SPACES.get(kind, Space.OTHER)
    what = What.DROP_INDEX if kind == "INDEX" else What.DROP
    return Reading(tuple(Change(what, thing, f"{kind.lower()} {thing}", start) for thing in cursor.things(space)))


def _alter(cursor: Cursor) -> Reading:
    start = cursor.first
    if cursor.take("TABLE") or cursor.take("FOREIGN", "TABLE"):
        return alter_table(cursor)
    if cursor.take("DEFAULT", "PRIVILEGES"):
        return Reading()  # of what is made later
    if cursor.take("POLICY"):
        name = cursor.ident()
        cursor.need("ON")
        return Reading((Change(What.ROW_SECURITY, cursor.thing(), f"policy {name}", start),))
    kind = _kind(cursor, *_SPACES, *_OTHERS)
    if kind in _NO_ONE_ASKS:
        return Reading()
    cursor.take("IF", "EXISTS")
    thing = cursor.things(_SPACES.get(kind, Space.OTHER))[0]
    return _ALTERS[kind](thing, cursor)


def _truncate(cursor: Cursor) -> Reading:
    cursor.take("TABLE")
    start = cursor.first
    return Reading(tuple(Change(What.EMPTIED, table, f"{table}", start) for table in cursor.things()))


def _delete(cursor: Cursor) -> Reading:
    start = cursor.first
    cursor.need("FROM")
    cursor.take("ONLY")
    table = cursor.thing()
    if any(word.keyword == "WHERE" for word in at_surface(cursor.rest)):
        return Reading()
    return Reading((Change(What.EMPTIED, table, f"{table}", start),))


def _update(cursor: Cursor) -> Reading:
    start = cursor.first
    cursor.take("ONLY")
    table = cursor.thing()
    cursor.until("SET")
    if any(word.keyword == "WHERE" for word in at_surface(cursor.rest)):
        return Reading()
    several = any(part.sees("(") for part in cursor.parts())
    columns = () if several else tuple(part.ident() for part in cursor.parts())
    return Reading((Change(What.REWRITTEN, table, f"{table}", start, columns),))


def _revoke(cursor: Cursor) -> Reading:
    start = cursor.first
    if not any(word.keyword == "ON" for word in at_surface(cursor.rest)):  # the membership in a role
        return Reading((Change(What.REVOKE, None, "rights", start),))
    cursor.until("ON")
    if not cursor.take("TABLE") and cursor.rest and cursor.rest[0].keyword in _GRANTABLE:
        return Reading((Change(What.REVOKE, None, "rights", start),))
    return Reading(tuple(Change(What.REVOKE, table, "rights", start) for table in cursor.things()))


def _reassign(cursor: Cursor) -> Reading:
    return Reading((Change(What.REVOKE, None, "what only an owner may", cursor.first),))


def _set(cursor: Cursor) -> Reading:
    cursor.take_any("LOCAL", "SESSION")
    return Reading(moves=cursor.sees("SEARCH_PATH") or cursor.sees("SCHEMA"))


def _select(cursor: Cursor) -> Reading:
    """A query changes nothing, but ``SELECT f(…)`` is how a function is called that may change anything."""
    words = cursor.rest
    if any(word.keyword == "FROM" for word in at_surface(words)):
        cursor.until("FROM")
        if not cursor.sees("("):
            cursor.take("ONLY")
            source = cursor.thing().name
            if cursor.sees("(") and source not in _HARMLESS_CALLS and not source.startswith("pg_"):
                raise UnreadError(source)
        return Reading()
    for word, following in pairwise(words):
        called = following.keyword == "(" and word.kind in {Kind.WORD, Kind.NAME}
        if called and word.value not in _HARMLESS_CALLS and not word.value.startswith("pg_"):
            raise UnreadError(word.value)
    return Reading(moves=any("search_path" in word.text.lower() for word in words))


def _with(cursor: Cursor) -> Reading:
    if {"DELETE", "UPDATE", "TRUNCATE"} & {word.keyword for word in cursor.rest}:
        raise UnreadError(cursor.start)
    return Reading()


_VERBS: Final[dict[str, Callable[[Cursor], Reading]]] = {
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": _alter,
    "TRUNCATE": _truncate,
    "DELETE": _delete,
    "UPDATE": _update,
    "REVOKE": _revoke,
    "REASSIGN": _reassign,
    "SET": _set,
    "SELECT": _select,
    "WITH": _with,
}
_ALTERS: Final[dict[str, Callable[[Thing, Cursor], Reading]]] = {
    "TYPE": alter_type,
    "DOMAIN": alter_domain,
    "INDEX": alter_index,
    "SEQUENCE": alter_sequence,
    "VIEW": alter_view,
    **dict.fromkeys(("MATERIALIZED VIEW", "SCHEMA", "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE"), alter_other),
}
