"""A schema of books as a catalog would have it, and what operations make of it, without a server."""

import pytest

from abreast.model.errors import MigrationError
from abreast.schema.catalog import Catalog, Column, Constraint, Index, Table
from abreast.schema.facts import Facts
from abreast.schema.migration import read_migration
from abreast.schema.names import Relation
from abreast.schema.plan import Plan
from abreast.schema.planning import make_plan
from abreast.schema.reshape import reshape, written_types
from abreast.schema.shape import Shape
from abreast.schema.views import Version

OLD, NEW = Version("v1", "shop_v1", "shop"), Version("v2", "shop_v2", "shop")
AUTHORS = Relation("shop", "authors")
BOOKS = Relation("shop", "books")
ROOMS = Relation("shop", "rooms")
LOOSE = Relation("shop", "loose")

CATALOG = Catalog(
    "shop",
    {
        "authors": Table(
            AUTHORS,
            (Column("id", "integer", not_null=True), Column("name", "text")),
            constraints=(Constraint("authors_pkey", "primary key", ("id",), "PRIMARY KEY (id)"),),
            indexes=(Index("authors_pkey", ("id",), unique=True, constraint=True),),
            key=("id",),
            referrers=((BOOKS, ("id",)),),
        ),
        "books": Table(
            BOOKS,
            (
                Column("id", "integer", not_null=True),
                Column("title", "text", not_null=True),
                Column("price", "numeric(10,2)", not_null=True, default="1", comment="in euros"),
                Column("note", "text"),
                Column("author", "integer"),
                Column("made", "integer", generated=True),
                Column("number", "integer", identity="always"),
                Column("shown", "text"),
            ),
            constraints=(
                Constraint("books_pkey", "primary key", ("id",), "PRIMARY KEY (id)"),
                Constraint("books_author", "foreign key", ("author",), "FOREIGN KEY (author) REFERENCES authors(id)"),
                Constraint("price_ok", "check", ("price",), "CHECK (price > 0)"),
                Constraint("two_ok", "check", ("title", "note"), "CHECK (title <> note)"),
                Constraint("apart", "exclude", ("title",), "EXCLUDE (title WITH =)"),
            ),
            indexes=(
                Index("books_pkey", ("id",), unique=True, constraint=True),
                Index("books_title", ("title",)),
            ),
            key=("id",),
            readers=(("shown", "the view shop.short"),),
        ),
        "loose": Table(LOOSE, (Column("a", "text"),), before_triggers=("aa", "~zz", "~abreast_sync_update")),
        "rooms": Table(
            ROOMS,
            (Column("id", "integer", not_null=True), Column("day", "date", not_null=True), Column("note", "text")),
            key=("id", "day"),
            partitions=(Relation("shop", "rooms_a"), Relation("parts", "rooms_b")),
            partition_key=("day",),
            partitioned=True,
        ),
    },
)


def shape_of(text: str, catalog: Catalog = CATALOG) -> Shape:
    """What the operations of the text (a list in YAML) make of the catalog; types stay as they are written."""
    operations = read_migration("m.yaml", f"operations:\n{text}").operations
    return reshape(catalog, operations, {name: name for name in written_types(operations)})


def faults_of(text: str, catalog: Catalog = CATALOG) -> list[tuple[int, str, str, str]]:
    """(line, path below the operation, message, remedy) of each fault. The first operation is on line 2."""
    with pytest.raises(MigrationError) as raised:
        shape_of(text, catalog)
    return [
        (fault.line or 0, fault.path.partition("].")[2].partition(".")[2], fault.message, fault.remedy)
        for fault in raised.value.faults
    ]


def plan_of(text: str, facts: Facts | None = None, catalog: Catalog = CATALOG) -> Plan:
    """The plan of these operations with these facts."""
    return make_plan(shape_of(text, catalog), facts or {}, OLD, NEW, ("m.yaml",))
