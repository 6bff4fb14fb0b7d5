"""Bodies as lines, each with its place."""

import json

from hypothesis import given
from hypothesis import strategies as st

from abreast.operations.body_lines import Line, body_lines

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_json_is_one_member_a_line_with_its_pointer() -> None:
    assert body_lines('{"a": {"b/c": [1, 1.50]}, "d": {}, "é": "x"}') == [
        Line("{", ""),
        Line('  "a": {', "/a"),
        Line('    "b/c": [', "/a/b~1c"),
        Line("      1", "/a/b~1c/0"),
        Line("      1.50", "/a/b~1c/1"),
        Line("    ]", "/a/b~1c"),
        Line("  }", "/a"),
        Line('  "d": {}', "/d"),
        Line('  "é": "x"', "/é"),
        Line("}", ""),
    ]


def test_big_numbers_are_shown_exactly() -> None:
    assert [line.text for line in body_lines("9007199254740993")] == ["9007199254740993"]


def test_other_text_is_shown_line_by_line_without_places() -> None:
    assert body_lines("<p>\n\tone\x1b[2J\n</p>") == [Line("<p>"), Line(r"    one\x1b[2J"), Line("</p>")]
    assert body_lines("") == []


def test_json_that_was_cut_off_is_taken_apart_all_the_same() -> None:
    cut = body_lines('{"a, b": [1, {"c": "x\\"y, z"}], "d": "unfini')
    assert [line.text for line in cut] == ["{", '"a, b": [', "1", "{", '"c": "x\\"y, z"}]', '"d": "unfini']
    assert {line.pointer for line in cut} == {None}


def test_too_deep_json_is_shown_as_text() -> None:
    lines = body_lines("[" * 500 + "]" * 500)
    assert len(lines) == 501
    assert {line.pointer for line in lines} == {None}


@given(VALUES)
def test_every_place_is_there_and_nothing_controls_the_terminal(value: object) -> None:
    lines = body_lines(json.dumps(value))
    assert all(line.pointer is not None for line in lines)
    assert all(len(line.text.splitlines()) == 1 for line in lines)
    for index, member in enumerate(value if isinstance(value, list) else []):
        assert any(line.pointer == f"/{index}" for line in lines), member


@given(st.text(max_size=200))
def test_any_text_that_is_no_json_has_lines_and_none_of_it_is_lost(body: str) -> None:
    lines = body_lines(f"<{body}")
    assert all(len(line.text.splitlines()) <= 1 for line in lines)
    shown = "".join(line.text for line in lines)
    assert [letter for letter in body if letter.isalnum() and letter not in shown] == []
