"""How often counters grew within the last minutes."""

from abreast.alerts.repeats import Repeats


def test_what_was_counted_before_it_was_seen_does_not_count() -> None:
    repeats = Repeats(300.0)
    assert [repeats.seen("a", 7, 0.0), repeats.seen("a", 7, 1.0), repeats.seen("a", 9, 2.0)] == [0, 0, 2]


def test_what_is_long_ago_does_not_count() -> None:
    repeats = Repeats(300.0)
    counts = [repeats.seen("a", number, 100.0 * number) for number in range(6)]
    assert counts == [0, 1, 2, 3, 3, 3]
    assert repeats.seen("a", 5, 799.0) == 1
    assert repeats.seen("a", 5, 800.0) == 0


def test_a_counter_that_fell_began_anew() -> None:
    repeats = Repeats(300.0)
    for count in (0, 2, 0):
        repeats.seen("a", count, 1.0)
    assert repeats.seen("a", 1, 2.0) == 3


def test_each_counts_for_itself_and_is_let_go_of() -> None:
    repeats = Repeats(300.0)
    for name in ("a", "b"):
        repeats.seen(name, 0, 0.0)
        repeats.seen(name, 4, 1.0)
    repeats.forget({"b"})
    assert (repeats.seen("a", 5, 2.0), repeats.seen("b", 5, 2.0)) == (0, 5)
