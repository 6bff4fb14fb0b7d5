"""Which segments are identifiers: by their form, and by how many there are."""

import pytest

from abreast.compare.segments import DISTINCT, ID, LONGEST, PLACES, Segments, shown, without_identifiers


@pytest.mark.parametrize(
    "segment",
    [
        "17",
        "-3",
        "52.52",
        "0b6dd2c5-3c41-4b8f-9a3d-0a6d2f9f5c11",
        "{0B6DD2C5-3C41-4B8F-9A3D-0A6D2F9F5C11}",
        "01ARZ3NDEKTSV4RRFFQ69G5FAV",
        "3f9a8b7c",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "cus_9s6XKzkNRiz8i3",
        "2026-11-23",
        "2026-11",
        "2026-11-23T01:50:02Z",
        "2026-11-23T01:50:02.123+01:00",
        "ada@example.org",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        "x" * (LONGEST + 1),
    ],
)
def test_a_segment_of_a_form_that_only_identifiers_have_is_one(segment: str) -> None:
    assert without_identifiers(segment) == ID


@pytest.mark.parametrize(
    "segment",
    [
        "",
        "orders",
        "v1",
        "v2beta1",
        "oauth2-authorization-server",
        "getCustomerAccountDetailsV2",
        "internationalization",
        "iso3166-2-country-codes-list",
        "facade",
        "deadbeef",
        "@me",
        "~ada",
        "grüße",
    ],
)
def test_a_word_is_none(segment: str) -> None:
    assert without_identifiers(segment) == segment


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("main.3f9a8b7c.js", "main.{id}.js"),
        ("17.json", "{id}.json"),
        ("robots.txt", "robots.txt"),
        ("cart;jsessionid=3f9a8b7c", "cart"),
        (";odd", ";odd"),
    ],
)
def test_an_identifier_between_dots_is_one_and_parameters_do_not_count(segment: str, expected: str) -> None:
    assert without_identifiers(segment) == expected


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        ("caf%C3%A9", "café"),
        ("a%2Fb", "a%2Fb"),
        ("a%0Ab", "a%0Ab"),
        ("a b", "a%20b"),
        ("100%", "100%"),
        ("%ff", "\ufffd"),
        ("\ud800", "%ED%A0%80"),
    ],
)
def test_a_segment_is_shown_decoded_as_far_as_it_stays_one_printable_segment(segment: str, expected: str) -> None:
    assert shown(segment) == expected


def test_a_place_with_many_values_is_an_identifier_from_then_on() -> None:
    segments = Segments()
    for place in range(DISTINCT):
        assert segments.learned(("products", f"thing-{chr(97 + place % 26) * (place // 26 + 1)}"))[1] != ID
    assert segments.learned(("products", "one-more")) == ("products", ID)
    assert segments.learned(("products", "thing-a")) == ("products", ID)
    assert segments.learned(("products", "thing-a", "reviews")) == ("products", ID, "reviews")
    assert segments.collapsed(("products", "thing-a"))
    assert not segments.collapsed(("products", ID, "reviews"))
    assert not segments.collapsed(("customers", "thing-a"))


def test_what_is_below_one_prefix_does_not_count_for_another() -> None:
    segments = Segments()
    words = ["a" * size for size in range(1, DISTINCT + 1)]
    for word in words[: DISTINCT // 2]:
        segments.learned(("left", word))
        segments.learned(("right", word))
    assert segments.learned(("left", "new")) == ("left", "new")


def test_identifiers_of_known_form_take_no_memory_and_their_place_is_not_collapsed_by_them() -> None:
    segments = Segments()
    for number in range(DISTINCT * 4):
        segments.learned(("orders", str(number)))
    assert segments.learned(("orders", "search")) == ("orders", "search")


def test_memory_is_bounded_and_what_finds_no_room_is_an_identifier() -> None:
    segments = Segments()
    letters = "abcdefghijklmnopqrstuvwxyz"
    found = [
        segments.learned((f"a{one}", f"b{two}", f"c{three}"))
        for one in letters
        for two in letters
        for three in letters[:10]
    ]
    assert len(found) > PLACES
    assert segments._remembered == segments._root.size == PLACES
    assert found[0] == ("aa", "ba", "ca")
    assert found[-1][-1] == ID
    assert segments.learned(("aa", "ba", "ca")) == ("aa", "ba", "ca")


def test_collapsing_gives_its_memory_back() -> None:
    segments = Segments()
    for place in range(DISTINCT + 1):
        segments.learned(("shop", "w" * (place + 1), "cart"))
    assert segments._remembered == segments._root.size == 3
