import pytest

from abreast.model.errors import RefusedError
from abreast.postgres.catalog import read_catalog
from abreast.postgres.connection import connected
from abreast.schema.catalog import Column, Constraint, Index, Table
from abreast.schema.names import Relation
from tests.postgres.trials import trial

SETUP = """
CREATE TABLE authors (id int PRIMARY KEY, name varchar(9) COLLATE "C");
CREATE TABLE books (
  id bigint GENERATED ALWAYS AS IDENTITY, "the title" text NOT NULL DEFAULT 'none', n serial,
  author int CONSTRAINT by REFERENCES authors ON DELETE CASCADE, twice int GENERATED ALWAYS AS (author * 2) STORED,
  code text, gone int, CONSTRAINT books_pk PRIMARY KEY (id), CONSTRAINT once UNIQUE ("the title", n) INCLUDE (code));
ALTER TABLE books DROP gone; ALTER TABLE books ADD CONSTRAINT late CHECK (code <> '') NOT VALID;
CREATE INDEX lower_code ON books (lower(code), id DESC) WHERE author > 5;
COMMENT ON COLUMN books.code IS 'c'; COMMENT ON TABLE books IS 'all';
ALTER TABLE books REPLICA IDENTITY FULL;
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE TRIGGER before_row BEFORE INSERT ON books FOR EACH ROW EXECUTE FUNCTION f();
CREATE TRIGGER after_row AFTER INSERT ON books FOR EACH ROW EXECUTE FUNCTION f();
CREATE TRIGGER on_code AFTER UPDATE OF code ON books FOR EACH ROW EXECUTE FUNCTION f();
CREATE POLICY own ON books USING (code = current_user);
CREATE VIEW short AS SELECT code FROM books;
CREATE STATISTICS both_of ON author, code FROM books;
"""


def test_a_table_is_read_with_all_that_belongs_to_it(each_database: str) -> None:
    with trial(each_database, SETUP) as made:
        catalog = read_catalog(made.connection, "shop")
    assert list(catalog.tables) == ["authors", "books"]
    assert catalog.major in (15, 16, 18)
    books = catalog.tables["books"]
    assert books.columns == (
        Column("id", "bigint", not_null=True, identity="always"),
        Column("the title", "text", not_null=True, default="'none'::text"),
        Column(
            "n", "integer", not_null=True, default="nextval('shop.books_n_seq'::regclass)", sequence="shop.books_n_seq"
        ),
        Column("author", "integer"),
        Column("twice", "integer", generated=True),
        Column("code", "text", comment="c"),
    )
    assert books.constraints == (
        Constraint("books_pk", "primary key", ("id",), "PRIMARY KEY (id)"),
        Constraint(
            "by",
            "foreign key",
            ("author",),
            "FOREIGN KEY (author) REFERENCES shop.authors(id) ON DELETE CASCADE",
            target=Relation("shop", "authors"),
        ),
        Constraint("late", "check", ("code",), "CHECK ((code <> ''::text)) NOT VALID", validated=False),
        Constraint("once", "unique", ("the title", "n"), 'UNIQUE ("the title", n) INCLUDE (code)'),
    )
    assert {index.name: index for index in books.indexes} == {
        "books_pk": Index("books_pk", ("id",), unique=True, constraint=True),
        "lower_code": Index("lower_code", ("author", "code", "id")),
        "once": Index("once", ("code", "n", "the title"), unique=True, constraint=True),
    }
    assert (books.key, books.before_triggers, books.replica_identity) == (("id",), ("before_row",), "FULL")
    assert (books.comment, books.partitioned, books.partitions) == ("all", False, ())
    assert set(books.readers) == {
        ("code", "the view shop.short"),
        ("code", "the policy own"),
        ("code", "the trigger on_code"),
        ("code", "the statistics both_of"),
        ("author", "the statistics both_of"),
        ("author", "the generated column twice"),
    }
    authors = catalog.tables["authors"]
    assert authors.columns[1] == Column("name", "character varying(9)", collation='pg_catalog."C"')
    assert authors.referrers == ((Relation("shop", "books"), ("id",)),)


@pytest.mark.parametrize(
    ("columns", "key"),
    [
        ("a int, b int NOT NULL UNIQUE", ("b",)),
        ("a int UNIQUE, b int NOT NULL", ()),
        ("a int NOT NULL, b int NOT NULL, UNIQUE (b, a)", ("b", "a")),
        ("a int NOT NULL, b int, UNIQUE (a) INCLUDE (b)", ("a",)),
        ("a int NOT NULL UNIQUE DEFERRABLE, b int", ()),
        ("a int NOT NULL UNIQUE, b int PRIMARY KEY", ("b",)),
    ],
)
def test_the_key_is_what_tells_every_row_from_the_others(database: str, columns: str, key: tuple[str, ...]) -> None:
    with trial(database, f"CREATE TABLE t ({columns}); CREATE UNIQUE INDEX partial ON t (a) WHERE a > 0") as made:
        assert read_catalog(made.connection, "shop").tables["t"].key == key


def test_partitions_are_leaves_wherever_they_are_and_no_tables_of_their_own(database: str) -> None:
    setup = """CREATE TABLE t (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
    CREATE TABLE t_a PARTITION OF t FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    CREATE SCHEMA parts; CREATE TABLE parts.t_b PARTITION OF t DEFAULT"""
    with trial(database, setup) as made:
        catalog = read_catalog(made.connection, "shop")
    (table,) = catalog.tables.values()
    assert (table.partitioned, table.partition_key) == (True, ("day",))
    assert table.partitions == (Relation("parts", "t_b"), Relation("shop", "t_a"))
    assert not table.nested


def test_partitions_of_partitions_are_known(database: str) -> None:
    setup = """CREATE TABLE t (id int, day date) PARTITION BY RANGE (day);
    CREATE TABLE t_a PARTITION OF t DEFAULT PARTITION BY HASH (abs(id));
    CREATE TABLE t_b PARTITION OF t_a FOR VALUES WITH (MODULUS 1, REMAINDER 0)"""
    with trial(database, setup) as made:
        table = read_catalog(made.connection, "shop").tables["t"]
    assert (table.nested, table.partitions) == (True, (Relation("shop", "t_b"),))
    assert table.partition_key == ("day", "id"), "of every level, also within expressions"


def test_versions_views_are_no_readers_but_are_told_with_their_columns(database: str) -> None:
    text = "  - add_column: {table: books, column: {name: pages, type: integer, nullable: true}, up: length(code)}"
    with trial(database, SETUP.partition("CREATE FUNCTION")[0]) as made:
        made.expand(text)
        seen = read_catalog(made.connection, "shop", ("shop_v1", "shop_v2", "shop_v9"))
        strange = read_catalog(made.connection, "shop")
    assert seen.tables["books"].readers == (("author", "the generated column twice"),)
    assert set(seen.views) == {Relation(f"shop_{v}", name) for v in ("v1", "v2") for name in ("authors", "books")}
    assert seen.views[Relation("shop_v2", "books")][-1] == "pages"
    assert ("code", "the view shop_v1.books") in strange.tables["books"].readers
    assert strange.views == {}


def test_a_schema_that_is_not_there_is_said_and_an_empty_one_is_empty(database: str) -> None:
    with connected(database) as connection:
        with pytest.raises(RefusedError, match="no schema 'nope'"):
            read_catalog(connection, "nope")
        assert read_catalog(connection, "public").tables == {}


def test_replica_identity_by_an_index_with_a_strange_name(database: str) -> None:
    setup = """CREATE TABLE t (a int NOT NULL); CREATE UNIQUE INDEX "i""%" ON t (a);
    ALTER TABLE t REPLICA IDENTITY USING INDEX "i""%" """
    with trial(database, setup) as made:
        table: Table = read_catalog(made.connection, "shop").tables["t"]
    assert table.replica_identity == 'USING INDEX "i""%"'
    assert table.key == ("a",)


def test_every_name_that_is_taken_is_known_and_who_reads_or_holds_a_table(each_database: str) -> None:
    setup = """CREATE TABLE t (id int PRIMARY KEY, a text, b text); CREATE VIEW v AS SELECT 1 AS x; CREATE SEQUENCE s;
    CREATE MATERIALIZED VIEW m AS SELECT 1 AS x; CREATE INDEX mi ON m (x); CREATE TYPE mood AS ENUM ('a');
    CREATE TABLE holder (whole t, several t[]); CREATE TYPE ct AS (id int); CREATE TABLE typed OF ct;
    CREATE PUBLICATION named FOR TABLE t (id, a), holder; CREATE PUBLICATION whole FOR TABLE typed"""
    with trial(each_database, setup) as made:
        catalog = read_catalog(made.connection, "shop")
    assert {name: catalog.relations[name] for name in ("v", "s", "m", "mi", "ct", "t_pkey")} == {
        "v": "a view", "s": "a sequence", "m": "a materialized view", "mi": "an index", "ct": "a type",
        "t_pkey": "an index",
    }  # fmt: skip
    assert catalog.types == {"mood": "a type"}
    tables = catalog.tables
    assert tables["t"].bound == (
        "shop.holder.several holds whole rows of it",
        "shop.holder.whole holds whole rows of it",
    )
    assert tables["typed"].bound == ("it is of the type shop.ct",)
    assert tables["t"].readers == (("a", "the publication named"), ("id", "the publication named"))
    assert (tables["t"].publications, tables["holder"].publications) == ((), ("named",))
    assert (tables["typed"].publications, tables["typed"].owner) == (("whole",), "postgres")
