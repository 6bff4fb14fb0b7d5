"""Of each key the first, the newest, and three by chance."""

import random
from collections import Counter

from abreast.compare.model import Kind
from abreast.findings.report import Key, Sample, ShownAnswer
from abreast.findings.samples import BODY_CAP, MOST_PLACES, RANDOM_KEPT, Reservoir, capped, kept

TOTAL = Key("/total", Kind.TYPE)
NAME = Key("/name", Kind.CHANGED)
ANSWER = ShownAnswer(200, (), "{}")


def sample(number: int, *keys: Key, endpoint: str = "GET /a") -> Sample:
    return Sample(str(number), float(number), endpoint, keys, "GET", "/a", (), "", ANSWER, ANSWER, None, ())


def test_the_first_of_a_key_is_wanted() -> None:
    reservoir = Reservoir()
    assert reservoir.wants("GET /a", [TOTAL], 1)
    assert reservoir.wants("GET /a", [TOTAL], 1), "asking changes nothing"
    assert not reservoir.wants("GET /a", [], 1), "nothing differs"


def test_of_one_batch_few_are_wanted_however_many_differ() -> None:
    reservoir = Reservoir()
    wanted = 0
    for number in range(10_000):
        if reservoir.wants("GET /a", [TOTAL], number):
            reservoir.added("GET /a", [TOTAL], number)
            wanted += 1
    # Of n in random order the k smallest so far are beaten k·ln(n/k) times after the first k.
    assert RANDOM_KEPT < wanted < 60


def test_each_batch_has_a_newest() -> None:
    reservoir = Reservoir()
    for number in range(1_000):
        reservoir.added("GET /a", [TOTAL], number)
    reservoir.next_batch()
    assert reservoir.wants("GET /a", [TOTAL], 5_000)
    reservoir.added("GET /a", [TOTAL], 5_000)
    assert sum(reservoir.wants("GET /a", [TOTAL], number) for number in range(6_000, 6_100)) < 5


def test_an_exchange_is_wanted_for_any_of_its_keys_and_per_endpoint() -> None:
    reservoir = Reservoir()
    for number in range(2_000):
        reservoir.added("GET /a", [TOTAL], number)
    number = next(number for number in range(9_000, 9_999) if not reservoir.wants("GET /a", [TOTAL], number))
    assert reservoir.wants("GET /a", [TOTAL, NAME], number)
    assert reservoir.wants("GET /b", [TOTAL], number)


def test_a_reservoir_is_bounded() -> None:
    reservoir = Reservoir()
    for number in range(MOST_PLACES):
        reservoir.added(f"GET /{number}", [TOTAL], number)
    assert not reservoir.wants("GET /one more", [TOTAL], 1)
    reservoir.added("GET /one more", [TOTAL], 1)
    assert not reservoir.wants("GET /one more", [TOTAL], 2)
    reservoir.next_batch()
    assert reservoir.wants("GET /7", [TOTAL], 3)


def test_at_most_five_are_kept_with_the_first_and_the_newest() -> None:
    samples = [sample(number, TOTAL) for number in range(100)]
    random.Random(1).shuffle(samples)
    chosen = kept(samples)
    assert len(chosen) <= 2 + RANDOM_KEPT
    assert (chosen[0].id, chosen[-1].id) == ("0", "99")
    assert list(chosen) == sorted(chosen, key=lambda each: each.at)


def test_what_is_kept_is_the_same_however_it_came() -> None:
    """Also piece by piece: what a choice left out would not have been chosen later."""
    samples = [sample(number, TOTAL, *([NAME] if number % 7 == 0 else [])) for number in range(300)]
    at_once = kept(samples)
    piecewise: tuple[Sample, ...] = ()
    for each in samples:
        piecewise = kept((*piecewise, each))
    assert piecewise == at_once
    assert {each.id for each in at_once if NAME in each.keys} >= {"0", "294"}


def test_the_choice_by_chance_favours_no_time() -> None:
    quarters: Counter[int] = Counter()
    for run in range(300):
        chosen = kept([sample(run * 1_000 + number, TOTAL) for number in range(100)])
        quarters.update((int(each.id) % 1_000) // 25 for each in chosen[1:-1])
    expected = sum(quarters.values()) / 4
    assert all(0.75 * expected < quarters[quarter] < 1.25 * expected for quarter in range(4))


def test_endpoints_do_not_crowd_each_other_out() -> None:
    samples = [sample(number, TOTAL, endpoint=f"GET /{number % 10}") for number in range(500)]
    assert {each.endpoint for each in kept(samples)} == {f"GET /{number}" for number in range(10)}


def test_bodies_are_cut_between_two_characters() -> None:
    assert capped("short") == ("short", False)
    assert capped("x" * BODY_CAP) == ("x" * BODY_CAP, False)
    assert capped("x" * (BODY_CAP + 1)) == ("x" * BODY_CAP, True)
    text, cut = capped("x" + "€" * BODY_CAP)
    assert cut
    assert text == "x" + "€" * ((BODY_CAP - 1) // 3)
