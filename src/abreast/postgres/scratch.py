"""Empty temporary tables to try the SQL of a migration on, in a transaction that is rolled back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg

from abreast.model.errors import Fault
from abreast.postgres.connection import Connection, sql
from abreast.schema.catalog import Column
from abreast.schema.names import ident
from abreast.schema.place import Place

ROW: Final = 'pg_temp."~row"'


class Scratch:
    """One session's; ``faults`` are what the server refused. ``schema`` is where a person's SQL looks for names."""

    def __init__(self, connection: Connection, schema: str) -> None:
        self.connection = connection
        self.schema = schema
        self.faults: list[Fault] = []

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Nothing of what is done inside remains."""
        with self.connection.transaction(force_rollback=True):
            yield

    @contextmanager
    def trying(self, place: Place, what: str) -> Iterator[None]:
        """What the server refuses becomes a fault, and nothing else of what was done inside remains."""
        try:
            with self.connection.transaction(force_rollback=True):
                yield
        except psycopg.Error as error:
            said = error.diag.message_primary or str(error)
            hint = error.diag.message_hint or "see what the server says; test it with: SELECT … FROM the table"
            self.faults.append(place.fault(f"{what} cannot be used: {said}", hint))

    def run(self, text: str) -> None:
        """A statement of our own."""
        self.connection.execute(sql(text))

    def written(self, text: str) -> None:
        """SQL with parts that a person wrote: read with their schema on the search path."""
        self.run(f"SET LOCAL search_path = {ident(self.schema)}, public")
        self.run(text)
        self.run("SET LOCAL search_path = pg_catalog")

    def one(self, text: str, **parameters: object) -> str:
        """The one value of a question, as text."""
        row = self.connection.execute(sql(text), parameters).fetchone()
        return "" if row is None else str(row[0])

    def make_row(self, columns: Mapping[str, Column]) -> None:
        """`ROW`, an empty table with these columns."""
        listed = ", ".join(
            f"{ident(known)} {column.type}" + (f" COLLATE {column.collation}" if column.collation else "")
            for known, column in columns.items()
        )
        self.run(f'CREATE TEMP TABLE "~row" ({listed})')

    def rename_row(self, to: Mapping[str, str]) -> None:
        """Give its columns the names of the real table; in two steps, as names may be swapped."""
        changing = {known: physical for known, physical in to.items() if known != physical}
        for number, known in enumerate(changing):
            self.run(f"ALTER TABLE {ROW} RENAME COLUMN {ident(known)} TO {ident(f'~{number}')}")
        for number, physical in enumerate(changing.values()):
            self.run(f"ALTER TABLE {ROW} RENAME COLUMN {ident(f'~{number}')} TO {ident(physical)}")
