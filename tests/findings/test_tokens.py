"""Text is cut where people would cut it."""

import pytest

from abreast.findings import tokens
from abreast.findings.tokens import Tokens, classes, cut, cut_word, layout, unix_time

UUID = "7f9c24e8-3b1f-4c8e-9d5a-0123456789ab"


def kinds(text: str) -> list[str]:
    return list(cut(text).kinds)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (UUID, tokens.UUID),
        (UUID.upper(), tokens.UUID),
        ("2026-11-23T01:50:03Z", tokens.TIME),
        ("2026-11-23 01:50:03.123456+02:00", tokens.TIME),
        ("Mon, 23 Nov 2026 01:50:03 GMT", tokens.TIME),
        ("Mon, 23-Nov-2026 01:50:03 GMT", tokens.TIME),
        ("10.0.0.17", tokens.ADDRESS),
        ("\u2039redacted:9f86d081\u203a", tokens.REDACTED),
        ("shop-7d9f8b6c5-x2x4z", tokens.WORD),
        ("naïve_größe", tokens.WORD),
        ("dGhlIHF1aWNrIGJyb3/+9==", tokens.WORD),
        ("eyJhbGciOiJI.eyJzdWIiOiIx", tokens.WORD),
    ],
)
def test_a_whole_text_of_one_kind_is_one_token(text: str, kind: str) -> None:
    assert cut(text) == Tokens((kind,), (text,))


@pytest.mark.parametrize(
    "text", ["", "paid", f'"{UUID}"', "a\nb\x00c", "é—ü", f"x{UUID}", "2026-13-99T99:99:99Z tomorrow"]
)
def test_tokens_joined_are_the_text(text: str) -> None:
    assert "".join(cut(text).texts) == text


def test_marks_are_tokens_of_their_own_kind() -> None:
    assert kinds("paid; nonce=8f3a2c1b") == [tokens.WORD, ";", " ", tokens.WORD, "=", tokens.WORD]


def test_quotes_around_a_name_are_seen() -> None:
    assert kinds('hello "ada"') == [tokens.WORD, " ", '"', tokens.WORD, '"']


def test_a_path_is_not_taken_for_base64() -> None:
    assert kinds("/v1/Orders/web-1/Abc123456789")[:4] == ["/", tokens.WORD, "/", tokens.WORD]


def test_a_word_is_cut_at_its_joints() -> None:
    assert cut_word("web-1.shop_eu").texts == ("web", "-", "1", ".", "shop", "_", "eu")


def test_classes_tell_hexadecimal_letters_from_others_and_small_from_capital() -> None:
    assert classes("ab09") == {tokens.HEX_LETTER, tokens.DIGIT}
    assert classes("Xy-") == {tokens.CAPITAL, tokens.LETTER, "-"}
    assert classes("AB") == {tokens.HEX_CAPITAL}


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:01:00Z", 60.0),
        ("1970-01-01 00:01:00", 60.0),
        ("1970-01-01T02:01:00,500+02:00", 60.5),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 60.0),
        ("1970-02-31T00:00:00Z", None),
        ("Thu, 99 Jan 1970 00:01:00 GMT", None),
    ],
)
def test_times_are_read(text: str, seconds: float | None) -> None:
    assert unix_time(text) == seconds


def test_a_layout_forgets_the_moment_and_keeps_the_way_of_writing() -> None:
    assert layout("2026-11-23T01:50:03.5Z") == layout("2025-01-01T00:00:00Z")
    assert layout("2026-11-23T01:50:03Z") != layout("2026-11-23T01:50:03+00:00")
    assert layout("Mon, 23 Nov 2026 01:50:03 GMT") != layout("Mon, 23-Nov-2026 01:50:03 GMT")
