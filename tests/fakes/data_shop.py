"""A service with a spec in a directory and its rows in a real database: what tests of ``abreast data`` share."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import psycopg

from abreast.operations.data import Data, opened
from abreast.postgres.connection import Connection, sql
from abreast.spec_source import load_spec

DEADLINE_S: Final = 10.0
CENTS: Final = """operations:
  - alter_column:
      table: products
      column: price
      type: bigint
      up: (price * 100)::bigint
      down: price / 100.0
"""
NOTE: Final = "operations: [{add_column: {table: products, column: {name: note, type: text, nullable: true}}}]\n"
BEFORE: Final = """
CREATE TABLE public.products (id int PRIMARY KEY, name text, price numeric(10,2));
INSERT INTO public.products VALUES (1, 'a', 1), (2, 'b', 2.5), (3, 'c', 0.07)
"""
CONTRADICTION: Final = "UPDATE products SET _abreast_price = _abreast_price + 1"
"""Past the triggers, to be said with ``abreast.version`` of abreast's own."""


@dataclass
class DataShop:
    """``directory`` has the spec, ``url`` is the superuser's; v1 runs, v2 wants prices in cents."""

    directory: Path
    url: str
    told: list[tuple[str, float | None]] = field(default_factory=list)

    @classmethod
    def made(cls, directory: Path, url: str) -> Self:
        """With three products."""
        shop = cls(directory, url)
        shop.write("cents.yaml", CENTS)
        shop.spec()
        shop.run(BEFORE)
        return shop

    def write(self, name: str, text: str) -> Path:
        """A file of the directory."""
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def spec(self, *versions: str, stable: str = "v1", **data: object) -> None:
        """Write the spec: these versions (v1 and v2 if none is named), v2 with the migration unless said otherwise."""
        keys = {"url": self.url, "unused_for": "0s", "migrations": {"v2": "cents.yaml"}, **data}
        spec = {
            "service": "shop",
            "stable": stable,
            "versions": {name: {"run": "true"} for name in versions or ("v1", "v2")},
            "data": {key: value for key, value in keys.items() if value is not None},
        }
        self.write("abreast.yaml", json.dumps(spec))

    @contextmanager
    def opened(self) -> Iterator[Data]:
        """As the spec is now."""
        with opened(
            load_spec(self.directory / "abreast.yaml"), lambda what, share: self.told.append((what, share))
        ) as data:
            yield data

    def run(self, *statements: str, user: str = "postgres") -> list[tuple[Any, ...]]:
        """The rows of the last statement, in a session that is over then."""
        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(self.url, user=user, autocommit=True) as session:
            for statement in statements:
                found = session.execute(sql(statement))
                rows = found.fetchall() if found.description else []
        self._left(user)
        return rows

    @contextmanager
    def session(self, user: str) -> Iterator[Connection]:
        """A session that lasts."""
        with psycopg.connect(self.url, user=user, autocommit=True) as session:
            yield session
        self._left(user)

    def contradict(self, where: str = "true") -> None:
        """Make the new side of these rows another than the old one's."""
        self.run("SET abreast.version = '~repair'", f"{CONTRADICTION} WHERE {where}")

    def sides(self) -> list[tuple[Any, ...]]:
        """The prices of all products by v1's and by v2's side."""
        return self.run("SELECT id, price::text, _abreast_price FROM products ORDER BY id")

    def _left(self, user: str) -> None:
        """The server has seen the session end."""
        if user == "postgres":
            return
        with psycopg.connect(self.url, autocommit=True) as session:
            deadline = time.monotonic() + DEADLINE_S
            while session.execute("SELECT FROM pg_stat_activity WHERE usename = %s", [user]).fetchone() is not None:
                assert time.monotonic() < deadline, f"{user} is still connected"
                time.sleep(0.005)
