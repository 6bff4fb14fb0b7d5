"""One database and several servers: whoever decides has its hand in it, and nobody who decided before."""

import signal
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
import pytest

from tests.fleet.servers import Crowd, Server, Site, kinds, site

MIGRATION = """
operations:
  - alter_column:
      table: products
      column: price
      type: integer
      up: (price * 100)::integer
      down: price / 100.0
"""
ROWS = 20_000
ROLLOUT = {
    "steps": [{"expand": True}, {"weight": "20%", "for": "2s"}, {"hold": "1h"}],
    "step_time": {"at_least": "1s", "at_most": "2s"},
    "on_timeout": "promote-unproven",
}


def run(database: str, text: str, user: str = "postgres") -> list[tuple[object, ...]]:
    """Run it as that role."""
    with psycopg.connect(database, user=user, autocommit=True) as connection:
        found = connection.execute(text.encode())
        return found.fetchall() if found.description else []


@pytest.fixture
def three(short_tmp: Path, database: str) -> Iterator[Site]:
    """Servers that share a database with products in it; the backfill takes its time."""
    run(database, "CREATE TABLE public.products (id int PRIMARY KEY, price numeric(10,2) NOT NULL)")
    run(database, "INSERT INTO public.products SELECT n, n FROM generate_series(1, 20000) n")
    with site(short_tmp, database) as made:
        for name in "abc":
            server = made.add(name, ROLLOUT)
            (server.directory / "m.yaml").write_text(MIGRATION, encoding="utf-8")
            server.spec["data"] = {"url": database, "migrations": {"v2": "m.yaml"}, "backfill": {"pause": 30}}
            server.write()
            server.up(wait=False)
        for server in made.servers:
            server.until_said(" is up: ", 45)
        yield made


def says(server: Server, words: str) -> bool:
    """Whether it shows that of the database."""
    return any(words in each for each in server.status()["data"])


def until_all(three: list[Server], true: Callable[[Server], bool], timeout_s: float = 30.0) -> None:
    """Wait until that is so at each."""
    for each in three:
        each.until(partial(true, each), timeout_s)


def under_way(three: Site) -> tuple[Server, list[Server]]:
    """Who decides and who follows, once the backfill is under way and all tell of it."""
    first = three.decider()
    others = [each for each in three.servers if each is not first]
    others[0].give("start", version="v2")
    until_all(three.servers, lambda each: says(each, "rows filled"))
    return first, others


def test_a_migration_goes_on_where_a_killed_server_was_and_all_tell_of_it(three: Site, database: str) -> None:
    first, others = under_way(three)
    with Crowd(others[0].port) as users:
        first.kill()
        second = three.decider(others)
        until_all(others, lambda each: says(each, "v1 and v2 may write"))
        until_all(others, lambda each: each.status()["weight"] == 2000)
        until_all(others, lambda each: says(each, f"0 of {ROWS:,} rows contradict themselves"))
        run(database, "ALTER TABLE products DISABLE TRIGGER USER; UPDATE products SET price = 1 WHERE id = 7")
        run(database, "ALTER TABLE products ENABLE TRIGGER USER")
        until_all(others, lambda each: each.status()["phase"] == "rolled-back")
        until_all(others, lambda each: says(each, "v2 is fenced and only reads"))
    assert users.failures == []
    told = [each["reason"] for each in kinds(second, "data")]
    assert [each.split(" (")[0] for each in told] == ["v2 can run beside v1", "v2 may write nothing any more"]
    assert "rows contradict themselves between v1 and v2" in second.status()["reason"]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(database, "UPDATE products SET price = 1 WHERE id = 1", "shop_v2")


def test_a_server_that_stood_still_has_no_hand_in_it_when_it_goes_on(three: Site, database: str) -> None:
    first, others = under_way(three)
    first.signal(signal.SIGSTOP)
    three.decider(others)
    until_all(others, lambda each: says(each, "v1 and v2 may write"))
    assert hands(database) == {2}, "what the one before had begun is ended, whatever it does"
    first.signal(signal.SIGCONT)
    first.until(lambda: not first.decides() and says(first, "v1 and v2 may write"))
    until_all(three.servers, lambda each: each.status()["weight"] == 2000)
    assert hands(database) == {2}
    assert run(database, "SELECT token FROM abreast.hand") == [(2,)]
    assert run(database, "SELECT count(*), sum(price) FROM products", "shop_v2") == [(ROWS, 50 * ROWS * (ROWS + 1))]


def hands(database: str) -> set[int]:
    """The tokens under which somebody is connected, once somebody is."""
    query = "SELECT DISTINCT split_part(application_name, ' ', 3)::int FROM pg_stat_activity "
    limit = time.monotonic() + 10.0
    while not (found := run(database, query + "WHERE application_name LIKE 'abreast hand %'")):
        assert time.monotonic() < limit, "nobody looks after the database"
        time.sleep(0.05)
    return {int(str(row[0])) for row in found}
