"""XML and HTML, element by element."""

import pytest

from abreast.compare.markup import MarkupError, differences
from abreast.compare.model import ABSENT, Difference, Kind
from abreast.compare.rules import Rules, Tolerance

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
  <title>Order 17</title>
  <meta charset="utf-8">
  <meta name="csrf-token" content="b4c1">
  <link rel="stylesheet" href="/main.css">
  <script nonce="r4nd0m">const order = {"id": 17, "open": 1 < 2};</script>
</head>
<body class="page order">
  <h1>Order 17</h1>
  <p class="made">Made at 12:00:01</p>
  <p class="total">Total: <b>12.50</b> EUR</p>
  <table>
    <tr><td>Tea<td>2
    <tr><td>Cups<td>4
  </table>
  <a href="/orders/17/pay">Pay</a>
</body>
</html>
"""
SOAP = """<?xml version="1.0"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:o="urn:orders">
  <soap:Body>
    <o:Order id="17" state="open"><o:Total currency="EUR">12.50</o:Total></o:Order>
    <o:Order id="18" state="open"><o:Total currency="EUR">9.99</o:Total></o:Order>
  </soap:Body>
</soap:Envelope>
"""
BODY = "/{http:~1~1schemas.xmlsoap.org~1soap~1envelope~1}Envelope/Body"


def html(left: str, right: str, rules: Rules | None = None) -> list[Difference]:
    return list(differences(left, right, rules or Rules(), html=True))


def xml(left: str, right: str, rules: Rules | None = None) -> list[Difference]:
    return list(differences(left, right, rules or Rules(), html=False))


def places(found: list[Difference]) -> list[tuple[Kind, str]]:
    return [(each.kind, each.path) for each in found]


def test_a_page_with_another_nonce_and_token_differs_there_and_nowhere_else() -> None:
    other = PAGE.replace("r4nd0m", "0th3r").replace("b4c1", "77aa")
    assert html(PAGE, other) == [
        Difference(
            Kind.CHANGED, "/html/head/meta[2]/@content", "/html/head/meta[@name='csrf-token']/@content", "b4c1", "77aa"
        ),
        Difference(Kind.CHANGED, "/html/head/script/@nonce", "/html/head/script[*]/@nonce", "r4nd0m", "0th3r"),
    ]


def test_a_page_written_otherwise_is_the_same() -> None:
    other = (
        PAGE.replace('class="page order"', "class='order  page'")
        .replace('rel="stylesheet" href="/main.css"', "HREF=/main.css rel=stylesheet")
        .replace("<td>2", "<td>2</td></tr>")
        .replace("</body>", "<!-- 31 ms -->\n\n</BODY>")
        .replace("12.50</b> EUR", "12&#46;50</b>\n   EUR")
    )
    assert other != PAGE
    assert html(PAGE, other) == []


def test_text_attributes_script_and_title_are_each_told_at_their_place() -> None:
    other = (
        PAGE.replace("12.50", "12.5")
        .replace("/pay", "/pay?step=1")
        .replace('"id": 17', '"id": "17"')
        .replace("<title>Order 17", "<title>Order #17")
        .replace('lang="en"', "")
    )
    assert [(each.kind, each.path, each.pattern) for each in html(PAGE, other)] == [
        (Kind.MISSING, "/html/@lang", "/html/@lang"),
        (Kind.CHANGED, "/html/head/title/text()", "/html/head/title/text()"),
        (Kind.CHANGED, "/html/head/script/text()", "/html/head/script[*]/text()"),
        (Kind.CHANGED, "/html/body/p[2]/b/text()", "/html/body/p[@class='total']/b[*]/text()"),
        (Kind.CHANGED, "/html/body/a/@href", "/html/body/a[*]/@href"),
    ]


def test_one_row_put_in_is_one_difference_and_so_is_one_taken_out() -> None:
    more = PAGE.replace("<tr><td>Cups", "<tr><td>Milk<td>1\n<tr><td>Cups")
    row = Difference(Kind.ADDED, "/html/body/table/tr[2]", "/html/body/table[*]/tr[*]", ABSENT, "<tr><td>Milk<td>1")
    assert html(PAGE, more) == [row]
    assert html(more, PAGE) == [Difference(Kind.MISSING, row.path, row.pattern, row.right, ABSENT)]


def test_a_row_put_in_before_one_that_changed_does_not_hide_it() -> None:
    other = PAGE.replace("<tr><td>Tea", "<tr><td>Milk<td>1\n<tr><td>Tea").replace("Cups<td>4", "Cups<td>5")
    assert places(html(PAGE, other)) == [
        (Kind.ADDED, "/html/body/table/tr[1]"),
        (Kind.CHANGED, "/html/body/table/tr[2]/td[2]/text()"),
    ]


def test_children_in_another_order_are_one_difference() -> None:
    left, right = "<ul><li>a</li><li>b</li><li>c</li></ul>", "<ul><li>c</li><li>a</li><li>b</li></ul>"
    assert html(left, right) == [Difference(Kind.ORDER, "/ul", "/ul", "<ul><li>a<li>b<li>c", "<ul><li>c<li>a<li>b")]
    assert html(left, right, Rules(unordered=("/ul",))) == []
    more = right.replace("</ul>", "<li>d</li></ul>")
    assert places(html(left, more, Rules(unordered=("/ul",)))) == [(Kind.ADDED, "/ul/li[4]")]


def test_an_element_by_another_name_is_missing_and_the_other_is_added() -> None:
    assert html("<p>a <b>x</b> c</p>", "<p>a <i>x</i> c</p>") == [
        Difference(Kind.MISSING, "/p/b", "/p/b[*]", "<b>x", ABSENT),
        Difference(Kind.ADDED, "/p/i", "/p/i[*]", ABSENT, "<i>x"),
    ]


def test_texts_between_elements_have_places() -> None:
    assert html("<p>a<br>b<br>c</p>", "<p>a<br>B<br>c</p>") == [
        Difference(Kind.CHANGED, "/p/text()[2]", "/p/text()", "b", "B")
    ]


def test_an_element_that_lost_its_text_misses_it() -> None:
    assert html("<p>x</p>", "<p></p>") == [Difference(Kind.MISSING, "/p/text()", "/p/text()", "x", ABSENT)]


def test_the_document_type_is_compared() -> None:
    assert places(html(PAGE, PAGE.removeprefix("<!DOCTYPE html>"))) == [(Kind.MISSING, "/@doctype")]


def test_a_name_with_digits_is_no_name_for_a_pattern_nor_is_one_that_differs() -> None:
    left = '<div><p id="x17">a</p><p id="react">b</p><p>c</p></div>'
    assert [each.pattern for each in html(left, left.replace(">a<", ">A<").replace(">b<", ">B<"))] == [
        "/div/p[*]/text()",
        "/div/p[@id='react']/text()",
    ]
    assert [each.pattern for each in html(left, left.replace("react", "vue"))] == ["/div/p[*]/@id"]


def test_xml_with_reordered_attributes_and_other_prefixes_is_the_same() -> None:
    other = (
        SOAP.replace('id="17" state="open"', "state='open'   id='17'")
        .replace("soap:", "s:")
        .replace(":soap=", ":s=")
        .replace("o:", "ord:")
        .replace(":o=", ":ord=")
        .replace("\n", "\r\n  ")
    )
    assert "<s:Body>" in other
    assert xml(SOAP, other) == []


def test_another_namespace_is_another_element() -> None:
    found = xml('<a xmlns="urn:v1"><b/></a>', '<a xmlns="urn:v2"><b/></a>')
    assert places(found) == [(Kind.MISSING, "/{urn:v1}a"), (Kind.ADDED, "/{urn:v2}a")]


def test_xml_is_compared_exactly_and_told_by_its_steps() -> None:
    other = SOAP.replace("12.50", "12.5").replace('id="18" state="open"', 'id="18" state="paid"')
    order = f"{BODY}/{{urn:orders}}Order"
    pattern = "/{http:~1~1schemas.xmlsoap.org~1soap~1envelope~1}Envelope/Body[*]/{urn:orders}Order[*]"
    assert xml(SOAP, other) == [
        Difference(Kind.CHANGED, f"{order}[1]/Total/text()", f"{pattern}/Total[*]/text()", "12.50", "12.5"),
        Difference(Kind.CHANGED, f"{order}[2]/@state", f"{pattern}/@state", "open", "paid"),
    ]
    assert places(xml("<a> x</a>", "<a>x</a>")) == [(Kind.CHANGED, "/a/text()")]


@pytest.mark.parametrize(
    ("ignore", "left_over"),
    [
        ("/list/item/@etag", ["/list/item[2]/name/text()"]),
        ("/list/item[*]/@etag", ["/list/item[2]/name/text()"]),
        ("/list/item[1]/@etag", ["/list/item[2]/@etag", "/list/item[2]/name/text()"]),
        ("/**/@etag", ["/list/item[2]/name/text()"]),
        ("/list/item", []),
        ("/list/item[2]", ["/list/item[1]/@etag"]),
        ("/list/item[*]/name[*]/text()", ["/list/item[1]/@etag", "/list/item[2]/@etag"]),
        ("", []),
    ],
)
def test_a_rules_path_may_have_places_or_none(ignore: str, left_over: list[str]) -> None:
    left = '<list><item etag="1"><name>a</name></item><item etag="2"><name>b</name></item></list>'
    right = '<list><item etag="8"><name>a</name></item><item etag="9"><name>c</name></item></list>'
    assert [each.path for each in xml(left, right, Rules(ignore=(ignore,)))] == left_over


@pytest.mark.parametrize("ignore", ["/ul/li/@key", "/ul/li[*]/@key", "/ul/*/@key"])
def test_what_is_ignored_does_not_disturb_the_alignment(ignore: str) -> None:
    left = "".join(f"<li key='{place}'>row {place}</li>" for place in range(9))
    right = "<li key='x'>new</li>" + "".join(f"<li key='x{place}'>row {place}</li>" for place in range(9))
    rules = Rules(ignore=(ignore,))
    assert places(html(f"<ul>{left}</ul>", f"<ul>{right}</ul>", rules)) == [(Kind.ADDED, "/ul/li[1]")]


def test_masks_and_tolerances_hold_in_texts_and_attributes() -> None:
    rules = Rules(
        mask=(r"\d\d:\d\d:\d\d", "r4nd0m|0th3r"), tolerance=(("/html/body/p/b/text()", Tolerance(absolute=0.1)),)
    )
    other = PAGE.replace("12:00:01", "12:00:02").replace("r4nd0m", "0th3r").replace("12.50", "12.55")
    assert html(PAGE, other, rules) == []
    assert [each.path for each in html(PAGE, other.replace("Made", "Built").replace("12.55", "12.65"), rules)] == [
        "/html/body/p[1]/text()",
        "/html/body/p[2]/b/text()",
    ]


def test_what_is_missing_is_shown_shortly() -> None:
    (found,) = xml("<a><b>" + "<c>text</c>" * 500 + "</b></a>", "<a/>")
    assert isinstance(found.left, str)
    assert len(found.left) == 200
    assert found.left.startswith("<b><c>text<c>text")


def test_markup_that_cannot_be_read_is_said_when_the_iteration_begins() -> None:
    found = differences("<a/>", "<a>", Rules(), html=False)
    with pytest.raises(MarkupError, match="not well-formed"):
        next(found)


@pytest.mark.timeout(20)
def test_thousands_of_children_that_all_differ_take_bounded_work() -> None:
    left = "".join(f"<b>{place}</b><i>{place}</i>" for place in range(3_000))
    right = "".join(f"<i>{place + 9_000}</i><u>{place}</u>" for place in range(3_000))
    assert len(html(f"<p>{left}</p>", f"<p>{right}</p>")) > 3_000


def test_texts_that_are_paired_without_being_aligned_differ_only_if_they_do() -> None:
    left = "".join(f"{place}<br id=l{place}>same<hr>" for place in range(200))
    right = "".join(f"x{place}<br id=r{place}>same<hr>" for place in range(200))
    found = html(f"<div>{left}</div>", f"<div>{right}</div>")
    assert [each for each in found if each.left == each.right] == []
