"""Operations on columns."""

from tests.postgres.operations.case import Case

ADD_COLUMN = Case(
    "add_column",
    """
  - add_column:
      table: books
      column: {name: slug, type: text, comment: for links, check: {name: slug_ok, constraint: "slug <> ''"}}
      up: lower(title)
  - add_column: {table: books, column: {name: copies, type: integer, default: 7}}
  - add_column: {table: books, column: {name: isbn, type: varchar(9), nullable: true, unique: true}}
  - add_column:
      table: books
      column:
        name: second
        type: integer
        nullable: true
        references: {name: books_second, table: authors, column: id, on_delete: SET NULL}
""",
    """ALTER TABLE books ADD slug text NOT NULL DEFAULT 'x' CONSTRAINT slug_ok CHECK (slug <> ''),
      ADD copies int NOT NULL DEFAULT 7, ADD isbn varchar(9) UNIQUE,
      ADD second int CONSTRAINT books_second REFERENCES authors (id) ON DELETE SET NULL;
    ALTER TABLE books ALTER slug DROP DEFAULT; COMMENT ON COLUMN books.slug IS 'for links'""",
    (
        ("v1", "INSERT INTO books (id, title) VALUES (3, 'Three'), (4, 'Four')"),
        ("v2", "INSERT INTO books (id, title, slug, copies, isbn, second) VALUES (5, 'Five', 'own', 2, 'i', 2)"),
        ("v1", "UPDATE books SET title = 'FOUR' WHERE id = 4"),
        ("v1", "UPDATE books SET title = 'FIVE' WHERE id = 5"),  # its slug is the new version's own by now
        ("v2", "UPDATE books SET slug = 'waves-2', copies = 3 WHERE id = 2"),
        ("v1", "INSERT INTO books (id, title) VALUES (3, 'again') ON CONFLICT (id) DO NOTHING"),
        ("v2", "INSERT INTO books (id, title, slug) VALUES (3, 'T', 't') ON CONFLICT (id) DO UPDATE SET copies = 9"),
        ("v1", "DELETE FROM books WHERE id = 4"),
    ),
    (
        ("v1", "SELECT * FROM books WHERE id = 5", [(5, "FIVE", "1.00", None, None, None)]),
        (
            "v2",
            "SELECT id, title, slug, copies, isbn, second FROM books ORDER BY id",
            [
                (1, "Orlando", "orlando", 7, None, None),
                (2, "Waves", "waves-2", 3, None, None),
                (3, "Three", "three", 9, None, None),
                (5, "FIVE", "own", 2, "i", 2),
            ],
        ),
    ),
)

DROP_COLUMN = Case(
    "drop_column",
    """
  - drop_column: {table: books, column: price, down: "length(title)"}
  - drop_column: {table: books, column: code}
""",
    "ALTER TABLE books DROP price, DROP code",
    (
        ("v1", "INSERT INTO books (id, title, price, code) VALUES (3, 'Three', 3, 'c')"),
        ("v2", "INSERT INTO books (id, title) VALUES (4, 'Four'), (5, 'Fifth')"),
        ("v2", "UPDATE books SET title = 'Fi' WHERE id = 5"),
        ("v1", "UPDATE books SET price = 8 WHERE id = 4"),
        ("v2", "INSERT INTO books (id, title) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = 'seen'"),
        ("v2", "DELETE FROM books WHERE id = 2"),
    ),
    (
        (
            "v1",
            "SELECT * FROM books ORDER BY id",
            [
                (1, "Orlando", "9.50", "seen", 1, "o"),
                (3, "Three", "3.00", None, None, "c"),
                (4, "Four", "8.00", None, None, None),
                (5, "Fi", "2.00", None, None, None),
            ],
        ),
        ("v2", "SELECT * FROM books WHERE id IN (1, 3)", [(1, "Orlando", "seen", 1), (3, "Three", None, None)]),
    ),
)

RENAME_COLUMN = Case(
    "rename_column",
    """
  - rename_column: {table: books, from: note, to: spare}
  - rename_column: {table: books, from: title, to: note}
  - rename_column: {table: books, from: spare, to: title}
""",
    """ALTER TABLE books RENAME note TO spare; ALTER TABLE books RENAME title TO note;
    ALTER TABLE books RENAME spare TO title""",
    (
        ("v1", "INSERT INTO books (id, title, note) VALUES (3, 'Three', 'n')"),
        ("v2", "INSERT INTO books (id, note, title) VALUES (4, 'Four', 'm'), (5, 'Five', NULL)"),
        ("v2", "UPDATE books SET note = 'Waves 2' WHERE id = 2"),
        ("v2", "INSERT INTO books (id, note) VALUES (1, '') ON CONFLICT (id) DO UPDATE SET title = 'up'"),
        ("v1", "DELETE FROM books WHERE id = 5"),
    ),
    (
        (
            "v1",
            "SELECT id, title, note FROM books ORDER BY id",
            [(1, "Orlando", "up"), (2, "Waves 2", "good"), (3, "Three", "n"), (4, "Four", "m")],
        ),
        (
            "v2",
            "SELECT id, title, note FROM books ORDER BY id",
            [(1, "up", "Orlando"), (2, "good", "Waves 2"), (3, "n", "Three"), (4, "m", "Four")],
        ),
    ),
)

ALTER_TYPE = Case(
    "alter_column type",
    """
  - alter_column: {table: books, column: price, type: bigint, up: (price * 100)::bigint, down: price / 100.0}
  - alter_column: {table: books, column: title, comment: on the cover, default: "'untitled'"}
  - rename_column: {table: books, from: price, to: cents}
""".replace("down: price / 100.0", "down: cents / 100.0"),
    """ALTER TABLE books ALTER price TYPE bigint USING (price * 100)::bigint;
    COMMENT ON COLUMN books.title IS 'on the cover'; ALTER TABLE books ALTER title SET DEFAULT 'untitled';
    ALTER TABLE books RENAME price TO cents""",
    (
        ("v1", "INSERT INTO books (id, title, price) VALUES (3, 'Three', 3.33), (4, 'Four', DEFAULT)"),
        ("v2", "INSERT INTO books (id, title, cents) VALUES (5, 'Five', 555), (6, DEFAULT, 666)"),
        ("v1", "UPDATE books SET price = price + 1 WHERE id IN (3, 5)"),
        ("v2", "UPDATE books SET cents = cents + 1 WHERE id IN (4, 5)"),
        ("v1", "INSERT INTO books VALUES (1, 'x', 2) ON CONFLICT (id) DO UPDATE SET price = EXCLUDED.price"),
        ("v2", "INSERT INTO books (id, cents) VALUES (2, 250) ON CONFLICT (id) DO UPDATE SET cents = EXCLUDED.cents"),
        ("v2", "INSERT INTO books (id, cents) VALUES (2, 0) ON CONFLICT DO NOTHING"),
        ("v2", "DELETE FROM books WHERE id = 6"),
    ),
    (
        (
            "v1",
            "SELECT id, title, price FROM books ORDER BY id",
            [
                (1, "Orlando", "2.00"),
                (2, "Waves", "2.50"),
                (3, "Three", "4.33"),
                (4, "Four", "1.01"),
                (5, "Five", "6.56"),
            ],
        ),
        ("v2", "SELECT id, cents FROM books ORDER BY id", [(1, 200), (2, 250), (3, 433), (4, 101), (5, 656)]),
    ),
)

ALTER_RULES = Case(
    "alter_column rules",
    """
  - alter_column: {table: books, column: note, nullable: false, up: "coalesce(note, 'none')"}
  - alter_column:
      table: books
      column: code
      unique: {name: books_code_too}
      check: {name: code_short, constraint: length(code) < 9}
      up: code
  - alter_column: {table: books, column: title, nullable: true, down: "coalesce(title, '?')"}
  - alter_column:
      table: books
      column: author
      references: {name: books_author_too, table: authors, column: id, on_delete: CASCADE}
      up: author
      default: 2
""",
    """UPDATE books SET note = 'none' WHERE note IS NULL;
    ALTER TABLE books ALTER note SET NOT NULL, ADD CONSTRAINT books_code_too UNIQUE (code),
      ADD CONSTRAINT code_short CHECK (length(code) < 9), ALTER title DROP NOT NULL, ALTER author SET DEFAULT 2,
      ADD CONSTRAINT books_author_too FOREIGN KEY (author) REFERENCES authors (id) ON DELETE CASCADE""",
    (
        ("v1", "INSERT INTO books (id, title) VALUES (3, 'Three')"),
        ("v2", "INSERT INTO books (id, title, note, code) VALUES (4, NULL, 'n', 'four')"),
        ("v1", "UPDATE books SET note = 'now' WHERE id = 3"),
        ("v1", "UPDATE books SET note = NULL WHERE id = 2"),
        ("v2", "UPDATE books SET title = 'there' WHERE id = 4"),
        ("v2", "UPDATE books SET title = NULL WHERE id = 1"),
        ("v2", "INSERT INTO books (id, note, code) VALUES (9, 'x', 'o') ON CONFLICT (code) DO UPDATE SET note = 'hit'"),
    ),
    (
        (
            "v1",
            "SELECT id, title, note, author, code FROM books ORDER BY id",
            [
                (1, "?", "hit", 1, "o"),
                (2, "Waves", None, 1, None),
                (3, "Three", "now", None, None),
                (4, "there", "n", 2, "four"),
            ],
        ),
        (
            "v2",
            "SELECT id, title, note, author, code FROM books ORDER BY id",
            [
                (1, None, "hit", 1, "o"),
                (2, "Waves", "none", 1, None),
                (3, "Three", "now", None, None),
                (4, "there", "n", 2, "four"),
            ],
        ),
    ),
)

COLUMNS = [ADD_COLUMN, DROP_COLUMN, RENAME_COLUMN, ALTER_TYPE, ALTER_RULES]
