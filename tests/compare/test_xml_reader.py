"""XML into trees."""

import pytest

from abreast.compare.elements import MAX_DEPTH, MOST_CHARACTERS, MarkupError
from abreast.compare.xml_reader import read_xml
from tests.compare.trees import numbers, outline


def read(text: str) -> str:
    return outline(read_xml(text, numbers(html=False)))


def test_elements_attributes_and_texts_are_read() -> None:
    text = '<?xml version="1.0"?>\n<a y="2" x="1">\n  <b>one &amp; two</b>\n  <c/>\n</a>\n'
    assert read(text) == "[a(x=1,y=2)[b['one & two'] c[]]]"


def test_space_counts_within_text_but_not_between_elements() -> None:
    assert read("<a> <b> x </b>\n</a>") == "[a[b[' x ']]]"
    assert read("<a> </a>") == "[a[' ']]"
    assert read("<p>one <b>two</b> three</p>") == "[p['one ' b['two'] ' three']]"


def test_comments_instructions_and_the_way_of_writing_text_do_not_count() -> None:
    assert read("<a>x<!-- c -->y<?go on?><![CDATA[<z>]]></a>") == "[a['xy<z>']]"


def test_namespaces_count_by_their_uri_and_are_told_where_they_change() -> None:
    one = '<f:feed xmlns:f="urn:f" xmlns:x="urn:x" x:at="1"><f:entry/><x:more><x:deep/></x:more></f:feed>'
    other = '<feed xmlns="urn:f" xmlns:y="urn:x" y:at="1"><entry/><more xmlns="urn:x"><deep/></more></feed>'
    assert read(one) == read(other) == "[{urn:f}feed({urn:x}at=1)[entry[] {urn:x}more[deep[]]]]"
    assert read('<a xmlns="urn:a"><b xmlns=""/></a>') == "[{urn:a}a[{}b[]]]"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "not well-formed: no element found"),
        ("<a><b></a>", "not well-formed: mismatched tag: line 1"),
        ("<a/><b/>", "not well-formed"),
        ("<a>\0</a>", "not well-formed"),
        ("<a x='1' x='2'/>", "not well-formed: duplicate attribute"),
        ("<a>\ud800</a>", "surrogate"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "entities"),
        ('<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>', "entities"),
        ('<!DOCTYPE a SYSTEM "http://a.example/a.dtd"><a>&b;</a>', "entities"),
        ("<a>" * (MAX_DEPTH + 1) + "</a>" * (MAX_DEPTH + 1), f"deeper than {MAX_DEPTH}"),
        (f"<a>{'x' * MOST_CHARACTERS}</a>", "characters of markup"),
    ],
)
def test_what_cannot_be_read_says_why(text: str, wrong: str) -> None:
    with pytest.raises(MarkupError, match=wrong):
        read(text)


def test_a_few_lines_that_would_become_gigabytes_are_refused() -> None:
    laughs = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 10))
    with pytest.raises(MarkupError, match="entities"):
        read(f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l9;</a>')


def test_the_deepest_that_is_read_and_a_document_type_without_entities_are_read() -> None:
    assert read("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH) == "[" + "a[" * MAX_DEPTH + "]" * MAX_DEPTH + "]"
    assert read("<!DOCTYPE a><a>x</a>") == "[a['x']]"
