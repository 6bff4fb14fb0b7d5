"""Trees in which equal things have equal numbers."""

import pytest

from abreast.compare.elements import MOST_CHARACTERS, Builder, Element, MarkupError, Numbers, check_size
from abreast.compare.rules import Rules, compiled


def paragraph(numbers: Numbers, text: str, *, verbatim: bool = False, **attributes: str) -> Element:
    builder = Builder(numbers)
    builder.start("p", attributes, verbatim=verbatim)
    builder.data(text[:2])
    builder.data(text[2:])
    return builder.finish()


def test_equal_trees_have_one_number_and_others_have_others() -> None:
    numbers = Numbers(compiled(Rules()), html=True)
    one = paragraph(numbers, "Hello", id="a", title="b")
    assert one.number == paragraph(numbers, "Hello", title="b", id="a").number
    others = [
        paragraph(numbers, "Hello!", id="a", title="b"),
        paragraph(numbers, "Hello", id="a"),
        paragraph(numbers, "Hello", id="b", title="b"),
    ]
    assert len({one.number, *(other.number for other in others)}) == 4


def test_space_is_collapsed_unless_it_is_verbatim() -> None:
    numbers = Numbers(compiled(Rules()), html=True)
    collapsed = paragraph(numbers, " a \n\t b ").children[0]
    kept = paragraph(numbers, " a \n\t b ", verbatim=True).children[0]
    assert isinstance(collapsed, Element)
    assert isinstance(kept, Element)
    assert collapsed.children == ["a b"]
    assert kept.children == [" a \n\t b "]


def test_masked_text_and_attributes_have_one_number() -> None:
    numbers = Numbers(compiled(Rules(mask=(r"\d+",))), html=True)
    one, other = paragraph(numbers, "build 17", title="v1"), paragraph(numbers, "build 18", title="v22")
    assert one.number == other.number
    assert one.number != paragraph(numbers, "built 17", title="v1").number


def test_classes_are_a_set_in_html_only() -> None:
    html, xml = (Numbers(compiled(Rules()), html=html) for html in (True, False))
    assert html.attribute("class", " b  a b") == html.attribute("class", "a b")
    assert xml.attribute("class", "b a") != xml.attribute("class", "a b")
    assert html.attribute("style", "b a") != html.attribute("style", "a b")


def test_what_is_ignored_is_left_out() -> None:
    rules = Rules(ignore=("/p/@nonce", "/p/text()", "/p/i"))
    numbers = Numbers(compiled(rules), html=True)
    builder = Builder(numbers)
    builder.start("p", {"nonce": "x", "id": "a"}, verbatim=False)
    builder.data("text")
    builder.start("i", {}, verbatim=False)
    builder.end()
    builder.start("b", {}, verbatim=False)
    (left,) = builder.finish().children
    assert isinstance(left, Element)
    assert left.attributes == {"id": "a"}
    assert [child.name for child in left.children if isinstance(child, Element)] == ["b"]
    assert len(left.children) == 1


def test_a_document_may_not_be_too_large() -> None:
    check_size("x" * MOST_CHARACTERS)
    with pytest.raises(MarkupError, match=f"{MOST_CHARACTERS + 1} characters"):
        check_size("x" * (MOST_CHARACTERS + 1))
