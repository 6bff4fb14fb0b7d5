from abreast.compare.model import Difference, Kind
from abreast.findings.report import Key
from abreast.shadow.confirmations import PER_KEY, PER_S, Confirmations

A = Difference(Kind.TYPE, "/a/0", "/a/*", 1, "1")
B = Difference(Kind.CHANGED, "/b", "/b", 1, 2)


class _Hand:
    """A clock's hand."""

    at_s = 0.0

    def __call__(self) -> float:
        return self.at_s


def test_each_key_once_for_each_exchange() -> None:
    confirmations = Confirmations(_Hand())
    assert confirmations.wanted("GET /", (A, A, B)) == (Key("/a/*", Kind.TYPE), Key("/b", Kind.CHANGED))


def test_only_so_many_a_second() -> None:
    hand = _Hand()
    confirmations = Confirmations(hand)
    assert sum(bool(confirmations.wanted(f"GET /{number}", (A,))) for number in range(100)) == PER_S
    hand.at_s += 1.0
    assert sum(bool(confirmations.wanted(f"GET /{number}", (A,))) for number in range(100)) == PER_S


def test_each_key_only_so_often_and_that_costs_others_nothing() -> None:
    hand = _Hand()
    confirmations = Confirmations(hand)
    asked = 0
    for _ in range(100):
        hand.at_s += 1.0
        asked += bool(confirmations.wanted("GET /", (A,)))
    assert asked == PER_KEY
    assert confirmations.wanted("GET /", (A, B)) == (Key("/b", Kind.CHANGED),)
    assert confirmations.wanted("GET /other", (A,)) == (Key("/a/*", Kind.TYPE),)


def test_without_differences_nothing_is_asked() -> None:
    assert Confirmations(_Hand()).wanted("GET /", ()) == ()
