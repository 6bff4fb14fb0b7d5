"""The cases copy what they say; the ledger's growth is what one visit made."""

from abreast.bench.shadow_case import GET, POST, Case, Copies, Sizes
from abreast.bench.shadow_target import SHARES
from abreast.load import Plan
from abreast.model.shadow import BODY_LIMIT
from abreast.up_process import Json


def ledger(seen: int, compared: int, lost: int, pending: int, **skipped: int) -> Json:
    return {"seen": seen, "compared": compared, "lost": lost, "pending": pending, "skipped": skipped, "share": 2000}


def test_every_case_copies_a_share_that_the_rollout_has() -> None:
    assert {case: case.share for case in Case} == {
        Case.OFF: 0,
        Case.SOME: 2000,
        Case.CANDIDATE_HUNG: 2000,
        Case.RELAY_HUNG: 2000,
        Case.RELAY_KILLED: 2000,
        Case.ALL: 10_000,
    }
    assert {case.share for case in Case} == {0, *SHARES}


def test_a_write_is_as_large_as_a_copy_may_be() -> None:
    assert BODY_LIMIT * 0.99 < len(POST.body) == 65_000 < BODY_LIMIT
    Plan(url="http://127.0.0.1:1", rate_per_s=1.0, count=1, requests=(GET, POST))


def test_reads_and_writes_have_their_own_rates() -> None:
    sizes = Sizes(rate_per_s=50.0, post_rate_per_s=7.0)

    assert sizes.kinds() == ((GET, 50.0), (POST, 7.0))
    assert Sizes(rate_per_s=50.0, post_rate_per_s=0.0).kinds() == ((GET, 50.0),)
    assert Sizes.quick().rounds == 1
    assert Sizes.quick().cases == tuple(Case)


def test_copies_are_what_the_ledger_grew_by_and_what_hangs_counts_as_lost() -> None:
    before = ledger(100, 20, 3, 2, **{"sampled-out": 75})
    after = ledger(160, 30, 5, 4, **{"sampled-out": 119, "expired": 2})

    copies = Copies.between(before, after)

    assert copies == Copies(60, 10, {"sampled-out": 44, "expired": 2}, lost=4)
    assert copies.seen == copies.compared + sum(copies.skipped.values()) + copies.lost


def test_what_did_not_grow_is_no_reason() -> None:
    same = ledger(100, 20, 3, 2, **{"sampled-out": 75})

    assert Copies.between(same, same) == Copies(0, 0, {}, 0)
