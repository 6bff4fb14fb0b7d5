"""What services answer is shown, never obeyed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.model.visible import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain – ähem 👀", "plain – ähem 👀"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("a\tb\r\nc", r"a    b\r\nc"),
        ("\x9b2J\x7f\x00", r"\x9b2J\x7f\x00"),
        ("abc\u202edef\u2066", r"abc\u202edef\u2066"),
    ],
)
def test_control_characters_become_their_escapes(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_nothing_that_moves_the_cursor_is_left(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable() or not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]", shown)
    assert len(shown.splitlines()) <= 1
