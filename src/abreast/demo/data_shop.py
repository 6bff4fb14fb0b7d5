"""The shop of the data demo: products in PostgreSQL, read and written by several versions at once.

``python -m abreast.demo.data_shop PORT`` with ``SHOP_VERSION`` (v1, v2, v3) and ``DATABASE_URL``, which is all that
differs in how they connect. What users get is the same of all versions; the columns behind it are not.
"""

import json
import os
import queue
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, LiteralString, NoReturn, cast

import psycopg
from psycopg.rows import TupleRow

VERSION_HEADER: Final = "x-shop-version"
CONNECTIONS: Final = 4
"""To the database, of each instance."""
BAD_EACH: Final = 3
"""v2's fault hits products with a number that this divides."""

_PAGE: Final = 20

Json = dict[str, Any]  # Any: JSON
Connection = psycopg.Connection[TupleRow]


@dataclass(frozen=True)
class Release:
    """What a version says to the database.

    ``one`` and ``page`` give rows of number, title, price and currency; ``dearer`` adds a cent to a price. ``ordered``
    is said after an order, if its number is divided by `BAD_EACH`; empty for nothing.
    """

    one: LiteralString
    page: LiteralString
    dearer: LiteralString
    ordered: LiteralString = ""


_OLD: Final[LiteralString] = "SELECT id, name, price, 'EUR' FROM products"
_NEW: Final[LiteralString] = "SELECT id, title, (amount_cents / 100.0)::numeric(12, 2), currency FROM products"
_ONE: Final[LiteralString] = " WHERE id = %(id)s"
_AFTER: Final[LiteralString] = " WHERE id > %(id)s ORDER BY id LIMIT %(limit)s"
_DEARER: Final[LiteralString] = "UPDATE products SET amount_cents = amount_cents + 1 WHERE id = %(id)s"

RELEASES: Final[Mapping[str, Release]] = {
    "v1": Release(_OLD + _ONE, _OLD + _AFTER, "UPDATE products SET price = price + 0.01 WHERE id = %(id)s"),
    # The planted fault: a discount that was meant for the order is written to the product.
    "v2": Release(
        _NEW + _ONE, _NEW + _AFTER, _DEARER, "UPDATE products SET amount_cents = amount_cents / 2 WHERE id = %(id)s"
    ),
    "v3": Release(_NEW + _ONE, _NEW + _AFTER, _DEARER),
}


class Pool:
    """At most so many connections; made when they are first needed, and again where one is lost."""

    def __init__(self, url: str, size: int = CONNECTIONS) -> None:
        self._url = url
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One that nobody else has meanwhile; waits until there is one."""
        connection = self._free.get()
        try:
            if connection is None:
                connection = psycopg.connect(self._url, autocommit=True)
            yield connection
        finally:
            self._free.put(None if connection is None or connection.closed else connection)

    def close(self) -> None:
        """Close those that nobody has."""
        while not self._free.empty():
            connection = self._free.get()
            if connection is not None:
                connection.close()


class Shop(ThreadingHTTPServer):
    """One instance, on a port of the loopback address."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, version: str, url: str) -> None:
        """KeyError for a version that there is not."""
        self.version = version
        self.release = RELEASES[version]
        self.pool = Pool(url)
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    """Answers in JSON; 404 for what there is not, 500 with the database's words."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave together
    disable_nagle_algorithm = True

    @property
    def shop(self) -> Shop:
        """The instance whose request this is."""
        return cast("Shop", self.server)  # nothing else makes handlers

    def do_GET(self) -> None:
        """``/healthz``, ``/products?after=N``, ``/products/N``."""
        self._answered({})

    def do_POST(self) -> None:
        """``/orders`` with a product and a quantity, ``/products/N/dearer``."""
        length = int(self.headers.get("content-length") or 0)
        self._answered(json.loads(self.rfile.read(length) or b"{}"))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: an access log of the demo would say what the users' line says."""

    def _answered(self, body: Json) -> None:
        try:
            with self.shop.pool.connection() as connection:
                status, content = self._done(connection, body)
        except psycopg.Error as error:
            sys.stderr.write(f"{self.command} {self.path}: {error}\n")
            status, content = 500, {"detail": str(error).strip()}
        text = json.dumps(content, default=str).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.send_header(VERSION_HEADER, self.shop.version)
        self.end_headers()
        self.wfile.write(text)

    def _done(self, connection: Connection, body: Json) -> tuple[int, Json]:
        path, _, query = self.path.partition("?")
        release = self.shop.release
        match self.command, path.strip("/").split("/"):
            case "GET", ["healthz"]:
                connection.execute("SELECT 1")
                return 200, {"status": "ok"}
            case "GET", ["products"]:
                after = query.removeprefix("after=")
                rows = connection.execute(
                    release.page, {"id": int(after) if after.isdecimal() else 0, "limit": _PAGE}
                ).fetchall()
                return 200, {"products": [_product(row) for row in rows]}
            case "GET", ["products", number] if number.isdecimal():
                row = connection.execute(release.one, {"id": int(number)}).fetchone()
                return (200, _product(row)) if row else (404, {"detail": f"there is no product {number}"})
            case "POST", ["products", number, "dearer"] if number.isdecimal():
                changed = connection.execute(release.dearer, {"id": int(number)}).rowcount
                return (200, {"id": int(number)}) if changed else (404, {"detail": f"there is no product {number}"})
            case "POST", ["orders"]:
                return _order(connection, release, int(body["product"]), int(body["quantity"]))
        return 404, {"detail": f"nothing answers {self.command} {path}"}


def _product(row: TupleRow) -> Json:
    return dict(zip(("id", "title", "price", "currency"), row, strict=True))


def _order(connection: Connection, release: Release, product: int, quantity: int) -> tuple[int, Json]:
    """Note the order with its total, in one transaction with all that the version believes belongs to it."""
    with connection.transaction():
        row = connection.execute(release.one, {"id": product}).fetchone()
        if row is None:
            return 404, {"detail": f"there is no product {product}"}
        total = row[2] * quantity
        connection.execute(
            "INSERT INTO orders (product, quantity, total) VALUES (%s, %s, %s)", (product, quantity, total)
        )
        if release.ordered and product % BAD_EACH == 0:
            connection.execute(release.ordered, {"id": product})
    return 201, {"product": product, "quantity": quantity, "total": total}


def main() -> None:
    """Serve until SIGTERM."""

    def end(_number: int, _frame: object) -> NoReturn:
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    with Shop(int(sys.argv[1]), os.environ["SHOP_VERSION"], os.environ["DATABASE_URL"]) as shop:
        shop.serve_forever()


if __name__ == "__main__":
    main()
