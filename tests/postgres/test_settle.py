"""What is only on its way is never drift; what is drift is told in time."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from abreast.postgres.connection import Connection, connected
from abreast.postgres.keyed_rows import KeyedRows, differences
from abreast.postgres.settle import Flows, Waiting, settle
from abreast.schema.digest import Kind, Source
from abreast.schema.names import Relation
from tests.postgres.lagging import Busy, Lagging

KEYS = [(str(number),) for number in range(12)]


@pytest.fixture
def connection(database: str) -> Iterator[Connection]:
    with connected(database) as made:
        made.execute("CREATE TABLE public.stable (id int PRIMARY KEY, v text)")
        made.execute("CREATE TABLE public.candidate (id int PRIMARY KEY, v text)")
        yield made


def sides(connection: Connection, *, stamped: bool = True) -> tuple[KeyedRows, KeyedRows]:
    made = [Source.of(Relation("public", name), ["id"], ["v"]) for name in ("stable", "candidate")]
    left, right = (source if stamped else replace(source, stamp=None) for source in made)
    return KeyedRows(connection, left), KeyedRows(connection, right)


def no_wait() -> Waiting:
    def sleep(_seconds: float) -> None:
        raise AssertionError("nothing to wait for")

    return Waiting(now=lambda: 0.0, sleep=sleep)


def applied_after(busy: Busy, flow: Lagging) -> Callable[[str], bool]:
    """Asked once, the world goes on a little: between any two readings something may happen."""

    def applied(lsn: str) -> bool:
        busy.bustle()
        return flow.applied(lsn)

    return applied


def test_without_flows_a_difference_is_drift_at_once(connection: Connection) -> None:
    connection.execute("INSERT INTO public.stable VALUES (1, 'a'), (2, 'same'), (3, 'only here')")
    connection.execute("INSERT INTO public.candidate VALUES (1, 'b'), (2, 'same'), (4, 'only there')")
    settled = settle(*sides(connection), KEYS, Flows(), no_wait())
    assert [(each.key, each.kind) for each in settled.drift] == [
        (("1",), Kind.DIFFERS),
        (("3",), Kind.MISSING_RIGHT),
        (("4",), Kind.MISSING_LEFT),
    ]
    assert len(settled.equal) == len(KEYS) - 3
    assert (settled.unsettled, settled.late) == ((), False)


@pytest.mark.parametrize("seed", range(12))
def test_under_writes_lag_is_never_drift_and_drift_is_told(connection: Connection, seed: int) -> None:
    chance = random.Random(seed)
    flow = Lagging(connection, "stable", "candidate", broken={0, 1, 2})
    busy = Busy([flow], [list(range(3, 10))], chance)
    flow.write(0, "lost update")
    connection.execute("INSERT INTO public.candidate VALUES (0, 'as it was'), (1, 'not deleted')")
    flow.write(2, "lost insert")
    for _ in range(8):
        busy.bustle()
    for key in (4, 5, 6):
        flow.write(key, "on its way")
    left, right = sides(connection)
    assert len(differences(left, right, KEYS)) > 3  # the naive check blames the lag
    settled = settle(left, right, KEYS, Flows(applied_after(busy, flow)), Waiting(busy.now, busy.sleep))
    assert {each.key[0]: each.kind for each in settled.drift} == {
        "0": Kind.DIFFERS,
        "1": Kind.MISSING_LEFT,
        "2": Kind.MISSING_RIGHT,
    }
    assert not settled.late
    assert {*settled.equal, *settled.unsettled} == {*KEYS} - {("0",), ("1",), ("2",)}


@pytest.mark.parametrize("seed", range(8))
def test_with_changes_both_ways_too(connection: Connection, seed: int) -> None:
    chance = random.Random(seed)
    there = Lagging(connection, "stable", "candidate", broken={0})
    back = Lagging(connection, "candidate", "stable", broken={1})
    busy = Busy([there, back], [[2, 3, 4], [5, 6, 7]], chance, writes=3, arrivals=3)
    there.write(0, "lost")
    back.write(1, "lost")
    for _ in range(6):
        busy.bustle()
    there.write(2, "on its way")
    back.write(5, "on its way")
    flows = Flows(to_right=applied_after(busy, there), to_left=applied_after(busy, back))
    left, right = sides(connection)
    assert len(differences(left, right, KEYS)) > 2
    settled = settle(left, right, KEYS, flows, Waiting(busy.now, busy.sleep))
    assert {each.key[0]: each.kind for each in settled.drift} == {"0": Kind.MISSING_RIGHT, "1": Kind.MISSING_LEFT}


def test_a_row_that_goes_to_and_fro_is_seen_as_written_by_its_stamp(connection: Connection) -> None:
    """Each time it is read, the left side holds a and the right side b: only the stamps tell that both move."""
    flow = Lagging(connection, "stable", "candidate")
    flow.write(1, "a")
    flow.write(1, "b")
    flow.step()
    flow.step()
    flow.write(1, "a")

    def applied(lsn: str) -> bool:
        if not flow.applied(lsn):
            flow.step()  # a arrives
            flow.write(1, "b")
            flow.step()  # and b at once
            flow.write(1, "a")  # left shows a, right shows b again
        return flow.applied(lsn)

    elapsed = [0.0]

    def sleep(seconds: float) -> None:
        elapsed[0] += seconds

    waiting = Waiting(lambda: elapsed[0], sleep)
    settled = settle(*sides(connection), [("1",)], Flows(applied), waiting)
    assert (settled.drift, settled.unsettled) == ((), (("1",),))
    blind = settle(*sides(connection, stamped=False), [("1",)], Flows(applied), waiting)
    assert [each.key for each in blind.drift] == [("1",)]  # why tables have a stamp


def test_a_row_written_all_the_time_whose_changes_are_lost_is_drift_all_the_same(connection: Connection) -> None:
    flow = Lagging(connection, "stable", "candidate", broken={1})
    connection.execute("INSERT INTO public.candidate VALUES (1, 'never changes')")
    busy = Busy([flow], [[1]], random.Random(1), writes=4)
    flow.write(1, "a")
    settled = settle(*sides(connection), [("1",)], Flows(applied_after(busy, flow)), Waiting(busy.now, busy.sleep))
    assert [each.key for each in settled.drift] == [("1",)]


def test_a_flow_that_has_stopped_says_nothing_about_anybody(connection: Connection) -> None:
    flow = Lagging(connection, "stable", "candidate")
    flow.write(1, "on its way")
    elapsed = [0.0]

    def sleep(seconds: float) -> None:
        elapsed[0] += seconds

    waiting = Waiting(lambda: elapsed[0], sleep, timeout_s=3.0)
    settled = settle(*sides(connection), [("1",), ("2",)], Flows(flow.applied), waiting)
    assert settled.late
    assert (settled.drift, settled.equal, settled.unsettled) == ((), (), (("1",), ("2",)))
    assert 3.0 <= elapsed[0] < 3.5
    flow.step()
    assert settle(*sides(connection), [("1",), ("2",)], Flows(flow.applied), waiting).equal == (("1",), ("2",))


def test_a_suspect_told_twice_is_looked_at_once(connection: Connection) -> None:
    connection.execute("INSERT INTO public.stable VALUES (1, 'a')")
    settled = settle(*sides(connection), [("1",), ("1",), ("2",), ("2",)], Flows(), no_wait())
    assert len(settled.drift) == 1
    assert settled.equal == (("2",),)
    assert settle(*sides(connection), [], Flows(), no_wait()).drift == ()
