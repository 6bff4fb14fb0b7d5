"""What becomes of a confirmed difference."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from abreast.model.errors import RefusedError
from abreast.postgres.connection import Connection, connected
from abreast.postgres.drift import State, Table, accept, counts, drifts, keys_of, mark_repaired, mark_vanished, prepare
from abreast.postgres.drift import record as record_
from abreast.schema.digest import Difference, Kind
from abreast.schema.names import Relation

ITEMS = Table(Relation("public", 'It"ems'), ("id", "B %s"), ("name", "stock"))
OTHER = Table(Relation("shop", "other"), ("id",), ("v",))
T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHANGED = Difference(("1", "x'"), Kind.DIFFERS, ("a", None), ("", None), ("name",))
MISSING = Difference(("2", "y"), Kind.MISSING_RIGHT, ("a", "7"), None, ("name", "stock"))


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connected(database) as made:
        prepare(made)
        prepare(made)
        yield made


def record(connection: Connection, *found: Difference, at: datetime = T0, table: Table = ITEMS) -> None:
    record_(connection, table, found, at)


def states(connection: Connection, now: datetime = T0) -> dict[tuple[str, ...], State]:
    return {tuple(each.key.values()): each.state for each in drifts(connection, now)}


def test_what_was_found_is_kept_whole(connection: Connection) -> None:
    record(connection, CHANGED, MISSING)
    first, second = drifts(connection, T0)
    assert (first.relation, first.key, first.kind) == (ITEMS.relation, {"id": "1", "B %s": "x'"}, Kind.DIFFERS)
    assert (first.left, first.right) == ({"name": "a", "stock": None}, {"name": "", "stock": None})
    assert (first.columns, first.first_seen, first.last_seen, first.state) == (("name",), T0, T0, State.OPEN)
    assert (first.by, first.reason, first.until) == (None, None, None)
    assert second.right is None
    assert (first.difference(ITEMS), second.difference(ITEMS)) == (CHANGED, MISSING)
    assert keys_of([CHANGED, MISSING]) == (CHANGED.key, MISSING.key)


def test_seen_again_it_keeps_its_beginning_and_takes_the_new_values(connection: Connection) -> None:
    record(connection, CHANGED)
    now_missing = Difference(CHANGED.key, Kind.MISSING_LEFT, None, ("z", "1"), ("name", "stock"))
    record(connection, now_missing, at=T0 + MINUTE)
    (found,) = drifts(connection, T0)
    assert (found.first_seen, found.last_seen) == (T0, T0 + MINUTE)
    assert found.difference(ITEMS) == now_missing


def test_repaired_it_is_closed_and_coming_back_begins_anew(connection: Connection) -> None:
    record(connection, CHANGED, MISSING)
    assert (
        mark_repaired(connection, ITEMS, [CHANGED.key, ("9", "unknown")], T0 + MINUTE, by="ann", reason="copied") == 1
    )
    assert mark_repaired(connection, ITEMS, [CHANGED.key], T0 + MINUTE) == 0
    (done,) = drifts(connection, T0, state=State.REPAIRED)
    assert (done.by, done.reason, done.last_seen) == ("ann", "copied", T0 + MINUTE)
    assert counts(connection, T0) == {State.OPEN: 1, State.REPAIRED: 1, State.ACCEPTED: 0}
    record(connection, CHANGED, at=T0 + 2 * MINUTE)
    again = next(each for each in drifts(connection, T0) if each.difference(ITEMS) == CHANGED)
    assert (again.first_seen, again.state, again.by, again.reason) == (T0 + 2 * MINUTE, State.OPEN, None, None)


def test_what_a_whole_sweep_no_longer_finds_has_vanished(connection: Connection) -> None:
    record(connection, CHANGED, MISSING)
    record(connection, Difference(("1",), Kind.DIFFERS, ("a",), ("b",), ("v",)), table=OTHER)
    began = T0 + MINUTE
    late = Difference(("3", "z"), Kind.DIFFERS, ("a", "1"), ("b", "1"), ("name",))
    record(connection, late, at=began + MINUTE)  # the fast path found it while the sweep ran
    assert mark_vanished(connection, ITEMS, [MISSING.key], began) == 1
    assert states(connection) == {
        CHANGED.key: State.REPAIRED,
        MISSING.key: State.OPEN,
        late.key: State.OPEN,
        ("1",): State.OPEN,
    }
    assert mark_vanished(connection, ITEMS, [], began + 5 * MINUTE) == 2
    assert counts(connection, T0)[State.OPEN] == 1


def test_accepted_it_stays_so_while_the_values_do(connection: Connection) -> None:
    record(connection, CHANGED)
    accept(connection, ITEMS, CHANGED.key, by="ann", reason="known rounding")
    record(connection, CHANGED, at=T0 + MINUTE)
    (found,) = drifts(connection, T0 + MINUTE, state=State.ACCEPTED)
    assert (found.by, found.reason, found.until, found.last_seen) == ("ann", "known rounding", None, T0 + MINUTE)
    other = Difference(CHANGED.key, Kind.DIFFERS, ("a", None), ("other", None), ("name",))
    record(connection, other, at=T0 + 2 * MINUTE)
    (found,) = drifts(connection, T0 + 2 * MINUTE)
    assert (found.state, found.by, found.reason) == (State.OPEN, None, None)


def test_accepted_until_a_time_it_is_open_from_then_on(connection: Connection) -> None:
    record(connection, CHANGED)
    accept(connection, ITEMS, CHANGED.key, by="ann", reason="mended on Monday", until=T0 + MINUTE)
    before, after = T0 + MINUTE - timedelta(microseconds=1), T0 + MINUTE
    assert (states(connection, before), states(connection, after)) == (
        {CHANGED.key: State.ACCEPTED},
        {CHANGED.key: State.OPEN},
    )
    assert counts(connection, before)[State.ACCEPTED] == counts(connection, after)[State.OPEN] == 1
    assert drifts(connection, after, state=State.ACCEPTED) == ()
    record(connection, CHANGED, at=after)
    assert drifts(connection, before)[0].until is None


def test_only_what_is_known_and_not_repaired_can_be_accepted(connection: Connection) -> None:
    with pytest.raises(RefusedError, match=r'public\.It"ems: no drift is open for id = 1, B %s = x\''):
        accept(connection, ITEMS, CHANGED.key, by="ann", reason="")
    record(connection, CHANGED)
    mark_repaired(connection, ITEMS, [CHANGED.key], T0)
    with pytest.raises(RefusedError, match="no drift is open"):
        accept(connection, ITEMS, CHANGED.key, by="ann", reason="")


def test_the_list_can_be_narrowed(connection: Connection) -> None:
    many = [Difference((str(number), "k"), Kind.DIFFERS, ("a", "1"), ("b", "1"), ("name",)) for number in range(5)]
    record(connection, *many)
    record(connection, Difference(("1",), Kind.DIFFERS, ("a",), ("b",), ("v",)), at=T0 + MINUTE, table=OTHER)
    assert len(drifts(connection, T0)) == 6
    assert [each.relation for each in drifts(connection, T0, relation=OTHER.relation)] == [OTHER.relation]
    assert [each.key["id"] for each in drifts(connection, T0, limit=2)] == ["0", "1"]
    assert drifts(connection, T0, state=State.REPAIRED) == ()


def test_all_of_a_record_or_none_of_it(connection: Connection, database: str) -> None:
    broken = Difference(("7", "\x00"), Kind.DIFFERS, ("a", "1"), ("b", "1"), ("name",))
    with pytest.raises(psycopg.DataError):
        record(connection, CHANGED, broken)
    assert drifts(connection, T0) == ()
    record(connection)
    assert drifts(connection, T0) == ()


def test_two_who_prepare_at_once_do_not_stumble(database: str) -> None:
    with connected(database) as one, connected(database) as other:
        with one.transaction():
            prepare(one)
            other.execute("SET lock_timeout = '50ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                prepare(other)
        prepare(other)
