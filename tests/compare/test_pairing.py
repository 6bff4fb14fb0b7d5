"""Which elements are compared with each other."""

from hypothesis import given
from hypothesis import strategies as st

from abreast.compare import tree
from abreast.compare.model import Value
from abreast.compare.pairing import Pair, by_member, by_place, in_any_order, in_order, key_by_rules
from abreast.compare.rules import Rules, Tolerance, compiled

NOTHING = compiled(Rules()).root


def ordered(left: list[Value], right: list[Value]) -> tuple[list[Pair], bool]:
    keys, others = list(map(tree.canonical, left)), list(map(tree.canonical, right))
    alignment = in_order(left, right, keys, others)
    return alignment.pairs, alignment.anchored


def test_by_place_the_rest_of_the_longer_side_is_alone() -> None:
    assert by_place(range(2), range(10, 13)) == [Pair(0, 10), Pair(1, 11), Pair(None, 12)]
    assert by_place([4, 5], []) == [Pair(4, None), Pair(5, None)]


def test_by_member_wherever_the_elements_are() -> None:
    left: list[Value] = [{"id": 1}, {"id": 2}, {"id": 3}]
    right: list[Value] = [{"id": 3}, {"id": 4}, {"id": 1}]
    assert by_member(left, right, "id") == [Pair(0, 2), Pair(2, 0), Pair(1, None), Pair(None, 1)]


def test_by_member_doubles_keep_their_order_and_others_are_their_own_key() -> None:
    left: list[Value] = [{"id": 1, "n": 1}, {"id": 1, "n": 2}, "x", 1]
    right: list[Value] = [1, {"id": 1, "n": 3}, {"id": 1, "n": 4}, "y"]
    assert by_member(left, right, "id") == [Pair(0, 1), Pair(1, 2), Pair(3, 0), Pair(2, None), Pair(None, 3)]


def test_in_any_order_equal_ones_first_then_by_rules_then_by_name_then_by_place() -> None:
    place = compiled(Rules(tolerance=(("/*", Tolerance(absolute=0.1)),))).root
    assert in_any_order([5, 1], [1, 6], place) == [Pair(1, 0), Pair(0, 1)]
    left: list[Value] = [{"id": "a", "n": 1}, {"id": "b", "n": 1}, {"id": "c", "n": 1}]
    right: list[Value] = [{"id": "c", "n": 2}, {"id": "a", "n": 2}, {"id": "b", "n": 1}]
    assert in_any_order(left, right, NOTHING) == [Pair(1, 2), Pair(0, 1), Pair(2, 0)]
    assert in_any_order(["a", "b"], ["b", "c", "d"], NOTHING) == [Pair(1, 0), Pair(0, 1), Pair(None, 2)]


def test_in_order_what_is_put_in_is_alone() -> None:
    pairs, anchored = ordered(["a", "b", "c"], ["a", "x", "b", "c"])
    assert anchored
    assert pairs == [Pair(0, 0), Pair(None, 1), Pair(1, 2), Pair(2, 3)]


def test_in_order_what_is_replaced_is_paired_by_place() -> None:
    pairs, anchored = ordered(["a", "b", "c", "d"], ["a", "x", "y", "z", "d"])
    assert anchored
    assert pairs == [Pair(0, 0), Pair(1, 1), Pair(2, 2), Pair(None, 3), Pair(3, 4)]


def test_in_order_changed_elements_are_found_again_by_their_name() -> None:
    left: list[Value] = [{"sku": name, "at": 1} for name in "abcd"]
    right: list[Value] = [{"sku": name, "at": 2} for name in "axbcd"]
    pairs, anchored = ordered(left, right)
    assert anchored
    assert pairs == [Pair(0, 0), Pair(None, 1), Pair(1, 2), Pair(2, 3), Pair(3, 4)]


def test_a_member_that_is_not_on_all_elements_or_not_alone_names_nothing() -> None:
    for left in (
        [{"id": 1, "n": 1}, {"n": 2}],
        [{"id": 1, "n": 1}, {"id": 1, "n": 2}],
        [{"id": [1], "n": 1}, {"id": [2], "n": 1}],
        [{"id": None, "n": 1}, {"id": 2, "n": 1}],
    ):
        right: list[Value] = [{"id": 3}, {"id": 1}, {"id": 2}]
        pairs, anchored = ordered(list(left), right)
        assert not anchored
        assert pairs == [Pair(0, 0), Pair(1, 1), Pair(None, 2)]


def test_nothing_in_common_is_told() -> None:
    assert ordered(["a", "b"], ["c"]) == ([Pair(0, 0), Pair(1, None)], False)


def test_as_many_equal_in_place_as_elsewhere_means_that_nothing_moved() -> None:
    pairs, anchored = ordered([0, 0, 1], [7, 0, 1])
    assert anchored
    assert pairs == [Pair(0, 0), Pair(1, 1), Pair(2, 2)]


def test_too_far_apart_to_be_aligned_is_told() -> None:
    left: list[Value] = list(range(1_000))
    pairs, anchored = ordered(left, left[::-1])
    assert not anchored
    assert pairs == [Pair(place, place) for place in range(1_000)]


def test_a_key_by_rules_is_one_for_what_the_rules_hold_the_same() -> None:
    rules = Rules(
        ignore=("/*/seen",),
        unordered=("/*/tags",),
        tolerance=(("/*/price", Tolerance(absolute=1)),),
        mask=("nonce-[0-9]+",),
    )
    place = compiled(rules).root.step(0)
    one: Value = {"id": 1, "seen": 1, "tags": ["a", "b"], "price": 5, "text": "x nonce-1"}
    other = {"text": "x nonce-2", "id": 1, "tags": ["b", "a"], "price": 6}
    assert key_by_rules(one, place) == key_by_rules(other, place)
    assert key_by_rules(one, NOTHING) != key_by_rules(other, NOTHING)
    assert key_by_rules(one, place) != key_by_rules(dict(other, id=2), place)
    assert key_by_rules(one, place) != key_by_rules(dict(other, tags=["b"]), place)


LISTS = st.lists(st.integers(0, 4), max_size=12) | st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 5), "n": st.integers(0, 2)}), max_size=8
)


@given(LISTS, LISTS)
def test_every_element_is_in_one_pair_and_swapped_sides_give_swapped_pairs(
    left: list[Value], right: list[Value]
) -> None:
    ways = (
        ordered(left, right)[0],
        by_member(left, right, "id"),
        in_any_order(left, right, NOTHING),
    )
    mirrored = (
        ordered(right, left)[0],
        by_member(right, left, "id"),
        in_any_order(right, left, NOTHING),
    )
    for pairs, swapped in zip(ways, mirrored, strict=True):
        assert sorted(pair.left for pair in pairs if pair.left is not None) == list(range(len(left)))
        assert sorted(pair.right for pair in pairs if pair.right is not None) == list(range(len(right)))
        lone = sum(None in pair for pair in pairs)
        assert lone == sum(None in pair for pair in swapped)
    assert [Pair(mine, other) for other, mine in ordered(right, left)[0]] == ways[0]


@given(LISTS, LISTS)
def test_in_order_is_ascending_on_both_sides(left: list[Value], right: list[Value]) -> None:
    pairs, _ = ordered(left, right)
    for side in ([pair.left for pair in pairs], [pair.right for pair in pairs]):
        places = [place for place in side if place is not None]
        assert places == sorted(places)
