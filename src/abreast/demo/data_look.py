"""What the data demo sees in the database itself, by plain SQL: its promises do not hang on abreast's word."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, LiteralString

import psycopg
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from abreast.model.data_settings import default_role
from abreast.postgres.connection import connected
from abreast.schema.journal import JOURNAL, REPAIR_VERSION
from abreast.schema.views import view_schema

Known = Mapping[int, tuple[str, Decimal]]
"""Products as v1 sees them: name and price by number."""

_KNOWN: Final = "SELECT id, name, price FROM {old}"
_AGREEMENT: Final = """
SELECT count(*), count(*) FILTER (
    WHERE (a.name, a.price, 'EUR') IS DISTINCT FROM (b.title, b.amount_cents / 100.0, b.currency)
)
FROM {old} a FULL JOIN {new} b USING (id)
"""
_WRITES: Final = """
SELECT count(*), count(DISTINCT key),
    coalesce(extract(epoch FROM min(at)), 0)::float8, coalesce(extract(epoch FROM max(at)), 0)::float8
FROM {journal} WHERE version = %s AND table_name = 'products' AND extract(epoch FROM at) >= %s
"""
_REPAIRED: Final = "SELECT DISTINCT key::text FROM {journal} WHERE version = %s AND table_name = 'products'"
_COLUMNS: Final = """
SELECT column_name::text FROM information_schema.columns
WHERE (table_schema, table_name) = ('public', 'products') ORDER BY 1
"""
_WRITE: Final = "UPDATE products SET amount_cents = amount_cents WHERE id = 1"


@dataclass(frozen=True)
class Agreement:
    """One look at every product through both versions' views: how many there are, how many contradict themselves."""

    when: str
    rows: int
    contradicting: int


@dataclass(frozen=True)
class Writes:
    """What the journal has of a version: writes, the products they were to, the first's and last's Unix second."""

    count: int
    products: int
    first_s: float
    last_s: float


class DataLook:
    """``url`` is the superuser's. Each look is a session of its own, and takes some 100 ms. DatabaseError."""

    def __init__(self, url: str) -> None:
        self._url = url

    def known(self) -> Known:
        """Every product as v1 sees it now."""
        return {number: (name, price) for number, name, price in self._rows(_KNOWN)}

    def agreement(self, when: str, new: str) -> Agreement:
        """Whether v1 and the new version are told the same of every product, in one statement."""
        ((rows, contradicting),) = self._rows(_AGREEMENT, new=new)
        return Agreement(when, rows, contradicting)

    def writes(self, version: str, since_s: float = 0.0) -> Writes:
        """What the version wrote to products since that Unix second."""
        (row,) = self._rows(_WRITES, version, since_s)
        return Writes(*row)

    def repaired(self) -> frozenset[str]:
        """The keys, as JSON texts, of all products that a repair wrote."""
        return frozenset(key for (key,) in self._rows(_REPAIRED, REPAIR_VERSION))

    def columns(self) -> tuple[str, ...]:
        """The columns of the table itself, in alphabetical order."""
        return tuple(name for (name,) in self._rows(_COLUMNS))

    def refusal(self, service: str, version: str) -> str:
        """The server's words to a write by the version's role; empty where it takes the write, which is not kept."""
        with psycopg.connect(self._url, user=default_role(service, version)) as session:
            try:
                session.execute(_WRITE)
            except psycopg.errors.InsufficientPrivilege as error:
                return str(error).strip()
            finally:
                session.rollback()
        return ""

    def _rows(self, query: LiteralString, *parameters: object, new: str = "") -> list[TupleRow]:
        names = {
            "old": Identifier(view_schema("public", "v1"), "products"),
            "new": Identifier(view_schema("public", new), "products"),
            "journal": Identifier(JOURNAL.schema, JOURNAL.name),
        }
        with connected(self._url) as session:
            return session.execute(SQL(query).format(**names), parameters or None).fetchall()


def changed(before: Known, after: Known, numbers: Iterable[int]) -> tuple[int, ...]:
    """Which of these products are not exactly what they were."""
    return tuple(number for number in numbers if before.get(number) != after.get(number))
