"""What ALTER changes, action by action.

The grammar: https://www.postgresql.org/docs/current/sql-altertable.html and its neighbours.
"""

from collections.abc import Callable
from typing import Final

from abreast.schema.additions import addition, constraint
from abreast.schema.ddl_changes import Change, Cursor, Reading, Thing, UnreadError, What, joined

_UNFELT: Final = (
    ("VALIDATE", "CONSTRAINT"),
    ("REPLICA", "IDENTITY"),
    ("CLUSTER", "ON"),
    ("SET", "WITHOUT"),
    ("SET", "LOGGED"),
    ("SET", "UNLOGGED"),
    ("SET", "TABLESPACE"),
    ("SET", "ACCESS", "METHOD"),
    ("SET", "("),
    ("RESET", "("),
    ("INHERIT",),
    ("ATTACH", "PARTITION"),
    ("DISABLE", "ROW", "LEVEL", "SECURITY"),
    ("NO", "FORCE", "ROW", "LEVEL", "SECURITY"),
)
"""Actions that no version meets in its statements, locks aside (squawk watches those)."""
_UNFELT_OF_COLUMN: Final = (
    ("SET", "STATISTICS"),
    ("SET", "STORAGE"),
    ("SET", "COMPRESSION"),
    ("SET", "("),
    ("RESET", "("),
)
_CHANGED_OF_COLUMN: Final = (
    ("TYPE", What.CHANGED_TYPE),
    ("SET DATA TYPE", What.CHANGED_TYPE),
    ("SET DEFAULT", What.CHANGED_DEFAULT),
    ("DROP DEFAULT", What.DROPPED_DEFAULT),
    ("SET NOT NULL", What.NOT_NULL),
    ("DROP NOT NULL", What.NULLABLE),
    ("ADD GENERATED", What.CHANGED_DEFAULT),
    ("SET GENERATED", What.CHANGED_DEFAULT),
    ("SET EXPRESSION", What.CHANGED_DEFAULT),
    ("SET INCREMENT", What.CHANGED_DEFAULT),
    ("RESTART", What.CHANGED_DEFAULT),
    ("DROP IDENTITY", What.DROPPED_DEFAULT),
    ("DROP EXPRESSION", What.DROPPED_DEFAULT),
)
_CHANGED_OF_DOMAIN: Final = (
    ("SET DEFAULT", What.CHANGED_DEFAULT),
    ("DROP DEFAULT", What.DROPPED_DEFAULT),
    ("SET NOT NULL", What.NOT_NULL),
    ("DROP NOT NULL", What.NULLABLE),
    ("DROP CONSTRAINT", What.DROP_CONSTRAINT),
)


def alter_table(cursor: Cursor) -> Reading:
    """Of the words after ``ALTER TABLE``. UnreadError where an action is not known."""
    cursor.take("IF", "EXISTS")
    cursor.take("ONLY")
    table = cursor.thing()
    cursor.take("*")
    return joined(_action(table, part) for part in cursor.parts())


def _action(table: Thing, cursor: Cursor) -> Reading:
    start = cursor.start
    if any(cursor.take(*words) for words in _UNFELT):
        return Reading()
    verb = cursor.word()
    if verb == "ADD":
        return addition(table, cursor, start)
    if verb == "ALTER":
        return _alter(table, cursor, start)
    if verb in _SINGLE:
        return Reading((_SINGLE[verb](table, cursor, start),))
    return renaming(table, verb, cursor, start)


def renaming(thing: Thing, verb: str, cursor: Cursor, start: int) -> Reading:
    """Of ``RENAME …``, ``SET SCHEMA …``, ``OWNER TO …``, whatever ``thing`` is, its verb read already.

    UnreadError for another verb.
    """
    if verb == "OWNER":
        cursor.need("TO")
        return Reading((Change(What.REVOKE, thing, "what only an owner may", start),))
    if verb == "SET":
        cursor.need("SCHEMA")
        moved = Thing(thing.space, cursor.ident(), thing.name)
        return Reading((Change(What.RENAME, thing, f"{thing} to {moved}", start),), renamed=((thing, moved),))
    if verb != "RENAME":
        raise UnreadError(verb)
    if cursor.take("TO"):
        renamed = Thing(thing.space, thing.schema, cursor.ident())
        return Reading((Change(What.RENAME, thing, f"{thing} to {renamed}", start),), renamed=((thing, renamed),))
    noun = cursor.take_any("CONSTRAINT", "COLUMN", "ATTRIBUTE", "VALUE") or "COLUMN"
    if noun == "VALUE":
        return Reading((Change(What.RENAME, thing, f"value {cursor.string()}", start),))
    old = cursor.ident()
    cursor.need("TO")
    new = cursor.ident()
    if noun == "CONSTRAINT":
        return Reading((Change(What.RENAME_CONSTRAINT, thing, f"constraint {old}", start),))
    return Reading((Change(What.RENAME, thing, f"{noun.lower()} {thing}.{old} to {new}", start, (old,)),))


def _switch(table: Thing, cursor: Cursor, start: int) -> Change:
    if cursor.take("ROW", "LEVEL", "SECURITY"):
        return Change(What.ROW_SECURITY, table, "row-level security", start)
    cursor.take_any("ALWAYS", "REPLICA")
    noun = cursor.take_any("TRIGGER", "RULE")
    if not noun:
        raise UnreadError(start)
    return Change(What.NEW_TRIGGER, table, f"{noun.lower()} {cursor.ident()}", start)


def _drop(table: Thing, cursor: Cursor, start: int) -> Change:
    if cursor.take("CONSTRAINT"):
        cursor.take("IF", "EXISTS")
        return Change(What.DROP_CONSTRAINT, table, f"constraint {cursor.ident()}", start)
    cursor.take("COLUMN")
    cursor.take("IF", "EXISTS")
    column = cursor.ident()
    return Change(What.DROP, table, f"column {table}.{column}", start, (column,))


def _detach(table: Thing, cursor: Cursor, start: int) -> Change:
    if not cursor.take("PARTITION"):
        cursor.need("INHERIT")
    return Change(What.DETACH, table, f"the rows shared with {cursor.thing()}", start)


def _alter(table: Thing, cursor: Cursor, start: int) -> Reading:
    if cursor.take("CONSTRAINT"):
        name = cursor.ident()
        enforced = cursor.sees("ENFORCED")
        return Reading((Change(What.NEW_CHECK, table, f"constraint {name}", start),) if enforced else ())
    cursor.take("COLUMN")
    column = cursor.ident()
    if any(cursor.take(*words) for words in _UNFELT_OF_COLUMN):
        return Reading()
    for words, what in _CHANGED_OF_COLUMN:
        if cursor.take(*words.split()):
            return Reading((Change(what, table, f"column {column}", start, (column,)),))
    raise UnreadError(column)


def alter_type(thing: Thing, cursor: Cursor) -> Reading:
    """Of the words after ``ALTER TYPE name``. UnreadError where they are not known."""
    start = cursor.start
    verb = cursor.word()
    if verb == "ADD" and cursor.take("VALUE"):
        cursor.take("IF", "NOT", "EXISTS")
        return Reading((Change(What.NEW_ENUM_VALUE, thing, f"value {cursor.string()}", start),))
    if verb in {"ADD", "DROP", "ALTER"} and cursor.take("ATTRIBUTE"):
        return Reading((Change(What.CHANGED_TYPE, thing, f"attribute {cursor.ident()}", start),))
    return Reading() if verb == "SET" and cursor.sees("(") else renaming(thing, verb, cursor, start)


def alter_domain(thing: Thing, cursor: Cursor) -> Reading:
    """Of the words after ``ALTER DOMAIN name``. UnreadError where they are not known."""
    start = cursor.start
    for words, what in _CHANGED_OF_DOMAIN:
        if cursor.take(*words.split()):
            return Reading((Change(what, thing, f"domain {thing}", start),))
    verb = cursor.word()
    match verb:
        case "ADD":
            return constraint(thing, cursor, start)
        case "VALIDATE":
            return Reading()
        case _:
            return renaming(thing, verb, cursor, start)


def alter_index(thing: Thing, cursor: Cursor) -> Reading:
    """Of the words after ``ALTER INDEX name``: only another name is felt."""
    start = cursor.start
    felt = cursor.word() == "RENAME"
    return Reading((Change(What.RENAME_CONSTRAINT, thing, f"index {thing}", start),) if felt else ())


def alter_sequence(thing: Thing, cursor: Cursor) -> Reading:
    """Of the words after ``ALTER SEQUENCE name``. UnreadError where they are not known."""
    start = cursor.start
    verb = cursor.word()
    if verb in {"RENAME", "OWNER"} or cursor.sees("SCHEMA"):
        return renaming(thing, verb, cursor, start)
    unfelt = verb in {"OWNED", "SET"}
    return Reading(() if unfelt else (Change(What.CHANGED_DEFAULT, thing, "the next values", start),))


def alter_view(thing: Thing, cursor: Cursor) -> Reading:
    """Of the words after ``ALTER VIEW name``. UnreadError where they are not known."""
    start = cursor.start
    verb = cursor.word()
    if verb != "ALTER":
        return renaming(thing, verb, cursor, start)
    cursor.take("COLUMN")
    column = cursor.ident()
    dropped = cursor.sees("DROP")
    what = What.DROPPED_DEFAULT if dropped else What.CHANGED_DEFAULT
    return Reading((Change(what, thing, f"column {column}", start),))


def alter_other(thing: Thing, cursor: Cursor) -> Reading:
    """Of the words after ``ALTER`` of anything else and its name: another name, schema or owner, or UnreadError."""
    start = cursor.start
    return renaming(thing, cursor.word(), cursor, start)


_SINGLE: Final[dict[str, Callable[[Thing, Cursor, int], Change]]] = {
    "DROP": _drop,
    "DETACH": _detach,
    "NO": _detach,
    "ENABLE": _switch,
    "DISABLE": _switch,
    "FORCE": _switch,
}
