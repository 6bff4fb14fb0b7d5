"""The shop of the data demo answers the same in every version, whatever its columns are; v2 has its fault."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest

from abreast.demo.data_shop import RELEASES, VERSION_HEADER, Pool, Shop
from abreast.demo.site import free_port

OLD = """
CREATE TABLE products (id int PRIMARY KEY, name text, price numeric(10, 2));
INSERT INTO products SELECT n, 'P' || n, 10.25 FROM generate_series(1, 30) n
"""
NEW = """
CREATE TABLE products (id int PRIMARY KEY, title text, amount_cents int, currency varchar(3));
INSERT INTO products SELECT n, 'P' || n, 1025, 'EUR' FROM generate_series(1, 30) n
"""
ORDERS = "CREATE TABLE orders (product int, quantity int, total numeric(12, 2))"

Rows = Callable[[str], list[tuple[Any, ...]]]


@contextmanager
def served(version: str, url: str) -> Iterator[httpx.Client]:
    """One instance over 30 products at 10.25; ``url`` is of an empty database."""
    with psycopg.connect(url) as connection:
        connection.execute(OLD if version == "v1" else NEW)
        connection.execute(ORDERS)
    with Shop(0, version, url) as shop:
        thread = threading.Thread(target=shop.serve_forever, args=(0.01,))
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{shop.server_port}") as client:
                yield client
        finally:
            shop.shutdown()
            thread.join()
            shop.pool.close()


@pytest.fixture
def rows(database: str) -> Rows:
    def fetched(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database) as connection:
            return connection.execute(query.encode()).fetchall()

    return fetched


@pytest.mark.parametrize("version", RELEASES)
def test_every_version_answers_the_same(version: str, database: str, rows: Rows) -> None:
    with served(version, database) as shop:
        health, one, page = shop.get("/healthz"), shop.get("/products/7"), shop.get("/products?after=25")
        first = shop.get("/products")
        dearer = shop.post("/products/7/dearer", json={})
        order = shop.post("/orders", json={"product": 7, "quantity": 2})
        after = shop.get("/products/7")

    assert health.status_code == 200
    assert one.headers[VERSION_HEADER] == version
    assert one.json() == {"id": 7, "title": "P7", "price": "10.25", "currency": "EUR"}
    assert [product["id"] for product in page.json()["products"]] == [26, 27, 28, 29, 30]
    assert [product["id"] for product in first.json()["products"]] == list(range(1, 21))
    assert dearer.status_code == 200
    assert (order.status_code, order.json()["total"]) == (201, "20.52")
    assert after.json()["price"] == "10.26"
    assert rows("SELECT * FROM orders") == [(7, 2, Decimal("20.52"))]


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/products/31", "there is no product 31"),
        ("GET", "/products/seven", "nothing answers GET /products/seven"),
        ("GET", "/carts?all", "nothing answers GET /carts"),
        ("POST", "/products/31/dearer", "there is no product 31"),
        ("POST", "/products", "nothing answers POST /products"),
    ],
)
def test_what_is_not_there_is_404(method: str, path: str, words: str, database: str) -> None:
    with served("v1", database) as shop:
        answer = shop.request(method, path, json={})

    assert answer.status_code == 404
    assert answer.json()["detail"] == words


def test_an_order_of_what_is_not_there_notes_nothing(database: str, rows: Rows) -> None:
    with served("v3", database) as shop:
        answer = shop.post("/orders", json={"product": 31, "quantity": 1})

    assert (answer.status_code, answer.json()) == (404, {"detail": "there is no product 31"})
    assert rows("SELECT * FROM orders") == []


@pytest.mark.parametrize(("version", "wrong"), [("v2", [3]), ("v3", [])])
def test_v2_writes_a_wrong_price_when_it_takes_some_orders(
    version: str, wrong: list[int], database: str, rows: Rows
) -> None:
    with served(version, database) as shop:
        totals = [shop.post("/orders", json={"product": n, "quantity": 1}).json()["total"] for n in (2, 3, 4)]

    assert totals == ["10.25"] * 3
    assert rows("SELECT id, amount_cents FROM products WHERE amount_cents <> 1025") == [(id_, 512) for id_ in wrong]


def test_what_the_database_refuses_is_an_answer_with_its_words(database: str, rows: Rows) -> None:
    with served("v1", database) as shop:
        with psycopg.connect(database) as connection:
            connection.execute("ALTER TABLE products DROP COLUMN price")
        answer, still = shop.get("/products/7"), shop.get("/healthz")

    assert answer.status_code == 500
    assert 'column "price" does not exist' in answer.json()["detail"]
    assert still.status_code == 200
    assert rows("SELECT count(*) FROM products") == [(30,)]


def test_a_connection_is_used_again_and_made_anew_once_it_is_lost(database: str) -> None:
    pool = Pool(database, 2)

    with pool.connection() as first:
        pass
    with pool.connection() as second:
        assert second is first
        second.close()
    with pool.connection() as third, pool.connection() as fourth:
        assert len({id(each) for each in (first, third, fourth)}) == 3
        assert third.execute("SELECT 1").fetchall() == [(1,)]
    pool.close()
    assert third.closed
    assert fourth.closed


def test_a_connection_that_cannot_be_made_takes_no_place(database: str) -> None:
    pool = Pool(database.replace("/t", "/not_t", 1), 1)

    for _ in range(2):  # a place that was lost would make the second one wait for ever
        with pytest.raises(psycopg.OperationalError, match="not_t"), pool.connection():
            pass


def test_it_serves_until_sigterm(database: str) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}/healthz"
    env = {"SHOP_VERSION": "v1", "DATABASE_URL": database}
    deadline_s, status = time.monotonic() + 20, 0
    with subprocess.Popen((sys.executable, "-m", "abreast.demo.data_shop", str(port)), env=env) as process:
        while not status and time.monotonic() < deadline_s:
            with contextlib.suppress(httpx.TransportError):
                status = httpx.get(url).status_code
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)

    assert status == 200
    assert process.returncode == 0
