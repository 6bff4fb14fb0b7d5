"""What a proposal says, and how a row that stays keeps others from being put back."""

import pytest

from abreast.schema.repair import Action, Proposal, Undo, Verdict, decided
from tests.fakes.journal_entries import ITEMS, entry


def undo(
    number: int, *, before: str | None = '{"a": 1}', bad: str | None = '{"a": 2}', verdict: Verdict = Verdict.CLEAN
) -> Undo:
    return Undo(number, ITEMS, f'{{"id": {number}}}', verdict, before, bad)


@pytest.mark.parametrize(
    ("before", "bad", "action"),
    [
        ("{}", '{"a": 1}', Action.UPDATE),
        (None, "{}", Action.DELETE),
        ("{}", None, Action.INSERT),
        (None, None, Action.NONE),
        ("{}", "{}", Action.NONE),
    ],
)
def test_what_it_takes(before: str | None, bad: str | None, action: Action) -> None:
    assert undo(1, before=before, bad=bad).action is action


def test_columns_differ_as_they_are_written() -> None:
    one = undo(1, before='{"a": 1.0, "b": null, "c": "x", "d": 1}', bad='{"a": 1.00, "b": null, "c": "y", "d": 1}')
    assert one.differing == {"a", "c"}
    assert undo(1, before='{"a": 1}', bad=None).differing == {"a"}


def test_counts_name_every_verdict() -> None:
    proposal = Proposal("v2", None, (undo(1), undo(2, verdict=Verdict.OVERWRITTEN), undo(3)))
    assert proposal.counts == {
        Verdict.CLEAN: 2,
        Verdict.OVERWRITTEN: 1,
        Verdict.DEPENDENT: 0,
        Verdict.REPAIRED: 0,
    }
    assert [row.id for row in proposal.of(Verdict.CLEAN)] == [1, 3]


def test_a_writer_has_a_name() -> None:
    assert entry(1, "v1", "i").writer == "v1"
    assert entry(1, "", "i").writer == "somebody without a version"


def test_a_blocked_row_is_dependent_with_its_reason() -> None:
    one, two = decided([undo(1), undo(2)], {1: "a row of orders depends on it"}, {})
    assert (one.verdict, one.reason) == (Verdict.DEPENDENT, "a row of orders depends on it")
    assert (two.verdict, two.reason) == (Verdict.CLEAN, "")


def test_who_needs_a_row_that_stays_stays_too_however_far() -> None:
    rows = decided(
        [undo(1), undo(2), undo(3), undo(4, verdict=Verdict.OVERWRITTEN), undo(5)],
        {},
        {1: {2}, 2: {3}, 3: {4}, 5: set()},
    )
    assert [row.verdict for row in rows] == [*[Verdict.DEPENDENT] * 3, Verdict.OVERWRITTEN, Verdict.CLEAN]
    assert rows[0].reason == 'it can only be put back after public.items {"id": 2}, which stays as it is'


def test_rows_that_need_each_other_go_together_or_not_at_all() -> None:
    circle = {1: {2}, 2: {3}, 3: {1}}
    assert {row.verdict for row in decided([undo(1), undo(2), undo(3)], {}, circle)} == {Verdict.CLEAN}
    assert {row.verdict for row in decided([undo(1), undo(2), undo(3)], {2: "no"}, circle)} == {Verdict.DEPENDENT}


def test_needs_are_kept_in_order_and_the_own_reason_wins() -> None:
    one, two, three = decided([undo(1), undo(2), undo(3)], {2: "its own"}, {1: {3}, 2: {3, 1}})
    assert (one.needs, three.needs) == ((3,), ())
    assert two.reason == "its own"


def test_a_row_that_is_repaired_is_no_obstacle() -> None:
    one, _ = decided([undo(1), undo(2, verdict=Verdict.REPAIRED)], {2: "whatever"}, {1: {2}})
    assert one.verdict is Verdict.CLEAN
