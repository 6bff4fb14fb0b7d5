"""The trigger that keeps both representations of a row in step.

Old columns are those that only the old version's view shows, new columns those that only the new version's shows; the
others are shared. The rules:

* Who wrote is read off the row: only the new version can supply a new column, only the old one an old column. Where
  that does not tell (a new version that writes NULL, a change of a shared column), ``abreast.version`` of the writer's
  role does. A writer that supplies both sides and is neither version (a restore, a subscription) is let alone;
  a constant default of an old column does not count as supplied.
* On insert the other side is derived. On update a column is derived only if something it is derived from has changed.
* A pair with a way back (old → new → old) always follows: the value was derived from this one, or this one from it.
  Without a way back, a value that is no longer what the expression gave was customised, and stays.
* An update that moves a row to another partition comes there as an insert, of a row that the update's trigger has put
  in step already: that one says so in ``abreast.moved``, and the insert's lets it alone.
* Writers named ``~…`` are abreast itself (backfill, repair): they write both sides.

There are two triggers, not one, on each table: the one on update has a WHEN, which costs a tenth of calling a function
that finds nothing to do, and cannot be given to an insert's. Both sort after any name without a byte above ``~``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from abreast.schema.catalog import Column
from abreast.schema.expression import Expression, constant
from abreast.schema.names import OWN, Relation, ident, literal, made_name

ON_INSERT: Final = "~abreast_sync_insert"
ON_UPDATE: Final = "~abreast_sync_update"
BACKFILL: Final = "~backfill"
_MOVED: Final = f"'{OWN}.moved'"

Side = Literal["old", "new"]


@dataclass(frozen=True)
class Kept:
    """A column of one side. Without an expression nothing derives it. ``filled``: the table's default fills it."""

    column: Column
    expression: Expression | None = None
    filled: bool = False

    @property
    def name(self) -> str:
        """The table's name for it."""
        return self.column.name


@dataclass(frozen=True)
class Sync:
    """A table whose columns are kept in step: ``old`` by ``down`` expressions, ``new`` by ``up`` expressions.

    ``partition_key``: the columns that tell where a row is; empty where it is always in the same place.
    """

    relation: Relation
    key: tuple[str, ...]
    columns: Mapping[str, Column]
    old: tuple[Kept, ...]
    new: tuple[Kept, ...]
    old_version: str
    new_version: str
    partition_key: tuple[str, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether there is anything to derive."""
        return any(kept.expression for kept in (*self.old, *self.new))

    @property
    def watched(self) -> frozenset[str]:
        """What an update has to change for anything to be derived."""
        return frozenset().union(*(_reads(kept) for kept in (*self.side("old"), *self.side("new"))))

    def side(self, side: Side) -> tuple[Kept, ...]:
        """The columns of that side that an expression derives."""
        return tuple(kept for kept in (self.old if side == "old" else self.new) if kept.expression)

    def has_way_back(self, kept: Kept) -> bool:
        """Whether some column it is derived from is itself derived from it."""
        others = self.side("old") if kept in self.new else self.side("new")
        return any(other.name in _reads(kept) and kept.name in _reads(other) for other in others)


def sync_functions(sync: Sync, *, filling: bool) -> tuple[str, ...]:
    """CREATE OR REPLACE of both functions; ``filling``: new columns are still being backfilled, nothing is custom."""
    return (
        _function(sync, "insert", _insert_body(sync)),
        _function(sync, "update", _update_body(sync, filling=filling)),
    )


def sync_triggers(sync: Sync) -> tuple[str, ...]:
    """CREATE TRIGGER for both, enabled for replication's writers too."""
    table = sync.relation.sql
    functions = [function_name(sync.relation, event) for event in ("insert", "update")]
    made = [
        f"CREATE TRIGGER {ident(ON_INSERT)} BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {functions[0]}()",
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {ident(ON_INSERT)}",
    ]
    seen = sync.watched.union(sync.partition_key)
    if seen:
        when = f"WHEN ({_any_changed(sync, seen)})"
        call = f"{when} EXECUTE FUNCTION {functions[1]}()"
        made += [
            f"CREATE TRIGGER {ident(ON_UPDATE)} BEFORE UPDATE ON {table} FOR EACH ROW {call}",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {ident(ON_UPDATE)}",
        ]
    return tuple(made)


def drop_sync(relation: Relation) -> tuple[str, ...]:
    """Statements that take triggers and functions away; harmless where there are none."""
    return (
        f"DROP TRIGGER IF EXISTS {ident(ON_INSERT)} ON {relation.sql}",
        f"DROP TRIGGER IF EXISTS {ident(ON_UPDATE)} ON {relation.sql}",
        f"DROP FUNCTION IF EXISTS {function_name(relation, 'insert')}()",
        f"DROP FUNCTION IF EXISTS {function_name(relation, 'update')}()",
    )


def function_name(relation: Relation, event: str) -> str:
    """Quoted, in abreast's schema."""
    return f"{ident(OWN)}.{ident(made_name(f'sync_{event}_', f'{relation.schema}.{relation.name}'))}"


def divergent(sync: Sync) -> str | None:
    """SQL over the table as ``new`` that is true for a row whose representations contradict each other.

    In step is a group whose new columns are what ``up`` gives, or whose old ones are what ``down`` gives: where the
    conversion loses something only the side that was written last holds it whole. None if no columns go both ways.
    """
    groups = [
        f"({_differ(new)} AND {_differ(old)})"
        for new, old in _groups(sync)
        if all(kept.expression and kept.expression.repeatable for kept in (*new, *old))
    ]
    return " OR ".join(groups) or None


def unfilled(sync: Sync) -> str | None:
    """SQL over the table as ``new`` that is true for a row whose new columns a backfill has to set."""
    wanted = [
        f"{_new(kept.name)} IS NULL AND {kept.expression.over_new} IS NOT NULL"
        if not kept.expression.repeatable
        else f"record_image_ne(ROW({_new(kept.name)}), ROW({_as_kept(kept, kept.expression.over_new)}))"
        for kept in sync.side("new")
        if kept.expression
    ]
    return " OR ".join(wanted) or None


def _function(sync: Sync, event: str, body: str) -> str:
    quoted = literal(body)
    return (
        f"CREATE OR REPLACE FUNCTION {function_name(sync.relation, event)}() "
        f"RETURNS trigger LANGUAGE plpgsql AS {quoted.strip()}"
    )


def _insert_body(sync: Sync) -> str:
    telling = [kept for kept in sync.new if not kept.filled]
    supplied = " OR ".join(f"{_new(kept.name)} IS NOT NULL" for kept in telling) or "false"
    both = " OR ".join(map(_supplied, sync.old)) or "false"
    return _body(
        "  from_new boolean;\n",
        [
            *_arrival(sync),
            f"  from_new := {supplied};",
            f"  IF coalesce(writer, '') NOT IN ({literal(sync.old_version)}, {literal(sync.new_version)}) THEN",
            f"    IF from_new AND ({both}) THEN RETURN new; END IF;",
            "  ELSIF NOT from_new THEN",
            f"    from_new := writer = {literal(sync.new_version)};",
            "  END IF;",
            "  IF from_new THEN",
            *(f"    {_assign(kept)}" for kept in sync.side("old")),
            "    NULL;",
            "  ELSE",
            *(f"    {_assign(kept)}" for kept in sync.side("new")),
            "    NULL;",
            "  END IF;",
        ],
    )


def _arrival(sync: Sync) -> list[str]:
    """Let a row alone that comes from another partition: not one that stayed, was deleted and is inserted again."""
    if not sync.partition_key:
        return []
    moved = f"current_setting({_MOVED}, true)"
    return [
        f"  IF {moved} LIKE '% %' AND {moved} = concat(split_part({moved}, ' ', 1), ' ', {_mark(sync)})",
        f"    AND split_part({moved}, ' ', 1) <> tg_relid::text",
        "  THEN",
        f"    PERFORM set_config({_MOVED}, '', true);",
        "    RETURN new;",
        "  END IF;",
    ]


def _departure(sync: Sync) -> list[str]:
    """Note the row that may go to another partition, for its insert there, which comes at once."""
    if not sync.partition_key:
        return []
    return [
        f"  IF {_any_changed(sync, sync.partition_key)} THEN",
        f"    PERFORM set_config({_MOVED}, concat(tg_relid, ' ', {_mark(sync)}), true);",
        "  END IF;",
    ]


def _mark(sync: Sync) -> str:
    """SQL that names the row and the statement."""
    columns = dict.fromkeys((*sync.key, *sync.partition_key))
    return f"concat(statement_timestamp(), ROW({', '.join(map(_new, columns))}))"


def _supplied(kept: Kept) -> str:
    """SQL that is true when the old column holds what its default alone would not have given it."""
    text = f"{_new(kept.name)} IS NOT NULL"
    default = kept.column.default
    if default is None or not constant(default):
        return text
    return f"({text} AND record_image_ne(ROW({_new(kept.name)}), ROW({default}::{kept.column.type})))"


def _update_body(sync: Sync, *, filling: bool) -> str:
    old_names = {kept.name for kept in sync.old}
    new_names = {kept.name for kept in sync.new}
    watched = sync.watched
    lines = []
    declared = (
        "  from_new boolean;\n"
        f"  old_wrote boolean := {_any_changed(sync, watched & old_names)};\n"
        f"  new_wrote boolean := {_any_changed(sync, watched & new_names)};\n"
    )
    lines += [
        *_departure(sync),
        "  IF old_wrote <> new_wrote THEN from_new := new_wrote;",
        f"  ELSIF writer = {literal(sync.new_version)} THEN from_new := true;",
        f"  ELSIF writer = {literal(sync.old_version)} THEN from_new := false;",
        "  ELSIF old_wrote THEN RETURN new;",
        "  ELSE from_new := false;",
        "  END IF;",
    ]
    sides: tuple[tuple[Side, str], ...] = (("old", "IF from_new"), ("new", "ELSE"))
    for side, opening in sides:
        lines.append(f"  {opening}{' THEN' if side == 'old' else ''}")
        derived = [kept for kept in sync.side(side) if _reads(kept)]
        for number, kept in enumerate(derived):
            declared += f"  {side}_{number} boolean := false;\n"
            lines.append(f"    {side}_{number} := {_condition(sync, kept, filling=filling and side == 'new')};")
        # What a trigger of the user's has put into an old column that the new version leaves alone is carried over.
        touched = [kept for kept in sync.side("new") if side == "old" and sync.has_way_back(kept)]
        for number, kept in enumerate(touched):
            declared += f"  touched_{number} boolean := false;\n"
            changed = f"({_any_changed(sync, _reads(kept))}) AND NOT ({_any_changed(sync, {kept.name})})"
            lines.append(f"    touched_{number} := old_wrote AND {changed};")
        for number, kept in enumerate(derived):
            lines.append(f"    IF {side}_{number} THEN {_assign(kept)} END IF;")
        for number, kept in enumerate(touched):
            lines.append(f"    IF touched_{number} THEN {_assign(kept)} END IF;")
        lines.append("    NULL;")
    lines.append("  END IF;")
    return _body(declared, lines)


def _condition(sync: Sync, kept: Kept, *, filling: bool) -> str:
    """When an update has to derive this column.

    Where both of a pair have changed, the version that writes has written one, and a trigger of the user's the other.
    """
    parts = [f"({_any_changed(sync, _reads(kept))})"]
    if sync.has_way_back(kept):
        return parts[0]
    parts.append(f"NOT ({_any_changed(sync, {kept.name})})")
    if kept.expression and not filling:
        given = _as_kept(kept, kept.expression.over_old)
        parts.append(f"record_image_eq(ROW(old.{ident(kept.name)}), ROW({given}))")
    return " AND ".join(parts)


def _body(declared: str, lines: list[str]) -> str:
    return "\n".join(
        [
            "",
            "DECLARE",
            f"  writer text := current_setting('{OWN}.version', true);",
            f"{declared}BEGIN",
            "  IF left(writer, 1) = '~' THEN RETURN new; END IF;",
            *lines,
            "  RETURN new;",
            "END;",
            "",
        ]
    )


def _assign(kept: Kept) -> str:
    return f"{_new(kept.name)} := {kept.expression.over_new};" if kept.expression else "NULL;"


def _as_kept(kept: Kept, text: str) -> str:
    """A value as the column would hold it: a char(5) is filled up with spaces, a varchar(5) may lose some."""
    return f"{text}::{kept.column.type}" if "(" in kept.column.type else text


def _new(name: str) -> str:
    return f"new.{ident(name)}"


def _reads(kept: Kept) -> frozenset[str]:
    return kept.expression.columns if kept.expression else frozenset()


def _any_changed(sync: Sync, names: Iterable[str]) -> str:
    """SQL that is true when one of these columns differs between ``old`` and ``new``.

    By value only for types whose equal values are the same bytes; else by bytes (with the function: the operator
    between two ROW(…) would be taken apart, column by column).
    """
    plain: list[str] = []
    image: list[str] = []
    for name in sorted(names):
        (plain if sync.columns[name].plain_equality else image).append(ident(name))
    parts = [f"old.{name} IS DISTINCT FROM new.{name}" for name in plain]
    if image:
        old, new = (", ".join(f"{record}.{name}" for name in image) for record in ("old", "new"))
        parts.append(f"record_image_ne(ROW({old}), ROW({new}))")
    return " OR ".join(parts) or "false"


def _differ(side: Iterable[Kept]) -> str:
    columns = list(side)
    held = ", ".join(_new(kept.name) for kept in columns)
    given = ", ".join(_as_kept(kept, kept.expression.over_new) for kept in columns if kept.expression)
    return f"record_image_ne(ROW({held}), ROW({given}))"


def _groups(sync: Sync) -> list[tuple[tuple[Kept, ...], tuple[Kept, ...]]]:
    """Columns that go both ways, put together as far as they are derived from each other."""
    two_way = [kept for kept in (*sync.side("new"), *sync.side("old")) if sync.has_way_back(kept)]
    groups: list[set[Kept]] = []
    for kept in two_way:
        near = {other for other in two_way if other.name in _reads(kept) or kept.name in _reads(other)} | {kept}
        touching = [group for group in groups if group & near]
        groups = [group for group in groups if not group & near] + [near.union(*touching)]
    return [
        (tuple(kept for kept in sync.new if kept in group), tuple(kept for kept in sync.old if kept in group))
        for group in groups
    ]
