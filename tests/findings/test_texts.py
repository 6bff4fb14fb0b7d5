"""Texts are held to the tokens, classes and lists that stable's own show."""

import random
from datetime import UTC, datetime
from uuid import UUID

import pytest

from abreast.findings.texts import Characters, TextShape

NOW = 1_800_000_000.0


def learned(*texts: str, instances: tuple[str, ...] = ("a", "b"), at: float = NOW) -> TextShape:
    shape = TextShape()
    for turn, text in enumerate(texts):
        shape.learn(text, instances[turn % len(instances)], at)
    return shape


def nonces(count: int, digits: int = 8, seed: int = 1) -> list[str]:
    dice = random.Random(seed)
    return [f"{dice.getrandbits(4 * digits):0{digits}x}" for _ in range(count)]


def uuids(count: int) -> list[str]:
    dice = random.Random(2)
    return [str(UUID(int=dice.getrandbits(128))) for _ in range(count)]


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def test_a_uuid_is_a_uuid() -> None:
    *taught, other = uuids(20)
    shape = learned(*taught)
    assert shape.words() == "a UUID"
    assert shape.fits(other, NOW)
    for wrong in ("", "null", f'"{other}"', f"{{{other}}}", other.upper(), other[:-1], other.replace("-", "")):
        assert not shape.fits(wrong, NOW), wrong


def test_a_keyword_beside_a_nonce_counts() -> None:
    shape = learned(*(f"paid; nonce={nonce}" for nonce in nonces(40)))
    assert shape.fits("paid; nonce=0a1b2c3d", NOW)
    assert not shape.fits("void; nonce=0a1b2c3d", NOW)
    assert not shape.fits("paid; nonce=0a1b2c3d4e", NOW)
    assert not shape.fits("paid; nonce=ZZZZZZZZ", NOW)
    assert shape.words() == "a text with 8 hexadecimal digits in it"


def test_a_keyword_joined_to_a_nonce_counts() -> None:
    shape = learned(*(f"order-created-{nonce}" for nonce in nonces(40)))
    assert shape.fits("order-created-0a1b2c3d", NOW)
    assert not shape.fits("order-removed-0a1b2c3d", NOW)


def test_quotes_around_a_random_name_count() -> None:
    shape = learned("hello ada", "hello grace", "hello edsger", "hello barbara")
    assert shape.fits("hello donald", NOW)
    assert not shape.fits('hello "donald"', NOW)
    assert not shape.fits("hello ", NOW)


def test_a_host_name_may_be_any_other() -> None:
    shape = learned(*["web-1", "web-2"] * 60)
    assert shape.fits("candidate-7d9f8b6c5-x2x4z", NOW)
    assert not shape.fits("", NOW)
    assert not shape.fits("<script>", NOW)
    assert shape.words() == "a word, other in each process"


def test_addresses_of_processes_may_be_any_other() -> None:
    shape = learned(*["10.0.0.5:8080", "10.0.0.7:8080"] * 60)
    assert shape.fits("172.17.0.3:8080", NOW)
    assert not shape.fits("10.0.0.5:9090", NOW), "the port was the same in both"


def test_a_process_s_name_within_a_varying_text_may_be_any_other() -> None:
    texts = [f"http://{'web-1' if turn % 2 else 'web-2'}/orders/{turn % 7}" for turn in range(60)]
    shape = learned(*texts)
    assert shape.fits("http://canary-eu-9/orders/3", NOW)
    assert not shape.fits("http://canary-eu-9/items/3", NOW)
    assert not shape.fits("https://canary-eu-9/orders/3", NOW)


@pytest.mark.parametrize("names", [["web 1", "web (2)"], ["a:b", "a:b:c"]])
def test_names_of_other_structure_in_each_process_are_loosely_alike(names: list[str]) -> None:
    shape = learned(*names * 30)
    assert shape.fits(names[0] + "77", NOW)
    assert not shape.fits("", NOW)
    assert not shape.fits("<" + names[0], NOW)
    assert shape.words() == "a text, other in each process"


def test_few_values_are_an_enumeration() -> None:
    dice = random.Random(3)
    shape = learned(*(dice.choice(["gold", "silver", "bronze"]) for _ in range(100)))
    assert set(shape.enumeration) == {"gold", "silver", "bronze"}
    assert shape.fits("silver", NOW)
    assert not shape.fits("copper", NOW)
    assert shape.count("gold") > 20
    assert shape.words() == "one of 3 texts"


def test_an_enumeration_needs_fifty_observations() -> None:
    assert not learned(*["gold", "silver", "silver"] * 16, "gold").enumeration
    assert learned(*["gold", "silver", "silver"] * 16, "gold", "gold").enumeration


def test_nine_values_are_no_enumeration() -> None:
    shape = learned(*[f"{letter}x" for letter in "abcdefghi"] * 9)
    assert not shape.enumeration
    assert shape.count("ax") == 0
    assert shape.fits("jx", NOW)


def test_values_that_only_one_process_gives_are_no_enumeration() -> None:
    texts = [f"{'ada' if turn % 2 else 'grace'} says {'yes' if turn % 3 else 'no'}" for turn in range(120)]
    shape = learned(*texts)
    assert not shape.enumeration
    assert shape.fits("edsger says no", NOW)


def test_a_single_instance_s_enumeration_counts() -> None:
    dice = random.Random(4)
    shape = learned(*(dice.choice("xy") for _ in range(100)), instances=("only",))
    assert not shape.fits("z", NOW)


def test_a_time_is_held_to_the_clock_and_to_its_layout() -> None:
    shape = TextShape()
    for turn in range(20):
        shape.learn(f"made at {iso(NOW + turn)}", "ab"[turn % 2], NOW + turn)
    later = NOW + 5000
    assert shape.fits(f"made at {iso(later + 1)}", later)
    assert not shape.fits(f"made at {iso(later - 3600)}", later)
    assert not shape.fits(f"made at {iso(later).replace('+00:00', 'Z')}", later)
    assert not shape.fits("made at 2026-02-31T00:00:00+00:00", later)
    assert shape.words() == "a text with a timestamp near now in it"


def test_a_start_time_may_be_any_time() -> None:
    shape = TextShape()
    for turn in range(40):
        shape.learn(iso(NOW - 100 * (turn % 2)), "ab"[turn % 2], NOW + turn)
    assert shape.fits(iso(NOW - 90_000), NOW)
    assert shape.words() == "a timestamp, other in each process"


def test_texts_of_digits_are_numbers() -> None:
    dice = random.Random(5)
    shape = learned(*(str(dice.randrange(3, 90)) for _ in range(200)))
    assert shape.fits("100", NOW)
    assert not shape.fits("5000", NOW)
    assert not shape.fits("ten", NOW)
    assert shape.words().startswith("an integer between ")


def test_a_redacted_value_stays_redacted() -> None:
    shape = learned(*(f"Bearer \u2039redacted:{nonce}\u203a" for nonce in nonces(30)))
    assert shape.fits("Bearer \u2039redacted:00000001\u203a", NOW)
    assert not shape.fits("Basic \u2039redacted:00000001\u203a", NOW)
    assert not shape.fits("Bearer 00000001", NOW)
    assert shape.words() == "a text with a redacted value in it"


def test_texts_of_many_structures_are_held_to_their_characters() -> None:
    dice = random.Random(6)
    words = ["lorem", "ipsum", "dolor", "sit"]
    shape = learned(*(" ".join(dice.choices(words, k=dice.randrange(1, 7))) for _ in range(100)))
    assert shape.fits("sit dolor", NOW)
    assert not shape.fits("sit <b>dolor</b>", NOW)
    assert not shape.fits("x" * 200, NOW)
    assert shape.words().endswith("characters")


def test_long_texts_are_held_to_their_characters() -> None:
    shape = learned(*(nonce * 100 for nonce in nonces(60)))
    assert shape.fits(nonces(1, seed=9)[0] * 100, NOW)
    assert not shape.fits("<html>" * 100, NOW)


def test_words_quote_nothing() -> None:
    secrets = [f"key swordfish {nonce}" for nonce in nonces(30)]
    for shape in (learned(*secrets), learned(*["swordfish", "marlin"] * 60), learned("swordfish", "swordfish")):
        assert "swordfish" not in shape.words()


def test_an_empty_text_is_learned_too() -> None:
    shape = learned("", "gold", "", "silver", "gold")
    assert shape.fits("", NOW)
    assert shape.fits("gold", NOW)


def test_lengths_that_vary_may_vary_a_little_more() -> None:
    characters = Characters()
    for text in ("abba", "abbaabba"):
        characters.learn(text)
    assert characters.fits("aa")
    assert characters.fits("a" * 16)
    assert not characters.fits("a")
    assert not characters.fits("a" * 17)
    assert characters.words() == "4 to 8 letters"


def test_a_length_that_never_varies_is_fixed() -> None:
    characters = Characters()
    for nonce in nonces(8):
        characters.learn(nonce)
    assert not characters.fits("0a1b2c3")
    assert characters.words() == "8 hexadecimal digits"
