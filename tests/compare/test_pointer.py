"""Pointers and patterns."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.compare import pointer

# RFC 6901, section 5: the pointers of its example document, and the steps they mean.
RFC_6901 = [
    ("", ()),
    ("/foo", ("foo",)),
    ("/foo/0", ("foo", "0")),
    ("/", ("",)),
    ("/a~1b", ("a/b",)),
    ("/c%d", ("c%d",)),
    ("/e^f", ("e^f",)),
    ("/g|h", ("g|h",)),
    ("/i\\j", ("i\\j",)),
    ('/k"l', ('k"l',)),
    ("/ ", (" ",)),
    ("/m~0n", ("m~n",)),
]


@pytest.mark.parametrize(("written", "steps"), RFC_6901)
def test_the_examples_of_rfc_6901(written: str, steps: tuple[str, ...]) -> None:
    assert pointer.split(written) == steps
    assert pointer.join(*steps) == written


@given(st.lists(st.text() | st.sampled_from(["~", "/", "~1", "~01", "", "*"])))
def test_any_steps_survive_being_written(steps: list[str]) -> None:
    assert pointer.split(pointer.join(*steps)) == tuple(steps)


@given(st.lists(st.text() | st.integers(min_value=0)))
def test_a_pattern_matches_the_pointer_that_it_is_of(steps: list[str | int]) -> None:
    assert pointer.matches(pointer.pattern_of(steps), pointer.join(*steps))


def test_a_pattern_has_a_star_for_every_index_and_keeps_names() -> None:
    assert pointer.pattern_of(("items", 3, "a/b", "4")) == "/items/*/a~1b/4"


def test_a_pointer_without_a_slash_is_refused_with_how_to_write_it() -> None:
    with pytest.raises(ValueError, match=r"'total' is no JSON Pointer: .*'/total'"):
        pointer.split("total")


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/items/*/price", "/items/3/price"),
        ("/items/*", "/items/x"),
        ("/**", ""),
        ("/**", "/a/b"),
        ("/**/price", "/price"),
        ("/**/price", "/a/b/price"),
        ("/a/**/z", "/a/z"),
        ("/a/**/**/z", "/a/b/c/z"),
        ("/x_*", "/x_trace"),
        ("/div[*]/p", "/div[12]/p"),
        ("/a~1b/*", "/a~1b/0"),
        ("/*", "/line\nbreak"),
    ],
)
def test_what_a_pattern_matches(pattern: str, path: str) -> None:
    assert pointer.matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/items/*/price", "/items/price"),
        ("/items/*", "/items/3/price"),
        ("/items/*", "/items"),
        ("/**/price", "/price/x"),
        ("/div[*]", "/div"),
        ("/a.c", "/abc"),
        ("/x_*", "/y_x_"),
        ("", "/a"),
    ],
)
def test_what_a_pattern_does_not_match(pattern: str, path: str) -> None:
    assert not pointer.matches(pattern, path)
