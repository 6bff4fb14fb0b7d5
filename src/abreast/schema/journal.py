"""The journal's SQL: who wrote which row, with the row's image before and after.

One table, ``abreast.journal``, partitioned by day with a default partition, so that no write fails for want of one; an
AFTER ROW trigger per journalled table, always enabled.

An image is one JSON object per row. JSON does not keep every value (an array's lower bounds, ``-0``, ``json``'s own
text, SQL's NULL beside ``jsonb``'s null, types that bring a cast to json): such columns hold the text of the value as
its type writes it, and the entry names them in ``texts``. ``to_jsonb`` writes all other types as they are read again.
Virtual generated columns are left out: triggers do not see them.

The trigger's function is SECURITY DEFINER and writers have no right on the journal: with INSERT on it, a version could
enter writes of another one, which a repair would then undo. Measured, the two cost the same; and the function needs
pinned settings in any case (3 of its 20 µs): the image of one value must be one text, whatever TimeZone or
extra_float_digits the writer's session has.

What a row costs the server (CPU time, PostgreSQL 18, six columns): 18 µs more inserted (1.8 without), 23 µs more
updated (2.8 without); about half for the images, a third for finding the day's partition.

Two limits: a ``json`` column (not ``jsonb``) whose text jsonb cannot hold (an escaped NUL) makes the write fail, and
``money`` is written as the session's lc_monetary has it.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from abreast.schema.names import OWN, Relation, ident, idents, literal, made_name
from abreast.schema.sync import BACKFILL

TRIGGER: Final = "~abreast_journal"
TRUNCATE_TRIGGER: Final = "~abreast_journal_truncate"
JOURNAL: Final = Relation(OWN, "journal")
DEFAULT_PARTITION: Final = Relation(OWN, "journal_default")
SEQUENCE: Final = Relation(OWN, "journal_seq")
REPAIR_VERSION: Final = "~repair"
PINNED: Final = (
    "search_path = pg_catalog, pg_temp",
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO, YMD'",
    "IntervalStyle = 'postgres'",
    "extra_float_digits = 1",
    "bytea_output = 'hex'",
)
PAIRS_MAX: Final = 50
"""A function takes 100 arguments at most (FUNC_MAX_ARGS)."""

SETUP: Final = (
    f"CREATE SCHEMA IF NOT EXISTS {ident(OWN)}",
    f"CREATE SEQUENCE IF NOT EXISTS {SEQUENCE.sql}",
    f"""CREATE TABLE IF NOT EXISTS {JOURNAL.sql} (
    at timestamptz NOT NULL,
    xid xid8 NOT NULL,
    seq bigint NOT NULL,
    table_schema text NOT NULL,
    table_name text NOT NULL,
    op text NOT NULL,
    key jsonb,
    moved_to jsonb,
    old jsonb,
    new jsonb,
    texts text[],
    version text,
    request_id text
) PARTITION BY RANGE (at)""",
    f"CREATE TABLE IF NOT EXISTS {DEFAULT_PARTITION.sql} PARTITION OF {JOURNAL.sql} DEFAULT",
    # It has no key, and may be in a publication FOR ALL TABLES, which then would let nothing be deleted.
    f"ALTER TABLE {DEFAULT_PARTITION.sql} REPLICA IDENTITY FULL",
    f"REVOKE ALL ON {JOURNAL.sql}, {DEFAULT_PARTITION.sql} FROM PUBLIC",
    f"REVOKE ALL ON SEQUENCE {SEQUENCE.sql} FROM PUBLIC",
)
"""What the journal needs, in order; each may be there already. ``seq`` orders the writes of one row: it is taken while
the writer holds the row's lock. ``moved_to`` is the new key where an update changed it."""


@dataclass(frozen=True)
class JournalColumn:
    """A column as images hold it; ``type`` is SQL, with its modifier."""

    name: str
    type: str
    as_text: bool = False
    is_json: bool = False
    generated: bool = False
    virtual: bool = False


@dataclass(frozen=True)
class Equality:
    """A column of a key and the operator, as SQL, by which its index tells values apart."""

    column: str
    operator: str


@dataclass(frozen=True)
class JournalTable:
    """What the journal must know of a table; ``key`` is empty when no unique index over not-null columns is there."""

    relation: Relation
    columns: tuple[JournalColumn, ...]
    key: tuple[Equality, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns whose images are texts."""
        return tuple(column.name for column in self.columns if column.as_text and not column.virtual)

    @property
    def virtuals(self) -> tuple[str, ...]:
        """The columns that images leave out."""
        return tuple(column.name for column in self.columns if column.virtual)


def names(columns: tuple[str, ...]) -> str:
    """``columns`` as a constant text[]."""
    return f"ARRAY[{', '.join(map(literal, columns))}]::text[]"


def image(table: JournalTable, row: str, texts: tuple[str, ...] | None = None, *, variable: bool = False) -> str:
    """SQL of the image of ``row`` (an alias of the table, or a ``variable`` of a trigger's).

    ``texts`` as an earlier entry had them, else the present. Of an alias all is named: the table may have a column that
    is called so.
    """
    text_columns = table.texts if texts is None else texts
    made = f"pg_catalog.to_jsonb({row})" if variable else f"pg_catalog.to_jsonb({row}.*)"
    if table.virtuals:
        made = f"({made} - {names(table.virtuals)})"
    return f"({made}{_as_texts(row, text_columns)})"


def key_of(table: JournalTable, row_image: str, when: str = "") -> str:
    """SQL of the key, a JSON object, out of the SQL of an image; NULL unless ``when``."""
    pairs = ", ".join(f"{literal(part.column)}, {row_image} -> {literal(part.column)}" for part in table.key)
    made = f"pg_catalog.jsonb_build_object({pairs})"
    return f"CASE WHEN {when} THEN {made} END" if when else made


def function_of(relation: Relation) -> Relation:
    """The trigger's function for a table."""
    return Relation(OWN, made_name("journal:", str(relation)))


def function_body(table: JournalTable) -> str:
    """PL/pgSQL that writes one entry.

    It must not fail when a column was renamed or dropped since: PL/pgSQL looks at ``NEW.column`` only when the guard
    before it let it through. An update that changes no byte is no write, and neither is the backfill: nobody decided
    on it. Each expression of PL/pgSQL costs every transaction anew: as few as can be.
    """
    relation = table.relation
    keys = [literal(part.column) for part in table.key]
    return f"""
DECLARE
    before jsonb;
    after jsonb;
    texts text[];
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF OLD OPERATOR(pg_catalog.*=) NEW OR current_setting('abreast.version', true) = {literal(BACKFILL)} THEN
            RETURN NULL;
        END IF;
{_take(table, "OLD", "before")}
{_take(table, "NEW", "after")}
    ELSIF TG_OP = 'INSERT' THEN
{_take(table, "NEW", "after")}
    ELSIF TG_OP = 'DELETE' THEN
{_take(table, "OLD", "before")}
    END IF;
    INSERT INTO {JOURNAL.sql}
        (at, xid, seq, table_schema, table_name, op, key, moved_to, old, new, texts, version, request_id)
    VALUES (
        clock_timestamp(), pg_current_xact_id(), nextval({literal(SEQUENCE.sql)}),
        {literal(relation.schema)}, {literal(relation.name)}, lower(left(TG_OP, 1)),
        {key_of(table, "coalesce(before, after)", "TG_OP <> 'TRUNCATE'")},
        {key_of(table, "after", " OR ".join(f"before -> {c} <> after -> {c}" for c in keys))},
        before, after, texts,
        nullif(current_setting('abreast.version', true), ''), nullif(current_setting('abreast.request_id', true), '')
    );
    RETURN NULL;
END"""


def function_sql(table: JournalTable, function: Relation | None = None) -> str:
    """Make or replace the trigger's function; ``lower(left(TG_OP, 1))`` gives i, u, d, and t for TRUNCATE."""
    pinned = "\n".join(f"    SET {setting}" for setting in PINNED)
    return f"""CREATE OR REPLACE FUNCTION {(function or function_of(table.relation)).sql}() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
{pinned}
    AS {literal(function_body(table))}"""


def triggers_sql(table: JournalTable, partitions: tuple[Relation, ...]) -> tuple[str, ...]:
    """Put the triggers on a table; row triggers reach its partitions by themselves, those for TRUNCATE do not."""
    on, function = table.relation.sql, function_of(table.relation).sql
    rows = (
        (
            f"CREATE OR REPLACE TRIGGER {ident(TRIGGER)} AFTER INSERT OR UPDATE OR DELETE ON {on}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        ),
        f"ALTER TABLE {on} ENABLE ALWAYS TRIGGER {ident(TRIGGER)}",
    )
    return rows + tuple(step for each in (table.relation, *partitions) for step in truncate_trigger_sql(each, function))


def truncate_trigger_sql(relation: Relation, function: str) -> tuple[str, str]:
    """Put the trigger for TRUNCATE on a table or partition."""
    return (
        (
            f"CREATE OR REPLACE TRIGGER {ident(TRUNCATE_TRIGGER)} AFTER TRUNCATE ON {relation.sql}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        ),
        # ONLY: for a partitioned table the server would look for the trigger on each of its partitions.
        f"ALTER TABLE ONLY {relation.sql} ENABLE ALWAYS TRIGGER {ident(TRUNCATE_TRIGGER)}",
    )


def disable_sql(relation: Relation, partitions: tuple[Relation, ...], function: Relation) -> tuple[str, ...]:
    """Take the triggers and the function away; what was journalled stays."""
    return (
        f"DROP TRIGGER IF EXISTS {ident(TRIGGER)} ON {relation.sql}",
        *(f"DROP TRIGGER IF EXISTS {ident(TRUNCATE_TRIGGER)} ON {each.sql}" for each in (relation, *partitions)),
        f"DROP FUNCTION IF EXISTS {function.sql}()",
    )


def partition_of(day: date) -> Relation:
    """The partition of a day, in UTC."""
    return Relation(OWN, f"journal_{day:%Y%m%d}")


def day_of(partition: str) -> date | None:
    """The day of a partition by its name; None for the default one."""
    digits = partition.removeprefix("journal_")
    return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if digits.isdigit() else None


def partition_sql(day: date) -> tuple[str, ...]:
    """Make the partition of ``day`` beside the journal, move into it what the default one holds, then attach it.

    CREATE … PARTITION OF would stop all writers (ACCESS EXCLUSIVE on the journal); ATTACH stops only those whose
    entries go to the default partition.
    """
    made = partition_of(day).sql
    start, end = f"{day.isoformat()} 00:00:00+00", f"{(day + timedelta(days=1)).isoformat()} 00:00:00+00"
    within = f"at >= {literal(start)} AND at < {literal(end)}"
    return (
        f"CREATE TABLE {made} (LIKE {JOURNAL.sql} INCLUDING ALL, CHECK ({within}))",
        f"REVOKE ALL ON {made} FROM PUBLIC",
        f"LOCK TABLE {DEFAULT_PARTITION.sql} IN ACCESS EXCLUSIVE MODE",
        (
            f"WITH moved AS (DELETE FROM {DEFAULT_PARTITION.sql} WHERE {within} RETURNING *)"
            f" INSERT INTO {made} SELECT * FROM moved"
        ),
        f"ALTER TABLE {JOURNAL.sql} ATTACH PARTITION {made} FOR VALUES FROM ({literal(start)}) TO ({literal(end)})",
    )


def _take(table: JournalTable, row: str, variable: str) -> str:
    lines = [f"{variable} := {image(table, row, (), variable=True)};"]
    if table.texts:
        lines += [
            f"IF {variable} ?& {names(table.texts)} THEN",
            f"    {variable} := {variable}{_as_texts(row, table.texts)};",
            f"    texts := {names(table.texts)};",
            "END IF;",
        ]
    return "\n".join(f"        {line}" for line in lines)


def _as_texts(row: str, columns: tuple[str, ...]) -> str:
    """``|| …`` that puts the text of each column in the place of its JSON."""
    made = ""
    for start in range(0, len(columns), PAIRS_MAX):
        part = columns[start : start + PAIRS_MAX]
        pairs = ", ".join(f"{literal(column)}, ({row}).{ident(column)}::text" for column in part)
        made += f" || pg_catalog.jsonb_build_object({pairs})"
    return made


def column_list(columns: tuple[JournalColumn, ...]) -> str:
    """The columns' names with commas between them."""
    return idents([column.name for column in columns])
