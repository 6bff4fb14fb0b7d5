"""An endpoint's noise: what is learned where, under which names, and how much of it at most."""

from collections.abc import Sequence

from abreast.compare.model import ABSENT, Difference, Kind, Value
from abreast.compare.rules import Rules
from abreast.findings.noise import OVERFLOW, PATTERNS, Exchange, Noise, keys_of
from abreast.findings.report import Key

NOW = 1_800_000_000.0


def difference(pattern: str, left: Value = "ada", right: Value = "grace", kind: Kind = Kind.CHANGED) -> Difference:
    return Difference(kind, pattern.replace("*", "0"), pattern, left, right)


def learn(
    noise: Noise,
    from_candidate: Sequence[Difference] = (),
    from_control: Sequence[Difference] | None = (),
    times: int = 1,
    *,
    chosen: bool = True,
) -> None:
    """Let noise learn from exchanges with these differences; None: no control was asked."""
    control = None if from_control is None else "b"
    for _ in range(times):
        of_candidate, of_control = noise.named(tuple(from_candidate)), noise.named(tuple(from_control or ()))
        noise.learn(Exchange(NOW, "a", control, of_candidate, of_control, chosen))


def test_nothing_is_forgiven_where_stable_agrees_with_itself() -> None:
    noise = Noise(Rules())
    learn(noise, [difference("/name")], [], times=20)
    assert not noise.forgives(difference("/name"), NOW)
    assert not noise.words()


def test_what_differs_in_stable_itself_is_forgiven_from_the_third_time_on() -> None:
    noise = Noise(Rules())
    for times in range(3):
        assert not noise.forgives(difference("/name"), NOW), times
        learn(noise, [], [difference("/name")])
    assert noise.forgives(difference("/name", "ada", "edsger"), NOW)
    assert not noise.forgives(difference("/total", "ada", "edsger"), NOW)
    assert noise.words() == {"/name": "a word, other in each process"}


def test_failures_are_never_forgiven() -> None:
    noise = Noise(Rules())
    for kind in (Kind.STATUS, Kind.NO_ANSWER, Kind.UNDECODABLE):
        failure = difference("status", 200, 503, kind)
        learn(noise, [failure], [failure], times=10)
        assert not noise.forgives(failure, NOW)


def test_an_array_that_stable_gives_in_any_order_becomes_unordered() -> None:
    noise = Noise(Rules(ignore=("/date",)))
    learn(noise, [], [difference("/tags", ["a", "b"], ["b", "a"], Kind.ORDER), difference("/tags/*")], times=2)
    assert noise.rules == Rules(ignore=("/date",))
    learn(noise, [], [difference("/tags", ["a", "b"], ["b", "a"], Kind.ORDER)])
    assert noise.rules == Rules(ignore=("/date",), unordered=("/tags",))
    assert noise.words() == {"/tags": "any order"}
    assert not noise.forgives(difference("/tags/*"), NOW), "what was learned of it in order is forgotten"


def test_a_text_s_lines_cannot_be_told_to_be_in_any_order() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("body", "a\nb", "b\na", Kind.ORDER)], times=5)
    assert noise.rules == Rules()


def test_an_object_with_many_members_is_a_map() -> None:
    noise = Noise(Rules())
    patterns = [f"/prices/sku{number}/amount" for number in range(60)]
    names = [noise.named((difference(pattern),))[0].pattern for pattern in patterns]
    assert names[:50] == patterns[:50]
    assert set(names[50:]) == {"/prices/*/amount"}
    assert noise.named((difference(patterns[0]),))[0].pattern == "/prices/*/amount"
    assert noise.named((difference("/currency"),))[0].pattern == "/currency"


def test_maps_within_maps_and_arrays_are_found() -> None:
    noise = Noise(Rules())
    for number in range(60):
        noise.named((difference(f"/items/*/by_day/2026-{number}/total"),))
    assert noise.named((difference("/items/*/by_day/2027-1/total"),))[0].pattern == "/items/*/by_day/*/total"


def test_what_was_learned_of_a_map_s_members_is_learned_anew_for_all() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("/m/a")], times=3)
    assert noise.forgives(difference("/m/a"), NOW)
    for number in range(60):
        noise.named((difference(f"/m/{number}"),))
    assert set(noise.words()) == set()
    learn(noise, [], [difference("/m/a")], times=3)
    assert set(noise.words()) == {"/m/*"}


def test_places_beyond_the_most_are_one_and_never_forgiven() -> None:
    noise = Noise(Rules())
    for number in range(PATTERNS):
        learn(noise, [], [difference(f"header:x-{number}")], times=3)
    late = noise.named((difference("header:late"),))
    assert late[0].pattern == OVERFLOW
    assert late[0].path == "header:late"
    learn(noise, late, late, times=5)
    assert not noise.forgives(late[0], NOW)
    assert noise.named((difference("header:x-0"),))[0].pattern == "header:x-0"


def test_alone_the_self_evident_is_not_counted() -> None:
    noise = Noise(Rules())
    found = (difference("/order_id", 17, 18), difference("/total", 17, 18))
    assert noise.counted(found, NOW, is_alone=False) == found
    assert noise.counted(found, NOW, is_alone=True) == found[1:]


def test_alone_a_known_shape_decides_before_first_sight() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("/key", "8f3a2c1b", "00a1b2c3")], times=1)
    found = (difference("/key", "8f3a2c1b", "00a1b2c4"),)
    assert noise.counted(found, NOW, is_alone=True) == found


def test_stable_s_values_are_learned_where_only_the_candidate_differs() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("/level", "x1", "x2"), difference("/level", "x2", "x1")], times=30)
    assert not noise.forgives(difference("/level", "x1", "x3"), NOW)
    learn(noise, [difference("/level", "x3", "x1")], [], times=4)
    assert noise.forgives(difference("/level", "x1", "x3"), NOW)


def test_the_candidate_s_values_are_never_learned() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("/level", "x1", "x2"), difference("/level", "x2", "x1")], times=30)
    learn(noise, [difference("/level", "x1", "x3")], [], times=50)
    learn(noise, [difference("/level", "x1", "x3")], [difference("/level", "x1", "x2")], times=50)
    assert not noise.forgives(difference("/level", "x1", "x3"), NOW)


def test_rates_are_compared_only_where_the_control_was_chosen() -> None:
    missing = difference("/note", "ada", ABSENT, Kind.MISSING)
    for chosen in (True, False):
        noise = Noise(Rules())
        learn(noise, [missing], [missing], times=30)
        learn(noise, [missing], [], times=60, chosen=chosen)
        assert noise.forgives(missing, NOW) is not chosen


def test_only_exchanges_with_a_control_make_noise_rare() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("/name")], times=3)
    learn(noise, [difference("/name")], [], times=3)
    learn(noise, [], None, times=1000)
    assert noise.forgives(difference("/name"), NOW)
    learn(noise, [], [], times=1000)
    assert not noise.forgives(difference("/name"), NOW)


def test_a_long_array_is_learned_in_part() -> None:
    noise = Noise(Rules())
    learn(noise, [], [difference("/items/*", number, number + 1) for number in range(10_000)], times=3)
    assert set(noise.words()) == {"/items/*"}


def test_keys_are_places_and_kinds() -> None:
    found = [difference("/a"), difference("/a"), difference("/b", kind=Kind.TYPE)]
    assert keys_of(found) == {Key("/a", Kind.CHANGED), Key("/b", Kind.TYPE)}
