"""Each row of a bad version gets the right verdict, and the database is only read."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from abreast.model.errors import RefusedError
from abreast.postgres.connection import connected, sql
from abreast.postgres.journal import disable
from abreast.postgres.proposal import propose
from abreast.schema.repair import Action, Proposal, Undo, Verdict
from tests.fakes.journal_shop import ITEMS, ORDERS, JournalShop

CLEAN, OVERWRITTEN, DEPENDENT = Verdict.CLEAN, Verdict.OVERWRITTEN, Verdict.DEPENDENT

TABLES = """
CREATE TABLE public.items (id integer PRIMARY KEY, name text UNIQUE, boss integer REFERENCES public.items);
CREATE TABLE public.orders (
    id integer PRIMARY KEY, item integer REFERENCES public.items ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO public.items VALUES (1, 'one'), (2, 'two'), (3, 'three');
INSERT INTO public.orders VALUES (1, 1)"""


@pytest.fixture
def shop(database: str) -> Iterator[JournalShop]:
    with JournalShop.open(database) as made:
        made.made(TABLES, ITEMS, ORDERS)
        yield made


def proposed(shop: JournalShop, since: datetime | None = None) -> Proposal:
    return propose(shop.owner, "v2", since)


def verdicts(shop: JournalShop) -> dict[str, Verdict]:
    return {f"{row.relation.name} {row.key}": row.verdict for row in proposed(shop).rows}


def only(shop: JournalShop) -> Undo:
    (row,) = proposed(shop).rows
    return row


def test_rows_newest_first_with_what_to_do(shop: JournalShop) -> None:
    shop.v2.execute("INSERT INTO items VALUES (4, 'four')")
    shop.v2.execute("UPDATE items SET name = 'zwei' WHERE id = 2")
    shop.v2.execute("DELETE FROM items WHERE id = 3")
    proposal = proposed(shop)
    assert [(row.key, row.action, row.verdict) for row in proposal.rows] == [
        ('{"id": 3}', Action.INSERT, CLEAN),
        ('{"id": 2}', Action.UPDATE, CLEAN),
        ('{"id": 4}', Action.DELETE, CLEAN),
    ]
    assert proposal.counts[CLEAN] == 3
    assert proposal.journal_from is not None
    assert abs(proposal.journal_from - datetime.now(UTC)) < timedelta(minutes=1)
    assert shop.owner.execute("SELECT count(*) FROM abreast.journal").fetchone() == (3,)


def test_since_passes_over_what_is_older(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET name = 'uno' WHERE id = 1")
    shop.v2.execute("UPDATE items SET name = 'eins' WHERE id = 1")
    row = shop.owner.execute("SELECT max(at) FROM abreast.journal").fetchone()
    assert row is not None
    (undo,) = proposed(shop, row[0]).rows
    assert undo.before is not None
    assert '"uno"' in undo.before
    assert proposed(shop, datetime.now(UTC) + timedelta(hours=1)).rows == ()


def test_both_values_of_an_overwritten_row(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET name = 'bad' WHERE id = 1")
    shop.v1.execute("UPDATE items SET name = 'good' WHERE id = 1")
    row = only(shop)
    assert row.verdict is OVERWRITTEN
    assert ('"bad"' in str(row.bad), '"good"' in str(row.found)) == (True, True)
    assert row.reason.startswith("updated by v1 at 20")


def test_a_change_that_the_journal_did_not_see_makes_it_overwritten(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET name = 'bad' WHERE id = 1")
    shop.v2.execute("INSERT INTO items VALUES (5, 'five')")
    shop.owner.execute(
        'ALTER TABLE public.items DISABLE TRIGGER "~abreast_journal";'
        "UPDATE public.items SET name = 'unseen' WHERE id = 1; DELETE FROM public.items WHERE id = 5;"
        'ALTER TABLE public.items ENABLE ALWAYS TRIGGER "~abreast_journal"'
    )
    gone, changed = proposed(shop).rows
    assert (gone.verdict, gone.found) == (OVERWRITTEN, None)
    assert changed.verdict is OVERWRITTEN
    assert '"unseen"' in str(changed.found)


def test_a_row_that_others_children_point_to_stays(shop: JournalShop) -> None:
    shop.v2.execute("INSERT INTO items VALUES (4, 'four', NULL), (5, 'five', 4), (6, 'six', NULL)")
    shop.v1.execute("INSERT INTO orders VALUES (2, 5)")  # ON DELETE CASCADE: it would silently go
    assert verdicts(shop) == {'items {"id": 4}': DEPENDENT, 'items {"id": 5}': DEPENDENT, 'items {"id": 6}': CLEAN}
    reasons = {row.key: row.reason for row in proposed(shop).rows}
    assert reasons['{"id": 5}'] == 'public.orders {"id": 2} depends on it (orders_item_fkey)'
    assert reasons['{"id": 4}'] == 'it can only be put back after public.items {"id": 5}, which stays as it is'


def test_own_children_go_first(shop: JournalShop) -> None:
    shop.v2.execute("INSERT INTO items VALUES (4, 'four')")
    shop.v2.execute("INSERT INTO orders VALUES (2, 4)")
    shop.v2.execute("UPDATE orders SET item = 4 WHERE id = 1")
    shop.v2.execute("UPDATE items SET name = 'vier' WHERE id = 4")  # makes the parent the newest
    parent, *children = proposed(shop).rows
    assert parent.key == '{"id": 4}'
    assert set(parent.needs) == {child.id for child in children}
    assert {row.verdict for row in (parent, *children)} == {CLEAN}


def test_an_own_child_that_pointed_to_it_before_is_in_the_way(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET id = 9 WHERE id = 2")
    shop.v1.execute("INSERT INTO orders VALUES (2, 9)")
    shop.v2.execute("UPDATE orders SET id = 3 WHERE id = 2")
    assert verdicts(shop) == {'items {"id": 9}': DEPENDENT, 'orders {"id": 3}': CLEAN}


def test_children_in_a_table_that_is_not_journalled_keep_it(shop: JournalShop) -> None:
    shop.owner.execute("CREATE TABLE public.notes (item integer REFERENCES public.items)")
    shop.v2.execute("INSERT INTO items VALUES (4, 'four')")
    shop.owner.execute("INSERT INTO public.notes VALUES (4)")
    assert only(shop).reason == "a row of public.notes depends on it (notes_item_fkey)"


def test_a_cascade_is_put_back_parents_first(shop: JournalShop) -> None:
    shop.v2.execute("DELETE FROM items WHERE id = 1")
    proposal = proposed(shop)
    parent, child = sorted(proposal.rows, key=lambda row: row.relation)
    assert (parent.verdict, child.verdict) == (CLEAN, CLEAN)
    assert (parent.needs, child.needs) == ((), (parent.id,))


def test_no_child_without_its_parent(shop: JournalShop) -> None:
    shop.v2.execute("DELETE FROM orders WHERE id = 1")
    shop.v1.execute("DELETE FROM items WHERE id = 1")
    row = only(shop)
    assert (row.verdict, row.reason) == (DEPENDENT, "the row of public.items it needs is gone (orders_item_fkey)")


def test_a_parent_put_in_the_place_of_the_old_one_serves(shop: JournalShop) -> None:
    shop.v2.execute("DELETE FROM items WHERE id = 1")
    shop.v1.execute("INSERT INTO items VALUES (1, 'new one')")
    assert verdicts(shop) == {'items {"id": 1}': OVERWRITTEN, 'orders {"id": 1}': CLEAN}


def test_values_that_another_row_has_now(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET name = 'bad' WHERE id = 2")
    shop.v2.execute("DELETE FROM items WHERE id = 3")
    shop.v1.execute("INSERT INTO items VALUES (7, 'two'), (8, 'three')")
    assert verdicts(shop) == {'items {"id": 2}': DEPENDENT, 'items {"id": 3}': DEPENDENT}
    assert proposed(shop).rows[1].reason == 'public.items {"id": 7} has its values now (items_name_key)'


def test_values_that_an_own_row_has_are_waited_for(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET name = 'bad' WHERE id = 2")
    shop.v2.execute("INSERT INTO items VALUES (7, 'two')")
    taker, giver = proposed(shop).rows
    assert (giver.verdict, giver.needs, taker.needs) == (CLEAN, (taker.id,), ())


def test_two_rows_cannot_both_have_it_back(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE items SET name = 'bad' WHERE id = 2")
    shop.v1.execute("UPDATE items SET name = 'two' WHERE id = 3")
    shop.v2.execute("UPDATE items SET name = 'worse' WHERE id = 3")
    assert set(verdicts(shop).values()) == {DEPENDENT}


def test_truncates_are_told_of(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE orders SET item = 2 WHERE id = 1")
    shop.v2.execute("TRUNCATE orders")
    shop.v1.execute("TRUNCATE orders")
    proposal = proposed(shop)
    assert [(each.relation, each.version) for each in proposal.truncates] == [(ORDERS, "v2")]
    assert proposal.rows[0].verdict is OVERWRITTEN


def test_tables_that_are_gone_or_journalled_no_more(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE orders SET item = 2; UPDATE items SET name = 'x' WHERE id = 3")
    shop.owner.execute("DROP TABLE public.orders")
    disable(shop.owner, (ITEMS,))
    reasons = {row.relation: (row.verdict, row.reason) for row in proposed(shop).rows}
    assert reasons[ORDERS] == (DEPENDENT, "the table is not there any more")
    assert reasons[ITEMS][0] is DEPENDENT
    assert "not journalled any more" in reasons[ITEMS][1]


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        ("ADD COLUMN later integer", DEPENDENT, "what later should hold is not known: added since"),
        ("DROP COLUMN boss", CLEAN, ""),
        ("ADD COLUMN made integer GENERATED ALWAYS AS (id + 1) STORED", CLEAN, ""),
        (
            "DROP CONSTRAINT items_pkey CASCADE, ALTER name SET NOT NULL",
            DEPENDENT,
            "the table's key is another one now",
        ),
        ("ALTER name TYPE varchar(4)", DEPENDENT, "its image does not fit the table any more: value too long"),
    ],
)
def test_a_table_that_changed_since(shop: JournalShop, change: str, verdict: Verdict, reason: str) -> None:
    shop.v2.execute("UPDATE items SET name = 'x' WHERE id = 3")  # it was 'three'
    shop.owner.execute(sql(f"ALTER TABLE public.items {change}"))
    row = only(shop)
    assert row.verdict is verdict
    assert row.reason.startswith(reason)


def test_a_deleted_row_is_not_written_into_columns_that_are_others_by_now(shop: JournalShop) -> None:
    shop.owner.execute("ALTER TABLE public.items ADD COLUMN _abreast_name text")
    shop.v2.execute("UPDATE items SET _abreast_name = 'x'; DELETE FROM items WHERE id = 3")
    shop.owner.execute(
        "ALTER TABLE public.items DROP COLUMN name; ALTER TABLE public.items RENAME _abreast_name TO name"
    )
    assert verdicts(shop) == {
        'items {"id": 1}': OVERWRITTEN,
        'items {"id": 2}': OVERWRITTEN,
        'items {"id": 3}': DEPENDENT,
    }


def test_an_exclusion_that_nobody_could_check(shop: JournalShop) -> None:
    shop.v2.execute("UPDATE orders SET item = 2")
    shop.v2.execute("INSERT INTO orders VALUES (5, 2)")
    shop.owner.execute("ALTER TABLE public.orders ADD CONSTRAINT apart EXCLUDE USING btree (id WITH =) DEFERRABLE")
    inserted, updated = proposed(shop).rows
    assert inserted.verdict is CLEAN
    assert updated.reason == "the constraint apart is deferrable: a repair could not check it"


def test_progress_ends_where_it_said(shop: JournalShop) -> None:
    shop.v2.execute("INSERT INTO items SELECT n, n::text FROM generate_series(10, 1209) n")
    told: list[tuple[int, int]] = []
    propose(shop.owner, "v2", progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (2400, 2400)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 4


def test_without_a_journal(database: str) -> None:
    with connected(database) as connection, pytest.raises(RefusedError, match="no journal"):
        propose(connection, "v2")
