"""A row's writes are gathered into one chain, whatever happens to its key and whoever else writes."""

import random
from itertools import pairwise

import pytest

from abreast.schema.chains import Chains, linked
from abreast.schema.names import Relation
from abreast.schema.repair import Action, Change, Undo, Verdict
from tests.fakes.journal_entries import ITEMS, entry


def told(*changes: Change) -> list[Undo]:
    chains = Chains("v2")
    for change in changes:
        chains.add(change)
    return chains.undos()


def only(*changes: Change) -> Undo:
    (undo,) = told(*changes)
    return undo


def test_the_row_goes_back_to_before_the_first_of_several_writes() -> None:
    undo = only(
        entry(1, "v1", "u", old="a", new="b"),
        entry(2, "v2", "u", old="b", new="c"),
        entry(3, "v2", "u", old="c", new="d"),
    )
    assert (undo.id, undo.verdict, undo.action) == (2, Verdict.CLEAN, Action.UPDATE)
    assert (undo.before, undo.bad, undo.writes) == ("b", "d", 2)


def test_what_it_inserted_is_deleted_and_what_it_deleted_is_inserted() -> None:
    inserted, deleted = only(entry(1, "v2", "i", new="a")), only(entry(1, "v2", "d", old="a"))
    assert (inserted.action, inserted.before, inserted.bad) == (Action.DELETE, None, "a")
    assert (deleted.action, deleted.before, deleted.bad) == (Action.INSERT, "a", None)


def test_rows_of_other_versions_only_are_not_told_of() -> None:
    assert told(entry(1, "v1", "i", new="a"), entry(2, "", "u", old="a", new="b")) == []


@pytest.mark.parametrize("who", ["v1", "", "~backfill"])
def test_a_later_write_by_anybody_else_makes_it_overwritten(who: str) -> None:
    undo = only(
        entry(1, "v2", "u", old="a", new="b"),
        entry(2, who, "u", old="b", new="c"),
        entry(3, "v2", "u", old="c", new="d"),
    )
    assert undo.verdict is Verdict.OVERWRITTEN
    assert (undo.before, undo.bad, undo.found) == ("a", "b", "d")
    assert undo.reason == f"updated by {who or 'somebody without a version'} at 2026-03-01T12:00:02+00:00"


def test_deleting_and_inserting_again_is_one_row() -> None:
    undo = only(entry(1, "v2", "d", old="a"), entry(2, "v2", "i", new="b"))
    assert (undo.action, undo.before, undo.bad) == (Action.UPDATE, "a", "b")


def test_what_another_version_inserted_again_is_overwritten() -> None:
    undo = only(entry(1, "v2", "d", old="a"), entry(2, "v1", "i", new="b"))
    assert (undo.verdict, undo.found) == (Verdict.OVERWRITTEN, "b")


def test_writes_that_cancel_out_leave_nothing_to_do() -> None:
    undo = only(entry(1, "v2", "i", new="a"), entry(2, "v2", "d", old="a"))
    assert (undo.verdict, undo.action) == (Verdict.REPAIRED, Action.NONE)
    assert "cancel each other out" in undo.reason


def test_a_row_is_followed_when_its_key_changes() -> None:
    undo = only(
        entry(1, "v2", "u", key=1, moved_to=2, old="a", new="b"),
        entry(2, "v2", "u", key=2, moved_to=3, old="b", new="c"),
        entry(3, "v2", "u", key=3, old="c", new="d"),
    )
    assert (undo.id, undo.key, undo.before, undo.bad) == (1, '{"id": 3}', "a", "d")


def test_a_new_row_under_the_key_that_was_left_is_another_row() -> None:
    newer, older = told(entry(1, "v2", "u", key=1, moved_to=2, old="a", new="b"), entry(2, "v2", "i", key=1, new="c"))
    assert (older.id, older.key, older.verdict) == (1, '{"id": 2}', Verdict.CLEAN)
    assert (newer.id, newer.key, newer.action) == (2, '{"id": 1}', Action.DELETE)


def test_the_same_key_in_another_table_is_another_row() -> None:
    other = Relation("public", "orders")
    undos = told(entry(1, "v2", "u", old="a", new="b"), entry(2, "v1", "u", relation=other, old="x", new="y"))
    assert [undo.verdict for undo in undos] == [Verdict.CLEAN]


def test_newest_first() -> None:
    undos = told(
        entry(1, "v2", "i", key=1, new="a"), entry(2, "v2", "i", key=2, new="b"), entry(3, "v2", "u", old="a", new="c")
    )
    assert [undo.id for undo in undos] == [1, 2]


def test_what_was_put_back_is_repaired_even_under_another_key() -> None:
    undo = only(
        entry(1, "v2", "u", key=1, moved_to=2, old="a", new="b"),
        entry(2, "~repair", "u", key=2, moved_to=1, old="b", new="a", request_id="undo:1"),
        entry(3, "v1", "u", key=1, old="a", new="z"),
    )
    assert undo.verdict is Verdict.REPAIRED


def test_what_the_version_writes_after_a_repair_is_a_row_to_repair_again() -> None:
    newer, older = told(
        entry(1, "v2", "u", old="a", new="b"),
        entry(2, "~repair", "u", old="b", new="a", request_id="undo:1"),
        entry(3, "v2", "u", old="a", new="c"),
    )
    assert (older.id, older.verdict) == (1, Verdict.REPAIRED)
    assert (newer.id, newer.verdict, newer.before, newer.bad) == (3, Verdict.CLEAN, "a", "c")


def test_another_repairs_mark_is_passed_over() -> None:
    undo = only(
        entry(5, "v2", "u", old="a", new="b"),
        entry(6, "~repair", "u", key=9, old="x", new="y", request_id="undo:3"),
    )
    assert undo.verdict is Verdict.CLEAN


def test_truncate_takes_rows_away_for_good() -> None:
    chains = Chains("v2")
    for change in (
        entry(1, "v2", "u", old="a", new="b"),
        entry(2, "v2", "t", xid=20),
        entry(3, "v2", "t", xid=20),
        entry(4, "v1", "t", relation=Relation("public", "orders")),
    ):
        chains.add(change)
    (undo,) = chains.undos()
    assert (undo.verdict, undo.found) == (Verdict.OVERWRITTEN, None)
    assert undo.reason.startswith("truncated away by v2")
    # The partition's entry is of the same TRUNCATE; the other version's is not v2's.
    assert [(each.seq, each.relation) for each in chains.truncates] == [(2, ITEMS)]


def test_a_trigger_that_writes_the_row_again_is_journalled_first_and_sorted_behind() -> None:
    undo = only(
        entry(1, "v2", "u", xid=7, old="b", new="c"),  # by the trigger
        entry(2, "v2", "u", xid=7, old="a", new="b"),  # what set it off
        entry(3, "v2", "u", xid=8, old="d", new="e"),
        entry(4, "v2", "u", xid=8, old="c", new="d"),
    )
    assert (undo.before, undo.bad) == ("a", "e")


def test_an_insert_whose_trigger_updates_it_is_an_insert() -> None:
    undo = only(entry(1, "v2", "u", xid=7, old="a", new="b"), entry(2, "v2", "i", xid=7, new="a"))
    assert (undo.action, undo.bad) == (Action.DELETE, "b")


@pytest.mark.parametrize("seed", range(20))
def test_any_order_within_a_transaction_is_put_right(seed: int) -> None:
    chance = random.Random(seed)
    images = [f"image {number}" for number in range(8)]
    steps = [(old, new) for old, new in pairwise(images)]
    chance.shuffle(steps)
    made = linked([entry(seq, "v2", "u", xid=1, old=old, new=new) for seq, (old, new) in enumerate(steps)])
    assert [change.old for change in made] == images[:-1]


def test_writes_that_do_not_fit_together_stay_in_their_order() -> None:
    changes = [entry(1, "v2", "u", xid=1, old="a", new="b"), entry(2, "v2", "u", xid=1, old="x", new="y")]
    assert linked(changes) == changes
