"""Operations on constraints."""

from tests.postgres.operations.case import Case

CREATE_CONSTRAINT = Case(
    "create_constraint",
    """
  - create_constraint:
      table: books
      name: note_or_code
      type: check
      columns: [note, code]
      check: note IS NOT NULL OR code IS NOT NULL
      up: {note: "coalesce(note, '-')", code: code}
      down: {note: "nullif(note, '-')", code: code}
  - create_constraint:
      table: books
      name: books_pair
      type: unique
      columns: [id, title]
      up: {id: id, title: title}
      down: {id: id, title: title}
  - create_constraint:
      table: books
      name: books_author_strict
      type: foreign_key
      columns: [author]
      references: {table: authors, columns: [id], on_delete: CASCADE}
      up: {author: "(SELECT id FROM authors WHERE id = author)"}
      down: {author: author}
""",
    """UPDATE books SET note = coalesce(note, '-');
    ALTER TABLE books ADD CONSTRAINT note_or_code CHECK (note IS NOT NULL OR code IS NOT NULL),
      ADD CONSTRAINT books_pair UNIQUE (id, title),
      ADD CONSTRAINT books_author_strict FOREIGN KEY (author) REFERENCES authors (id) ON DELETE CASCADE""",
    (
        ("v1", "INSERT INTO books (id, title) VALUES (3, 'Three')"),
        ("v2", "INSERT INTO books (id, title, note, author) VALUES (4, 'Four', '-', 2)"),
        ("v1", "UPDATE books SET note = 'n', author = 2 WHERE id = 3"),
        ("v2", "UPDATE books SET note = '-' WHERE id = 2"),
    ),
    (
        (
            "v1",
            "SELECT id, note, author FROM books ORDER BY id",
            [(1, None, 1), (2, None, 1), (3, "n", 2), (4, None, 2)],
        ),
        (
            "v2",
            "SELECT id, note, author FROM books ORDER BY id",
            [(1, "-", 1), (2, "-", 1), (3, "n", 2), (4, "-", 2)],
        ),
    ),
)

DROP_CONSTRAINT = Case(
    "drop_constraint",
    "  - drop_constraint: {table: books, name: price_ok, up: price, down: abs(price)}\n",
    "ALTER TABLE books DROP CONSTRAINT price_ok",
    (
        ("v1", "INSERT INTO books (id, title, price) VALUES (3, 'Three', 3)"),
        ("v2", "INSERT INTO books (id, title, price) VALUES (4, 'Four', -4)"),
        ("v2", "UPDATE books SET price = -2 WHERE id = 2"),
        ("v1", "UPDATE books SET price = 7 WHERE id = 4"),
    ),
    (
        ("v1", "SELECT id, price FROM books ORDER BY id", [(1, "9.50"), (2, "2.00"), (3, "3.00"), (4, "7.00")]),
        ("v2", "SELECT id, price FROM books ORDER BY id", [(1, "9.50"), (2, "-2.00"), (3, "3.00"), (4, "7.00")]),
    ),
)

DROP_MULTICOLUMN_CONSTRAINT = Case(
    "drop_multicolumn_constraint",
    """
  - drop_multicolumn_constraint:
      table: books
      name: two_ok
      up: {note: note, title: title}
      down: {title: title, note: "nullif(note, title)"}
""",
    "ALTER TABLE books DROP CONSTRAINT two_ok",
    (
        ("v2", "INSERT INTO books (id, title, note) VALUES (3, 'same', 'same')"),
        ("v1", "UPDATE books SET note = 'own' WHERE id = 1"),
        ("v2", "UPDATE books SET title = 'good' WHERE id = 2"),
    ),
    (
        (
            "v1",
            "SELECT id, title, note FROM books ORDER BY id",
            [(1, "Orlando", "own"), (2, "good", None), (3, "same", None)],
        ),
        (
            "v2",
            "SELECT id, title, note FROM books ORDER BY id",
            [(1, "Orlando", "own"), (2, "good", "good"), (3, "same", "same")],
        ),
    ),
)

RENAME_CONSTRAINT = Case(
    "rename_constraint",
    """
  - rename_constraint: {table: books, from: books_code, to: books_code_once}
  - rename_constraint: {table: books, from: price_ok, to: price_positive}
  - alter_column: {table: books, column: price, type: integer, up: price::integer, down: price::numeric}
""",
    """ALTER TABLE books RENAME CONSTRAINT books_code TO books_code_once;
    ALTER TABLE books RENAME CONSTRAINT price_ok TO price_positive;
    ALTER TABLE books ALTER price TYPE integer""",
    (("v2", "INSERT INTO books (id, title, price) VALUES (3, 'Three', 3)"),),
    (("v1", "SELECT id, price FROM books ORDER BY id", [(1, "9.50"), (2, "5.00"), (3, "3.00")]),),
)

CONSTRAINTS = [CREATE_CONSTRAINT, DROP_CONSTRAINT, DROP_MULTICOLUMN_CONSTRAINT, RENAME_CONSTRAINT]
