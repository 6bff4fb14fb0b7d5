"""HTML into trees."""

import pytest

from abreast.compare.elements import MAX_DEPTH, MOST_CHARACTERS, MarkupError
from abreast.compare.html_reader import read_html
from tests.compare.trees import numbers, outline


def read(text: str) -> str:
    return outline(read_html(text, numbers(html=True)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>one<p>two<div>three</div>", "[p['one'] p['two'] div['three']]"),
        ("<ul><li>a<li>b</ul>c", "[ul[li['a'] li['b']] 'c']"),
        ("<dl><dt>a<dd>b<dt>c</dl>", "[dl[dt['a'] dd['b'] dt['c']]]"),
        (
            "<table><tr><td>1<td>2<tr><th>3<tbody><tr><td>4</table>x",
            "[table[tr[td['1'] td['2']] tr[th['3']] tbody[tr[td['4']]]] 'x']",
        ),
        (
            "<select><optgroup><option>a<option>b<optgroup><option>c</select>",
            "[select[optgroup[option['a'] option['b']] optgroup[option['c']]]]",
        ),
        ("<head><title>t</title><body>b", "[head[title['t']] body['b']]"),
        ("a<br>b<img src=x>c<input disabled>", "['a' br[] 'b' img(src=x)[] 'c' input(disabled=)[]]"),
        ("<svg><path d='M0'/><g/>x</svg>y", "[svg[path(d=M0)[] g[] 'x'] 'y']"),
        ("<div/>x", "[div['x']]"),
        ("<ul><li><ul><li>x</ul><li>y</ul>", "[ul[li[ul[li['x']]] li['y']]]"),
    ],
)
def test_ends_that_may_be_left_out_are_put_in(text: str, expected: str) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>  one\n two  </p>\n", "[p['one two']]"),
        ("<p>one <b>two</b> three</p>", "[p['one ' b['two'] ' three']]"),
        ("<pre>\n a  b </pre>", "[pre['\\n a  b ']]"),
        ("<textarea> a  <b></textarea>", "[textarea[' a  ' b[]]]"),
        ("<script>if (a < b  && c)\n  d()</script>", "[script['if (a < b  && c)\\n  d()']]"),
        ("<p>&lt;&eacute;&#8364;&nbsp;x</p>", "[p['<é€\\xa0x']]"),
    ],
)
def test_space_is_collapsed_but_not_where_it_shows(text: str, expected: str) -> None:
    # Newer versions of the standard library read a textarea's content as text, as browsers do.
    assert read(text) in {expected, expected.replace("' a  ' b[]", "' a  <b>'")}


def test_the_document_type_counts_and_comments_do_not() -> None:
    assert read("<!DOCTYPE html><!-- built 17 --><p>x") == "(doctype=DOCTYPE html)[p['x']]"
    assert read("<!--[if IE]><p>old</p><![endif]--><p>x<![if !IE]>y<![endif]>") == "[p['xy']]"
    assert read("<p>a<![odd]>b<![CDATA[c]]>d") == "[p['abd']]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("</p>x</div>", "['x']"),
        ("<b><i>x</b>y</i>", "[b[i['x']] 'y']"),
        ("<p id=a id=b>", "[p(id=a)[]]"),
        ("<p>a < b <", "[p['a < b <']]"),
        ("<p>x &amp", "[p['x &']]"),
        ("<p>x<a href='y", '[p["x<a href=\'y"]]'),
        ("<p>x<!-- y", "[p['x<!-- y']]"),
        ("<p>x</", "[p['x</']]"),
        ("<p>x<?y", "[p['x<?y']]"),
        ("<script>var x = 1;", "[script['var x = 1;']]"),
        ("<script>a</b", "[script['a</b']]"),
        ("<script>a</b>c</script>d", "[script['a</b>c'] 'd']"),
    ],
)
def test_nothing_of_broken_markup_gets_lost(text: str, expected: str) -> None:
    assert read(text) == expected


def test_what_nests_too_deep_is_read_flat() -> None:
    assert read("<b>" * (MAX_DEPTH + 2) + "x") == "[" + "b[" * MAX_DEPTH + "b[] b[] 'x'" + "]" * MAX_DEPTH + "]"


def test_a_document_may_not_be_too_large() -> None:
    with pytest.raises(MarkupError, match="characters of markup"):
        read("x" * (MOST_CHARACTERS + 1))


@pytest.mark.timeout(10)
@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<!--",
        "</",
        "<?",
        "<![x",
        "<!",
        '<a b="',
        '<a b="><',
        "&#",
        "<",
        "<b>",
        "<p>",
        "<a =\"' ",
        "</x>",
        "<li>",
    ],
)
def test_sixty_four_kilobytes_of_any_construct_are_read_quickly(piece: str) -> None:
    text = piece * (65_536 // len(piece))
    assert read(text).startswith("[")
    assert read(f"<script>{text}").startswith("[script[")
