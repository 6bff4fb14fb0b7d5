"""A database with journalled tables, and one connection for each who writes it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from abreast.postgres.connection import Connection, connected, sql
from abreast.postgres.journal import enable
from abreast.postgres.proposal import propose
from abreast.postgres.repair import repair
from abreast.schema.names import Relation
from abreast.schema.repair import Outcome

ITEMS = Relation("public", "items")
ORDERS = Relation("public", "orders")


@dataclass(frozen=True)
class JournalShop:
    """``owner`` names no version; the other two look into the schema public."""

    url: str
    owner: Connection
    v1: Connection
    v2: Connection

    @classmethod
    @contextmanager
    def open(cls, url: str) -> Iterator[Self]:
        """Its connections are closed at the end."""
        with (
            connected(url) as owner,
            connected(url, version="v1", search_path="public") as v1,
            connected(url, version="v2", search_path="public") as v2,
        ):
            yield cls(url, owner, v1, v2)

    def made(self, definition: str, *tables: Relation) -> None:
        """Run ``definition``, then journal ``tables`` (else items)."""
        self.v1.execute(sql(definition))
        enable(self.owner, tables or (ITEMS,))

    def rows(self, relation: Relation = ITEMS) -> list[str]:
        """Every row as the server writes it: what is the same here is the same to the byte."""
        found = self.owner.execute(sql(f"SELECT t::text FROM {relation.sql} t ORDER BY 1")).fetchall()  # noqa: S608  a relation quotes its names
        return [row[0] for row in found]

    def repaired(self) -> Outcome:
        """Propose for v2, and put back."""
        return repair(self.owner, propose(self.owner, "v2"))
