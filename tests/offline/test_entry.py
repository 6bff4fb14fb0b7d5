"""What every reader of requests shares: targets, methods, headers, and how faults quote."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.offline.entry import EntryError, Reading, headers, method, shown, target, text_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("/orders/7?full=1", ("", "/orders/7?full=1")),
        ("/orders#top", ("", "/orders")),
        ("http://shop/orders?a=b#c", ("shop", "/orders?a=b")),
        ("https://Shop.example:8443", ("shop.example:8443", "/")),
        ("http://[::1]:80/x", ("::1:80", "/x")),
        ("http://shop?q=1", ("shop", "/?q=1")),
        ("/grün?q=ä%20b", ("", "/gr%C3%BCn?q=%C3%A4%20b")),
        ("/a b", ("", "/a%20b")),
        ('/odd"<>{}|', ("", '/odd"<>{}|')),
    ],
)
def test_of_a_url_the_host_and_the_target_are_taken(url: str, expected: tuple[str, str]) -> None:
    assert target(url) == expected


@pytest.mark.parametrize("url", ["", "orders", "ftp://shop/x", "http://", "http://shop:99999/", "http://[::1/"])
def test_what_is_no_url_is_quoted(url: str) -> None:
    with pytest.raises(EntryError) as raised:
        target(url)
    assert repr(url) in raised.value.message
    assert raised.value.remedy == "write http://HOST/PATH, or /PATH alone"


@given(st.text())
def test_any_text_is_a_target_of_visible_ascii_or_a_fault(text: str) -> None:
    for url in (text, "/" + text, "http://h/" + text):
        try:
            _, path = target(url)
        except EntryError:
            continue
        assert path.startswith("/")
        assert all("!" <= sign <= "~" for sign in path)


def test_methods_are_tokens_in_upper_case() -> None:
    assert method("get") == "GET"
    assert method("M-SEARCH") == "M-SEARCH"
    for wrong in ("", "GET /", "TRACE", "connect"):
        with pytest.raises(EntryError):
            method(wrong)


def test_headers_of_the_old_connection_are_left_out() -> None:
    given_pairs = [
        (":authority", "shop"),
        ("Connection", "close"),
        ("X-A", " 1 "),
        ("content-length", "3"),
        ("x-a", "2"),
    ]

    assert headers(given_pairs) == (("x-a", "1"), ("x-a", "2"))


@pytest.mark.parametrize(("name", "value"), [("a b", "1"), ("", "1"), ("a", "1\r\nb: 2"), ("a", "\0")])
def test_no_header_can_smuggle_another(name: str, value: str) -> None:
    with pytest.raises(EntryError):
        headers([(name, value)])


def test_a_member_that_is_missing_and_one_of_another_type_are_told_apart() -> None:
    assert text_of({"a": "b"}, "a") == "b"
    assert text_of({}, "a", "c") == "c"
    with pytest.raises(EntryError, match="there is no 'a'"):
        text_of({}, "a")
    with pytest.raises(EntryError, match="'a' is 7, and text is wanted"):
        text_of({"a": 7}, "a")


def test_faults_and_what_is_left_out_are_gathered() -> None:
    reading = Reading("r.har")
    reading.refuse(3, EntryError("odd", "mend it", "headers[0]"), "log.entries[1].request")
    reading.leave_out("web socket")
    reading.leave_out("web socket")

    assert str(reading.faults[0]) == "r.har:3: log.entries[1].request.headers[0]: odd\n  → mend it"
    assert reading.left_out == {"web socket": 2}


def test_a_long_value_is_quoted_in_short() -> None:
    assert shown("x" * 100) == "'" + "x" * 58 + "…"
    assert shown([1]) == "[1]"
