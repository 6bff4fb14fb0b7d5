"""Promises about rows hold only when what they name was seen, and say their figures."""

import json
from typing import Any

import pytest

from abreast.demo import data_promises
from abreast.demo.data_look import Agreement, Writes
from abreast.demo.data_promises import Repair

CLEAN = frozenset({'{"id": 3}', '{"id": 6}'})
OVER = frozenset({'{"id": 61}'})
NONE: frozenset[str] = frozenset()
FIRST = Repair(CLEAN, OVER, NONE, NONE, restored=2)
SECOND = Repair(NONE, OVER, NONE, CLEAN, restored=0)


def rows(*verdicts: str) -> list[dict[str, Any]]:
    return [{"key": json.dumps({"id": number}), "verdict": verdict} for number, verdict in enumerate(verdicts)]


def event(kind: str, reason: str, at: float) -> dict[str, Any]:
    return {"kind": kind, "reason": reason, "at": at}


def test_a_repair_is_read_from_what_the_command_told() -> None:
    told = {
        "proposal": {"rows": rows("clean", "overwritten", "dependent", "repaired", "clean")},
        "outcome": {"restored": 2, "kept": []},
    }

    repair = Repair.of(told)

    assert repair.clean == {'{"id": 0}', '{"id": 4}'}
    assert [*repair.overwritten, *repair.dependent, *repair.repaired] == ['{"id": 1}', '{"id": 2}', '{"id": 3}']
    assert repair.restored == 2
    assert repair.sentence == (
        "put back 2 rows; 1 are put back already; left alone 1 that somebody else has written since"
        " and 1 that other rows hang on"
    )


def test_a_repair_that_had_nothing_to_do_put_nothing_back() -> None:
    repair = Repair.of({"proposal": {"rows": []}, "outcome": None})

    assert repair == Repair(NONE, NONE, NONE, NONE, restored=0)
    assert repair.sentence == "put back 0 rows"


@pytest.mark.parametrize(("first", "second", "kept"), [(3, 2, True), (0, 2, False), (3, 0, False)])
def test_both_versions_wrote_only_if_each_did(*, first: int, second: int, kept: bool) -> None:
    promise = data_promises.both_wrote(Writes(first, first, 1.0, 2.0), Writes(second, second, 1.0, 2.0))

    assert promise.kept is kept
    assert f"v1 {first} times and v2 {second} times" in promise.text


def test_rows_agree_if_every_look_found_so() -> None:
    good, bad = Agreement("then", 20_000, 0), Agreement("later", 20_000, 3)

    assert data_promises.agreed([good, good]).kept
    promise = data_promises.agreed([good, bad])
    assert not promise.kept
    assert promise.text.endswith("0 of 20,000 then, 3 of 20,000 later")


@pytest.mark.parametrize("looks", [[], [Agreement("then", 0, 0)]])
def test_a_look_that_saw_nothing_proves_nothing(looks: list[Agreement]) -> None:
    assert not data_promises.agreed(looks).kept


@pytest.mark.parametrize(
    ("wrong", "left", "kept"),
    [
        (2, 0, True),
        (2, 1, False),  # one is not what it was
        (0, 0, False),  # nothing was wrong, so nothing was shown
        (3, 0, False),  # fewer put back than were wrong: something else did it
    ],
)
def test_the_repair_restored_what_was_wrong(*, wrong: int, left: int, kept: bool) -> None:
    promise = data_promises.restored(wrong, left, 19_970, FIRST)

    assert promise.kept is kept
    assert f"{left} of 19,970 differ" in promise.text


def test_what_was_overwritten_is_reported_and_not_touched() -> None:
    assert data_promises.overwritten_kept(FIRST, CLEAN).kept
    touched = data_promises.overwritten_kept(FIRST, CLEAN | OVER)
    assert not touched.kept
    assert touched.text == "1 rows that v1 has written since were reported, 1 of them touched"
    assert not data_promises.overwritten_kept(Repair(CLEAN, NONE, NONE, NONE, restored=2), CLEAN).kept


def test_a_second_repair_does_nothing() -> None:
    assert data_promises.nothing_twice(FIRST, SECOND).kept
    assert not data_promises.nothing_twice(FIRST, FIRST).kept
    assert not data_promises.nothing_twice(SECOND, SECOND).kept


@pytest.mark.parametrize(
    ("last_s", "refusal", "kept"),
    [
        (9.5, "permission denied", True),
        (10.5, "permission denied", False),
        (9.5, "", False),
        (0.0, "permission denied", False),  # it never wrote: nothing was fenced off
    ],
)
def test_a_fenced_version_wrote_nothing_and_cannot(*, last_s: float, refusal: str, kept: bool) -> None:
    promise = data_promises.fenced(last_s, 10.0, refusal)

    assert promise.kept is kept
    assert (refusal or "was taken") in promise.text


def test_contract_left_exactly_the_new_columns() -> None:
    assert data_promises.contracted(data_promises.NEW_COLUMNS).kept
    assert not data_promises.contracted((*data_promises.NEW_COLUMNS, "price")).kept
    assert not data_promises.contracted(()).kept


def test_the_fence_is_found_in_the_audit_log() -> None:
    events = [
        event("data", "v2 can run beside v1", 1.0),
        event("operator", "v2 may write nothing any more", 2.0),
        event("data", "v3 may write nothing any more (4 ms)", 3.0),
        event("data", "v2 may write nothing any more (4 ms)", 4.0),
    ]

    assert data_promises.fence_s(events, "v2") == 4.0
    assert data_promises.fence_s(events[:2], "v2") is None
