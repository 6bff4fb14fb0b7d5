"""What a bad version wrote is put back to the byte; what is not its own is never touched."""

from collections.abc import Iterator

import psycopg
import pytest

from abreast.model.errors import DatabaseError, RefusedError
from abreast.postgres.connection import sql
from abreast.postgres.patience import Patience
from abreast.postgres.proposal import propose
from abreast.postgres.repair import repair
from abreast.schema.repair import Outcome, Verdict
from tests.fakes.journal_shop import ITEMS, ORDERS, JournalShop

NOTHING = Outcome(0, ())


@pytest.fixture
def shop(database: str) -> Iterator[JournalShop]:
    with JournalShop.open(database) as made:
        yield made


@pytest.fixture
def each_shop(each_database: str) -> Iterator[JournalShop]:
    with JournalShop.open(each_database) as made:
        yield made


TYPES = """
CREATE TYPE mood AS ENUM ('good', 'bad'); CREATE TYPE pair AS (a integer, b jsonb);
CREATE DOMAIN doc AS jsonb CHECK (jsonb_typeof(VALUE) <> 'string');
CREATE TABLE items (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n numeric, f float8, r real, b bytea, at timestamptz,
    ts timestamp, d date, a integer[], texts text[], m mood, rg int4range, mr nummultirange, j jsonb, js json, p pair,
    dm doc, iv interval, c char(5), u uuid, bits bit varying, ip inet, big bigint,
    g integer GENERATED ALWAYS AS (length(c)) STORED);
INSERT INTO items (n, f, r, b, at, ts, d, a, texts, m, rg, mr, j, js, p, dm, iv, c, u, bits, ip, big) VALUES
  ('1.500', '-0', 'infinity', '\\x00ff5c', '2026-03-29 01:30:00.123456+01', 'infinity', '0044-03-15 BC',
   '[2:3]={1,NULL}', '{"a\\"b",NULL,""}', 'good', '[1,5)', '{[1,2),[3,4]}', 'null', ' {"b": 1,"b":  2}', '(1,"[1]")',
   '{"x": 1.00}', '1 mon -2 days 03:04:05.6', 'ab', '00000000-0000-0000-0000-000000000001', '0101', '::1/64',
   9223372036854775807),
  ('NaN', 'NaN', '-infinity', '', '-infinity', '2026-01-01', 'infinity', '{}', '{}', 'bad', 'empty', '{}',
   '"text"', 'null', '(,)', 'null', '0', '', NULL, '', '10.0.0.0/8', -9223372036854775808),
  (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
   NULL, NULL, NULL),
  ('-Infinity', '0.1', '1e-45', '\\xdead', '294276-12-31 23:59:59+00', '4713-01-01 00:00:00 BC', '2026-02-28',
   '{{1,2},{3,4}}', '{NULL}', 'good', '(,)', '{(,)}', '{"deep": [1.0, {"x": null}]}', '"\\\\u0041"', '("2","null")',
   '[]', '-1 year', 'abcde', NULL, '1', '1.2.3.4', 0)"""


@pytest.mark.parametrize("write", ["UPDATE items SET {changed}", "DELETE FROM items"])
def test_values_of_all_types_come_back_to_the_byte(each_shop: JournalShop, write: str) -> None:
    each_shop.made(TYPES)
    before = each_shop.rows()
    changed = (
        "n = 7, f = 7, r = 7, b = '7', at = now(), ts = now(), d = now(), a = '{7}', texts = '{7}', m = 'bad',"
        " rg = '[7,8)',"
        " mr = '{[7,7]}', j = '7', js = '7', p = '(7,7)', dm = '7', iv = '7 s', c = '7', u = gen_random_uuid(),"
        " bits = '111',"
        " ip = '7.7.7.7', big = 7"
    )
    each_shop.v2.execute("SET TimeZone = 'America/New_York'; SET extra_float_digits = -5; SET DateStyle = 'SQL'")
    each_shop.v2.execute(sql(write.format(changed=changed)))
    assert each_shop.rows() != before
    assert each_shop.repaired() == Outcome(4, ())
    assert each_shop.rows() == before
    assert each_shop.repaired() == NOTHING


def test_columns_may_be_called_as_anything(shop: JournalShop) -> None:
    """Also as an alias in a statement of ours, or with what means a parameter elsewhere."""
    columns = ", ".join(f"{name} text" for name in ("t", "c", "p", "r", "e", "n", "b", "o", '"%(images)s %s"'))
    shop.made(
        f"CREATE TABLE items (id integer PRIMARY KEY, {columns}, t2 text UNIQUE DEFERRABLE);"
        f"CREATE TABLE orders (id integer PRIMARY KEY, {columns}, item integer REFERENCES items);"
        "INSERT INTO items (id, t, \"%(images)s %s\") VALUES (1, 'keep', '%s')",
        *(ITEMS, ORDERS),
    )
    before = shop.rows(), shop.rows(ORDERS)
    shop.v2.execute(sql("UPDATE items SET t = 'bad', \"%(images)s %s\" = 'bad'"))
    shop.v2.execute("INSERT INTO items (id, c) VALUES (2, 'x')")
    shop.v2.execute("INSERT INTO orders (id, c, item) VALUES (1, 'x', 2)")
    assert shop.repaired() == Outcome(3, ())
    assert (shop.rows(), shop.rows(ORDERS)) == before


def test_repairs_are_journalled_as_such(shop: JournalShop) -> None:
    shop.made("CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')")
    shop.v2.execute("UPDATE items SET name = 'b'")
    proposal = propose(shop.owner, "v2")
    assert repair(shop.owner, proposal).restored == 1
    entry = shop.owner.execute(
        "SELECT version, request_id, new ->> 'name' FROM abreast.journal ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    assert entry == ("~repair", f"undo:{proposal.rows[0].id}", "a")
    # The same proposal again, after somebody made the row look bad again: it is done, and stays as it is.
    shop.v1.execute("UPDATE items SET name = 'b'")
    assert repair(shop.owner, proposal) == NOTHING
    assert shop.owner.execute("SHOW session_replication_role").fetchone() == ("origin",)


def test_a_family_deleted_by_cascade_comes_back(each_shop: JournalShop) -> None:
    each_shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY, boss integer REFERENCES items ON DELETE CASCADE);"
        "CREATE TABLE orders (id integer PRIMARY KEY, item integer REFERENCES items ON DELETE CASCADE);"
        "INSERT INTO items VALUES (1, NULL), (2, 1), (3, 2), (4, 1);"
        " INSERT INTO orders SELECT n, n FROM generate_series(1, 4) n",
        ITEMS,
        ORDERS,
    )
    before = each_shop.rows(), each_shop.rows(ORDERS)
    each_shop.v2.execute("DELETE FROM items WHERE id = 1")
    assert each_shop.rows() == []
    assert each_shop.repaired() == Outcome(8, ())
    assert (each_shop.rows(), each_shop.rows(ORDERS)) == before


@pytest.mark.parametrize("deferred", ["", "DEFERRABLE INITIALLY DEFERRED"])
def test_rows_that_point_to_each_other_go_together(shop: JournalShop, deferred: str) -> None:
    shop.made(
        f"CREATE TABLE items (id integer PRIMARY KEY, main integer);"
        f"CREATE TABLE orders (id integer PRIMARY KEY, item integer NOT NULL REFERENCES items {deferred});"
        f"ALTER TABLE items ADD CONSTRAINT main FOREIGN KEY (main) REFERENCES orders {deferred}",
        ITEMS,
        ORDERS,
    )
    shop.v2.execute("INSERT INTO items VALUES (1); INSERT INTO orders VALUES (1, 1); UPDATE items SET main = 1")
    assert shop.repaired() == Outcome(2, ())
    assert shop.rows() + shop.rows(ORDERS) == []
    shop.v1.execute("INSERT INTO items VALUES (1); INSERT INTO orders VALUES (1, 1); UPDATE items SET main = 1")
    before = shop.rows() + shop.rows(ORDERS)
    with shop.v2.transaction():
        shop.v2.execute("UPDATE items SET main = NULL; DELETE FROM orders; DELETE FROM items")
    assert shop.repaired() == Outcome(2, ())
    assert shop.rows() + shop.rows(ORDERS) == before


def test_values_swapped_under_a_deferrable_unique_constraint(shop: JournalShop) -> None:
    shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY, place integer UNIQUE DEFERRABLE INITIALLY DEFERRED);"
        "INSERT INTO items VALUES (1, 10), (2, 20)"
    )
    before = shop.rows()
    shop.v2.execute("UPDATE items SET place = 30 - place")
    assert shop.repaired() == Outcome(2, ())
    assert shop.rows() == before


def test_the_tables_own_triggers_stay_still(shop: JournalShop) -> None:
    """An updated_at goes back too, and a counter kept by a trigger is not counted back twice."""
    shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY, orders integer DEFAULT 0, updated_at timestamptz);"
        "CREATE TABLE orders (id integer PRIMARY KEY, item integer REFERENCES items);"
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.updated_at := clock_timestamp();"
        " RETURN NEW; END $$; CREATE TRIGGER touch BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION touch();"
        "CREATE FUNCTION counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE public.items SET"
        " orders = orders +"
        " CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END WHERE id = coalesce(NEW.item, OLD.item); RETURN NULL; END $$;"
        "CREATE TRIGGER counted AFTER INSERT OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION counted();"
        "INSERT INTO items VALUES (1, 0, '2026-01-01'); INSERT INTO orders VALUES (1, 1)",
        ITEMS,
        ORDERS,
    )
    before = shop.rows(), shop.rows(ORDERS)
    shop.v2.execute("INSERT INTO orders VALUES (2, 1), (3, 1); DELETE FROM orders WHERE id = 1")
    assert shop.repaired() == Outcome(4, ())
    assert (shop.rows(), shop.rows(ORDERS)) == before


def test_a_trigger_that_always_interferes_keeps_the_row(shop: JournalShop) -> None:
    shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a'), (2, 'b');"
        "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF NEW.id = 1 THEN NEW.name := upper(NEW.name); END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER loud BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION loud();"
        "ALTER TABLE items ENABLE ALWAYS TRIGGER loud"
    )
    shop.v2.execute("UPDATE items SET name = 'bad'")
    outcome = shop.repaired()
    assert outcome.restored == 1
    (kept,) = outcome.kept
    assert (kept.key, kept.verdict) == ('{"id": 1}', Verdict.DEPENDENT)
    assert "changes what is put back" in kept.reason
    assert shop.rows() == ["(1,BAD)", "(2,b)"]


def test_what_the_server_refuses_is_reported_in_its_words(shop: JournalShop) -> None:
    shop.made("CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a'), (2, 'b')")
    shop.v2.execute("DELETE FROM items WHERE id = 1; UPDATE items SET name = 'c'")
    # A rule that no plain unique index tells: only the server knows.
    shop.owner.execute("CREATE UNIQUE INDEX ON public.items ((lower(name))) WHERE id > 0")
    shop.v1.execute("INSERT INTO items VALUES (3, 'A')")
    outcome = shop.repaired()
    assert outcome.restored == 1
    assert [kept.reason for kept in outcome.kept] == [
        'the server refuses it: duplicate key value violates unique constraint "items_lower_idx"'
    ]
    assert shop.rows() == ["(2,b)", "(3,A)"]


def test_an_identity_changed_by_the_version_cannot_be_written_back(shop: JournalShop) -> None:
    shop.made(
        "CREATE TABLE items (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text);"
        "INSERT INTO items (name) VALUES ('a')"
    )
    shop.v2.execute("UPDATE items SET id = DEFAULT")
    outcome = shop.repaired()
    assert outcome.restored == 0
    assert "can only be updated to DEFAULT" in outcome.kept[0].reason
    assert shop.rows() == ["(2,a)"]


def test_keys_that_moved_go_back_in_turn(each_shop: JournalShop) -> None:
    each_shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a'), (2, 'b')"
    )
    before = each_shop.rows()
    each_shop.v2.execute("UPDATE items SET id = 3 WHERE id = 2; UPDATE items SET id = 2 WHERE id = 1")
    each_shop.v2.execute("INSERT INTO items VALUES (1, 'new'); UPDATE items SET name = 'x' WHERE id = 3")
    assert each_shop.repaired() == Outcome(3, ())
    assert each_shop.rows() == before
    assert each_shop.repaired() == NOTHING


def test_rows_that_moved_between_partitions(each_shop: JournalShop) -> None:
    each_shop.made(
        "CREATE TABLE items (id integer, part integer, name text, PRIMARY KEY (part, id)) PARTITION BY LIST (part);"
        "CREATE TABLE items_1 PARTITION OF items FOR VALUES IN (1); CREATE TABLE items_2 PARTITION OF items DEFAULT;"
        "INSERT INTO items VALUES (1, 1, 'a'), (2, 2, 'b')"
    )
    before = each_shop.rows()
    each_shop.v2.execute("UPDATE items SET part = 3 - part, name = name || '!'")
    assert each_shop.repaired() == Outcome(4, ())
    assert each_shop.rows() == before


def test_what_changes_between_proposal_and_repair_is_kept(shop: JournalShop) -> None:
    shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY, name text); CREATE TABLE orders (id integer PRIMARY KEY,"
        " item integer"
        " REFERENCES items ON DELETE CASCADE); INSERT INTO items VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        ITEMS,
        ORDERS,
    )
    shop.v2.execute("UPDATE items SET name = 'bad'; INSERT INTO items VALUES (4, 'd'), (5, 'e')")
    shop.v2.execute("INSERT INTO orders VALUES (5, 5)")
    proposal = propose(shop.owner, "v2")
    assert proposal.counts[Verdict.CLEAN] == 6
    shop.v1.execute("UPDATE items SET name = 'good' WHERE id = 1; DELETE FROM items WHERE id = 2")
    shop.v1.execute("INSERT INTO orders VALUES (4, 4); UPDATE orders SET item = 3 WHERE id = 5")
    outcome = repair(shop.owner, proposal)
    assert outcome.restored == 1
    told = {f"{kept.relation.name} {kept.key}": (kept.verdict, kept.reason) for kept in outcome.kept}
    changed = (Verdict.OVERWRITTEN, "it changed after the repair was proposed")
    assert told == {
        'items {"id": 1}': changed,
        'items {"id": 2}': changed,
        'items {"id": 4}': (Verdict.DEPENDENT, "a row of public.orders depends on it"),
        'items {"id": 5}': (
            Verdict.DEPENDENT,
            'it can only be put back after public.orders {"id": 5}, which stays as it is',
        ),
        'orders {"id": 5}': changed,
    }
    assert shop.rows() == ["(1,good)", "(3,c)", "(4,d)", "(5,e)"]
    assert shop.rows(ORDERS) == ["(4,4)", "(5,3)"]


def test_a_table_dropped_after_the_proposal(shop: JournalShop) -> None:
    shop.made("CREATE TABLE items (id integer PRIMARY KEY)")
    shop.v2.execute("INSERT INTO items VALUES (1)")
    proposal = propose(shop.owner, "v2")
    shop.owner.execute("DROP TABLE public.items")
    outcome = repair(shop.owner, proposal)
    assert [kept.reason for kept in outcome.kept] == ["the table is not there any more"]


def test_a_child_written_while_its_parent_goes_is_not_lost(shop: JournalShop) -> None:
    """A child that is not committed yet holds its parent: the repair waits, sees it, and keeps the parent."""
    shop.made(
        "CREATE TABLE items (id integer PRIMARY KEY); CREATE TABLE orders (id integer PRIMARY KEY,"
        " item integer REFERENCES"
        " items ON DELETE CASCADE)",
        ITEMS,
        ORDERS,
    )
    shop.v2.execute("INSERT INTO items VALUES (1)")
    proposal = propose(shop.owner, "v2")
    shop.v1.execute("BEGIN")
    shop.v1.execute("INSERT INTO orders VALUES (1, 1)")
    pauses: list[float] = []

    def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        if len(pauses) == 1:
            shop.v1.execute("COMMIT")

    outcome = repair(shop.owner, proposal, patience=Patience(lock_timeout_ms=20, sleep=sleep))
    assert (outcome.restored, len(outcome.kept), len(pauses)) == (0, 1, 1)
    assert (shop.rows(), shop.rows(ORDERS)) == (["(1)"], ["(1,1)"])


def test_a_lock_that_stays_ends_it_in_words_and_the_next_call_goes_on(shop: JournalShop) -> None:
    shop.made("CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')")
    shop.v2.execute("UPDATE items SET name = 'bad'")
    proposal = propose(shop.owner, "v2")
    with shop.v1.transaction():
        shop.v1.execute("SELECT FROM items FOR UPDATE")
        with pytest.raises(DatabaseError, match=r"putting rows back: the lock was not free once in 0 s .*process"):
            repair(shop.owner, proposal, patience=Patience(lock_timeout_ms=10, longest_s=0))
    assert repair(shop.owner, proposal).restored == 1


def test_a_role_that_may_not_still_triggers_is_told_what_to_ask_for(shop: JournalShop) -> None:
    shop.made("CREATE TABLE items (id integer PRIMARY KEY, name text); INSERT INTO items VALUES (1, 'a')")
    shop.v2.execute("UPDATE items SET name = 'b'")
    proposal = propose(shop.owner, "v2")
    shop.owner.execute(
        "CREATE ROLE mender LOGIN BYPASSRLS; GRANT USAGE ON SCHEMA abreast, public TO mender;"
        "GRANT ALL ON public.items, abreast.journal TO mender"
    )
    with psycopg.connect(shop.url, user="mender", autocommit=True) as mender:
        with pytest.raises(RefusedError, match="session_replication_role") as caught:
            repair(mender, proposal)
        assert "GRANT SET ON PARAMETER session_replication_role" in caught.value.remedy
        shop.owner.execute("GRANT SET ON PARAMETER session_replication_role TO mender")
        assert repair(mender, proposal).restored == 1
    assert shop.rows() == ["(1,a)"]
