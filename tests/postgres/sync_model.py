"""The rules of ``abreast.schema.sync`` once more, over rows that are dicts: what both versions must see in the end.

Columns are called as in the table. ``price``, ``size`` and ``note`` are the old version's, those of `NEW` the new
version's, the others are shared.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final

Value = str | int | Decimal | None
Row = dict[str, Value]

OLD: Final = ("price", "size", "note")
NEW: Final = ("_abreast_price", "_abreast_size", "_abreast_slug")
SHARED: Final = ("name", "label")
COLUMNS: Final = ("id", *SHARED, *OLD, *NEW)
V1: Final = {name: name for name in ("id", *SHARED, *OLD)}
"""What the old version calls the columns that it sees."""
V2: Final = {
    "id": "id",
    "name": "name",
    "title": "label",
    "price": "_abreast_price",
    "size": "_abreast_size",
    "slug": "_abreast_slug",
}

TABLE: Final = """
CREATE TABLE public.products (
  id int PRIMARY KEY, name text NOT NULL, label text, price numeric(10,2), size text, note text);
CREATE FUNCTION public.trim_name() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN new.name := btrim(new.name); RETURN new; END';
CREATE TRIGGER trim_name BEFORE INSERT OR UPDATE ON public.products
  FOR EACH ROW EXECUTE FUNCTION public.trim_name();
"""
MIGRATION: Final = """
operations:
- alter_column: {table: products, column: price, type: int, up: (price * 100)::int, down: "price / 100.0"}
- alter_column: {table: products, column: size, type: int, up: length(size), down: "repeat('x', size)"}
- add_column: {table: products, column: {name: slug, type: text, nullable: true}, up: lower(name)}
- drop_column: {table: products, column: note, down: "'of ' || name"}
- rename_column: {table: products, from: label, to: title}
"""


def _cents(row: Row) -> Value:
    price = row["price"]
    return None if price is None else int(Decimal(price) * 100)


def _price(row: Row) -> Value:
    cents = row["_abreast_price"]
    return None if cents is None else (Decimal(cents) / 100).quantize(Decimal("0.01"))


def _length(row: Row) -> Value:
    return None if row["size"] is None else len(str(row["size"]))


def _crosses(row: Row) -> Value:
    size = row["_abreast_size"]
    return None if size is None else "x" * int(size)


Derivation = tuple[str, Callable[[Row], Value], str, bool]
"""The column, how it is derived, from which column, and whether that one is derived from it in turn."""

TO_NEW: Final[tuple[Derivation, ...]] = (
    ("_abreast_price", _cents, "price", True),
    ("_abreast_size", _length, "size", True),
    ("_abreast_slug", lambda row: str(row["name"]).lower(), "name", False),
)
TO_OLD: Final[tuple[Derivation, ...]] = (
    ("price", _price, "_abreast_price", True),
    ("size", _crosses, "_abreast_size", True),
    ("note", lambda row: f"of {row['name']}", "name", False),
)


def inserted(values: Mapping[str, Value], writer: str) -> Row:
    """The row that the table gets when ``writer`` inserts these values."""
    row: Row = {name: values.get(name) for name in COLUMNS}
    row["name"] = str(row["name"]).strip()
    from_new = any(row[name] is not None for name in NEW)
    if writer not in ("v1", "v2"):
        if from_new and any(row[name] is not None for name in OLD):
            return row
    elif not from_new:
        from_new = writer == "v2"
    for name, derive, _, _ in TO_OLD if from_new else TO_NEW:
        row[name] = derive(row)
    return row


def updated(before: Row, values: Mapping[str, Value], writer: str) -> Row:
    """The row after ``writer`` has set these values in it."""
    row = {**before, **values}
    row["name"] = str(row["name"]).strip()
    changed = {name for name in COLUMNS if row[name] != before[name]}
    old_wrote, new_wrote = bool(changed & {"price", "size"}), bool(changed & {"_abreast_price", "_abreast_size"})
    if old_wrote != new_wrote:
        from_new = new_wrote
    elif writer in ("v1", "v2"):
        from_new = writer == "v2"
    elif old_wrote:
        return row
    else:
        from_new = False
    for name, derive, source, returns in TO_OLD if from_new else TO_NEW:
        customised = not returns and before[name] != derive(before)
        if source in changed and name not in changed and not customised:
            row[name] = derive(row)
    return row


def upserted(before: Row, values: Mapping[str, Value], writer: str) -> Row:
    """The row after INSERT … ON CONFLICT DO UPDATE has set what was to be inserted: triggers saw that first."""
    proposed = inserted(values, writer)
    return updated(before, {name: proposed[name] for name in values if name != "id"}, writer)


def filled(row: Row) -> Row:
    """The row as a backfill leaves it."""
    return {**row, **{name: derive(row) for name, derive, _, _ in TO_NEW}}
