"""Every operation of the format, once: what each version writes then, and what both read."""

from dataclasses import dataclass
from typing import Any

SETUP = """
CREATE TABLE authors (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO authors VALUES (1, 'Woolf'), (2, 'Mann');
CREATE TABLE books (
  id int PRIMARY KEY, title text NOT NULL, price numeric(10,2) NOT NULL DEFAULT 1, note text,
  author int CONSTRAINT books_author REFERENCES authors (id), code text CONSTRAINT books_code UNIQUE,
  CONSTRAINT price_ok CHECK (price >= 0), CONSTRAINT two_ok CHECK (note <> title));
CREATE INDEX books_title ON books (title);
CREATE INDEX books_price ON books (price DESC) WHERE price > 5;
COMMENT ON COLUMN books.price IS 'in euros';
INSERT INTO books VALUES (1, 'Orlando', 9.50, NULL, 1, 'o'), (2, 'Waves', 5, 'good', 1, NULL);
"""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Case:
    """One operation. ``plain`` is the DDL that does the same in one stroke.

    ``writes``: (version, statement) in their order; ``reads``: (version, query, rows).
    """

    name: str
    migration: str
    plain: str
    writes: tuple[tuple[str, str], ...]
    reads: tuple[tuple[str, str, list[Row]], ...]
