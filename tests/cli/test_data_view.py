"""What ``abreast data`` prints, piece by piece."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from abreast.cli import data_view
from abreast.postgres.consistency import TableCheck
from abreast.postgres.records import Migration, Phase
from abreast.postgres.roles import RoleState
from abreast.schema.digest import Difference, Kind
from abreast.schema.names import Relation
from abreast.schema.plan import EXCLUSIVE, Lock, Plan, Step, TablePlan
from abreast.schema.repair import Change, Outcome, Proposal, Undo, Verdict

ITEMS = Relation("public", "items")
AT = datetime(2026, 5, 1, 12, 30, 5, tzinfo=UTC)
BACKFILL = Step("backfill items", "backfill", (), (), ITEMS)
TABLE = TablePlan(ITEMS, ("id", "day"), (), (("_abreast_a", "new.a + 1"), ("_abreast_b", "'x'")))
PLAN = Plan("public", "v1", "v2", (BACKFILL, BACKFILL), (BACKFILL,), (), (TABLE,))
ROLE = RoleState("v2", "shop_v2", exists=True, sided=True, writes=True, sessions=3)
UNDO = Undo(1, ITEMS, '{"id": 1}', Verdict.CLEAN, '{"id": 1, "a": 1.00}', '{"id": 1, "a": 2.00}')
CHANGE = Change(AT, 7, 1, ITEMS, "u", '{"id": 1}', "", '{"id": 1, "a": "x"}', '{"id": 1, "a": "y"}', (), "v2")


def migration(phase: Phase, step: int = 0) -> Migration:
    return Migration(1, PLAN, phase, step, None, AT, AT)


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("expand", "v2 can run beside v1 then"),
        ("contract", "v2 alone; what only v1 saw is dropped. It waits until v1 is not connected, and is asked for"),
        ("undo", "v1 alone; what only v2 saw is dropped. It waits until v2 is not connected, and is asked for"),
    ],
)
def test_what_part_of_a_plan_comes_to(title: str, words: str) -> None:
    assert data_view.about(PLAN, title) == words


def test_a_step_is_sql_with_its_locks_as_comments() -> None:
    one = Step("change\x1b it", "transaction", ("ALTER TABLE a\n  ADD b int", "SELECT 1"), (Lock(ITEMS, EXCLUSIVE),))
    assert data_view.step(PLAN, one, 3, 200).splitlines() == [
        "",
        "-- 3. change\\x1b it",
        f"--    {one.locks[0]}; waits for it 200 ms at most, then tries again",
        "ALTER TABLE a",
        "  ADD b int;",
        "SELECT 1;",
    ]


def test_a_backfill_says_what_it_sets_and_by_which_key() -> None:
    assert data_view.step(PLAN, BACKFILL, 1, 200).splitlines() == [
        "",
        "-- 1. backfill items",
        "--    in batches by id, day, each a transaction: SET _abreast_a = new.a + 1, _abreast_b = 'x'",
    ]


@pytest.mark.parametrize("phase", ["expanded", "contracted", "undone"])
def test_a_migration_that_stands_still_says_since_when(phase: Phase) -> None:
    assert data_view.where(migration(phase)) == f"v1 → v2  {phase} since 2026-05-01 12:30:05 UTC"
    assert data_view.where(None) == "no migration yet: see abreast data plan"


def test_a_migration_that_was_broken_off_says_how_to_go_on() -> None:
    assert data_view.where(migration("expanding", 1)).splitlines() == [
        "v1 → v2  expanding, step 2 of 2: backfill items",
        "  → if nobody works on it, go on with: abreast data expand",
    ]
    assert "contracting, step 1 of 1: backfill items" in data_view.where(migration("contracting"))
    assert data_view.where(migration("contracting")).endswith("abreast data contract")
    assert data_view.where(migration("undoing")).splitlines() == [
        "v1 → v2  undoing, step 1 of 0: about to end",
        "  → if nobody works on it, go on with: abreast data undo",
    ]


def test_a_role_is_a_line() -> None:
    assert data_view.role(ROLE) == "v2       shop_v2, reads and writes, 3 connected"
    fenced = replace(ROLE, writes=False, sessions=0)
    assert data_view.role(fenced) == "v2       shop_v2, fenced: reads only, 0 connected"
    assert data_view.role(replace(ROLE, beside=("a", "b"))).endswith("3 connected; a fence would leave it a, b")
    for absent in (replace(ROLE, exists=False), replace(ROLE, sided=False)):
        assert data_view.role(absent) == "v2       has no side of its own here: abreast data adopt v2"


def test_a_role_with_signs_in_its_name_makes_an_address() -> None:
    assert "postgresql://my%20app%40v2@HOST/DATABASE" in data_view.connect("my app@v2")


def check(*found: Difference, rows: int = 5, divergent: int | None = None) -> str:
    count = len(found) if divergent is None else divergent
    return data_view.checks((TableCheck(ITEMS, ("id", "day"), ("price", "name"), rows, count, found),))


def test_a_check_without_tables_says_why() -> None:
    assert data_view.checks(()).startswith("no table has columns that both versions write in a form of their own")


@pytest.mark.parametrize(("rows", "words"), [(0, "0 rows"), (1, "1 row"), (12_345, "12,345 rows")])
def test_a_table_in_step(rows: int, words: str) -> None:
    assert check(rows=rows) == f"✔ items: {words} looked at, the sides agree\n"
    assert data_view.rows(rows) == words


def test_a_contradiction_shows_what_differs_only() -> None:
    wrong = Difference(("1", "mo\x1bn"), Kind.DIFFERS, ("1", "same"), (None, "same"), ("price",))
    assert check(wrong, divergent=1_001).splitlines() == [
        "✘ items: the sides contradict each other in 1,001 of 5 rows",
        "    id = 1, day = mo\\x1bn: price: '1' by the old side, NULL by the new",
        "    and 1,000 more",
        "  → make them again of the side that is right: abreast data check --mend old, or --mend new",
    ]
    assert "more" not in check(wrong)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (CHANGE, '2026-05-01 12:30:05  items {"id": 1} updated  a: "x" → "y"'),
        (
            replace(CHANGE, request_id="r\n1"),
            '2026-05-01 12:30:05  items {"id": 1} updated  request r\\n1  a: "x" → "y"',
        ),
        (
            replace(CHANGE, op="i", old=None, new='{"id": 1}'),
            '2026-05-01 12:30:05  items {"id": 1} inserted  {"id": 1}',
        ),
        (replace(CHANGE, op="d", new=None, old='{"id": 1}'), '2026-05-01 12:30:05  items {"id": 1} deleted  {"id": 1}'),
        (replace(CHANGE, op="t", key="", new=None, old=None), "2026-05-01 12:30:05  items  truncated"),
    ],
)
def test_a_change_is_a_line(change: Change, line: str) -> None:
    assert data_view.change(change) == f"{line}\n"


def test_numbers_are_shown_as_they_are() -> None:
    """A float would make 12345678901234567890.12 another number, and 1.0 the same as 1.00."""
    old = '{"n": 12345678901234567890.12, "s": 1.0, "j": {"k": [1.50, "ä", null]}, "same": 1}'
    new = '{"n": 12345678901234567890.13, "s": 1.00, "j": {"k": [2, true]}, "same": 1, "more": "1"}'
    assert data_view.change(replace(CHANGE, old=old, new=new)).split("updated  ")[1] == (
        "n: 12345678901234567890.12 → 12345678901234567890.13, s: 1.0 → 1.00, "
        'j: {"k": [1.50, "ä", null]} → {"k": [2, true]}, more: null → "1"\n'
    )


def test_a_proposal_lists_each_row_with_what_can_be_done() -> None:
    rows = (
        UNDO,
        replace(UNDO, id=2, before=None),
        replace(UNDO, id=3, bad=None),
        replace(UNDO, id=4, verdict=Verdict.OVERWRITTEN, reason="v1 wrote it later", found='{"id": 1, "a": 9}'),
        replace(UNDO, id=5, verdict=Verdict.DEPENDENT, reason="orders has rows of it"),
        replace(UNDO, id=6, verdict=Verdict.REPAIRED),
    )
    truncate = replace(CHANGE, op="t")
    assert data_view.proposal(Proposal("v2", None, rows, (truncate,), AT)).splitlines() == [
        '  clean        items {"id": 1}  put back  a: 2.00 → 1.00',
        '  clean        items {"id": 1}  delete again  {"id": 1, "a": 2.00}',
        '  clean        items {"id": 1}  insert again  {"id": 1, "a": 1.00}',
        '  overwritten  items {"id": 1}  left alone: v1 wrote it later  a: 2.00 → 9',
        '  dependent    items {"id": 1}  left alone: orders has rows of it',
        "  truncated    items at 12:30:05: nobody can take that back",
        "6 rows: 3 clean, 1 overwritten, 1 dependent, 1 repaired; the journal begins 2026-05-01 12:30:05",
    ]


def test_a_proposal_of_nothing() -> None:
    assert data_view.proposal(Proposal("v2", None, ())) == "v2 wrote nothing that is journalled\n"


def test_what_a_repair_did_names_what_it_kept() -> None:
    kept = replace(UNDO, verdict=Verdict.OVERWRITTEN, reason="it has changed since")
    assert data_view.outcome(Outcome(1, (kept,))).splitlines() == [
        "put back 1 row",
        '  overwritten  items {"id": 1}  left alone: it has changed since',
    ]
