"""Which headers are compared, and how."""

import pytest

from abreast.compare.headers import MADE_ON_THE_WAY, TELL_STATUS, differences, telling
from abreast.compare.model import ABSENT, Answer, Headers, Kind
from abreast.compare.rules import Rules, Tolerance, compiled


def told(left: Headers, right: Headers, rules: Rules | None = None, *, bodiless: bool = False) -> dict[str, object]:
    found = list(differences(left, right, compiled(rules or Rules()), bodiless=bodiless))
    assert {difference.kind for difference in found} <= {Kind.HEADER}
    assert all(difference.path == difference.pattern for difference in found)
    return {difference.path.removeprefix("header:"): (difference.left, difference.right) for difference in found}


@pytest.mark.parametrize("name", [name.replace("*", "anything") for name in MADE_ON_THE_WAY])
def test_what_is_made_on_the_way_is_left_out(name: str) -> None:
    assert told(((name, "1"),), ((name, "2"),)) == {}
    assert told(((name, "1"),), ()) == {}


@pytest.mark.parametrize(
    "name", ["connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authenticate"]
)
def test_what_belongs_to_one_hop_is_left_out(name: str) -> None:
    assert told(((name, "1"),), ()) == {}


def test_the_connection_header_names_more_that_belong_to_one_hop() -> None:
    left = (("connection", "close, X-Hop"), ("x-hop", "1"))
    right = (("connection", "x-hop"), ("x-hop", "2"))
    assert told(left, right) == {}
    assert told(left[1:], right[1:]) == {"x-hop": ("1", "2")}


def test_what_differs_is_told_by_name_missing_or_added() -> None:
    left = (("x-a", "1"), ("x-b", "1"), ("x-same", "1"))
    right = (("x-same", "1"), ("x-c", "1"), ("x-a", "2"))
    assert told(left, right) == {"x-a": ("1", "2"), "x-b": ("1", ABSENT), "x-c": (ABSENT, "1")}


def test_last_modified_is_compared() -> None:
    assert told((("last-modified", "a"),), (("last-modified", "b"),)) == {"last-modified": ("a", "b")}


def test_the_length_follows_from_the_body_but_where_there_is_none() -> None:
    left, right = (("content-length", "10"),), (("content-length", "12"),)
    assert told(left, right) == {}
    assert told(left, right, bodiless=True) == {"content-length": ("10", "12")}
    assert told((("content-length", "0"),), (), bodiless=True) == {}
    assert told(left, (), bodiless=True) == {"content-length": ("10", ABSENT)}


def test_an_etag_may_differ_but_not_be_gone() -> None:
    assert told((("etag", '"a"'),), (("etag", 'W/"b"'),)) == {}
    assert told((("etag", '"a"'),), ()) == {"etag": ('"a"', ABSENT)}


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("vary", ["Accept, Origin"], ["origin", "accept"]),
        ("allow", ["GET,HEAD"], ["HEAD , GET"]),
        ("access-control-allow-methods", ["GET, PUT"], ["PUT,GET"]),
        ("cache-control", ['no-store, private="a, b"'], ['private="a, b",no-store']),
        ("content-type", ["application/json;charset=UTF-8"], ["Application/JSON; charset=utf-8"]),
        ("content-type", ['text/html; charset="utf-8"; a=b'], ["text/html;a=b;charset=utf-8;"]),
        ("content-type", ["multipart/mixed; boundary=1x"], ["multipart/mixed; boundary=2y"]),
        ("link", ["</a>; rel=next", "</b>; rel=prev"], ["</a>; rel=next, </b>; rel=prev"]),
    ],
)
def test_ways_of_writing_the_same(name: str, left: list[str], right: list[str]) -> None:
    assert told(tuple((name, value) for value in left), tuple((name, value) for value in right)) == {}


@pytest.mark.parametrize(
    ("name", "left", "right"),
    [
        ("vary", "accept", "accept, origin"),
        ("cache-control", 'private="a, b"', "private=a, b"),
        ("content-type", "text/html", "text/plain"),
        ("content-type", "text/html; charset=utf-8", "text/html"),
        ("content-encoding", "gzip", "br"),
        ("link", "</b>, </a>", "</a>, </b>"),
        ("location", "/Orders", "/orders"),
    ],
)
def test_what_looks_alike_and_is_not(name: str, left: str, right: str) -> None:
    assert told(((name, left),), ((name, right),)) == {name: (left, right)}


def test_a_list_that_would_take_long_to_read_is_compared_as_it_is() -> None:
    long = '"' + '\\"' * 30_000
    assert told((("vary", long),), (("vary", f"{long}, a"),)) == {"vary": (long, f"{long}, a")}
    assert told((("vary", long),), (("vary", f"{long} "),)) == {}


def test_cookies_are_told_by_name_value_and_attribute() -> None:
    left = (("set-cookie", "sid=1; Path=/; HttpOnly"), ("set-cookie", "theme=dark"), ("set-cookie", "gone=1"))
    right = (("set-cookie", "theme=light; secure"), ("set-cookie", "sid=1;path=/"), ("set-cookie", "new=1"))
    assert told(left, right) == {
        "set-cookie/sid/httponly": ("", ABSENT),
        "set-cookie/theme": ("dark", "light"),
        "set-cookie/theme/secure": (ABSENT, ""),
        "set-cookie/gone": ("1", ABSENT),
        "set-cookie/new": (ABSENT, "1"),
    }


def test_the_order_of_cookies_and_attributes_is_free() -> None:
    left = (("set-cookie", "a=1; Path=/; Secure"), ("set-cookie", "b=2"))
    right = (("set-cookie", "b=2"), ("set-cookie", " a=1;SECURE; path=/"))
    assert told(left, right) == {}


def test_a_cookie_set_twice_is_compared_in_order() -> None:
    left = (("set-cookie", "a=1; path=/x"), ("set-cookie", "a=2"))
    assert told(left, left[::-1]) == {
        "set-cookie/a": ("2", "1"),
        "set-cookie/a/path": (ABSENT, "/x"),
    }
    assert told(left, left[:1]) == {"set-cookie/a": ("1, 2", "1")}


def test_rules_hold_for_headers() -> None:
    left = (
        ("x-build", "build 7 of shop"),
        ("x-debug-sql", "1"),
        ("last-modified", "Wed, 21 Oct 2015 07:28:00 GMT"),
        ("set-cookie", "sid=1; expires=Wed, 21 Oct 2015 07:28:00 GMT"),
    )
    right = (
        ("x-build", "build 8 of shop"),
        ("x-debug-sql", "2"),
        ("last-modified", "Wed, 21 Oct 2015 07:28:02 GMT"),
        ("set-cookie", "sid=2; expires=Wed, 21 Oct 2015 07:28:02 GMT"),
    )
    assert len(told(left, right)) == 5
    rules = Rules(
        ignore=("header:X-Debug-*", "header:set-cookie/sid"),
        tolerance=(("header:last-modified", Tolerance(seconds=2)),),
        mask=("build [0-9]+",),
    )
    assert told(left, right, rules) == {}
    attribute = Rules(tolerance=(("header:set-cookie/*/expires", Tolerance(seconds=2)),))
    assert list(told(left[3:], right[3:], attribute)) == ["set-cookie/sid"]


def test_trailers_are_told_as_trailers() -> None:
    found = list(differences((("checksum", "1"),), (("checksum", "2"),), compiled(Rules()), "trailer"))
    assert [difference.path for difference in found] == ["trailer:checksum"]
    ignoring = compiled(Rules(ignore=("trailer:Checksum",)))
    assert list(differences((("checksum", "1"),), (("checksum", "2"),), ignoring, "trailer")) == []


def test_the_headers_that_tell_what_a_status_means() -> None:
    answer = Answer(302, (("location", "/"), ("x-other", "1"), ("retry-after", "5")))
    assert telling(answer) == (("location", "/"), ("retry-after", "5"))
    assert {name for name, _ in telling(answer)} < set(TELL_STATUS)
