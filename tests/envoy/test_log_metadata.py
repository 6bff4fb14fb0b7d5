"""What the access log takes from headers: names of parameters without their values, and the ids of a trace."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.envoy.log_metadata import HOST, NAMESPACE, QUERY, SPAN_ID, TRACE_ID, request_filter
from abreast.model.secret_names import PARAMETERS
from abreast.model.service import AccessLog

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def taken(settings: AccessLog, headers: dict[str, str], *, traced: bool = False) -> dict[str, str]:
    """What Envoy would note: every match replaced, of unmatched groups nothing; empty values are not noted."""
    found: dict[str, str] = {}
    for rule in request_filter(settings, traced=traced)["typed_config"]["request_rules"]:
        present: dict[str, Any] = rule["on_header_present"]
        assert present["metadata_namespace"] == NAMESPACE
        rewrite = present["regex_value_rewrite"]
        if rule["header"] in headers:
            value = re.sub(rewrite["pattern"]["regex"], rewrite["substitution"], headers[rule["header"]])
            found |= {present["key"]: value} if value else {}
    return found


def query(path: str, mode: str = "redact", *secrets: str) -> str:
    settings = AccessLog(query=mode, secrets=secrets)  # type: ignore[arg-type]  # one of the three, by parameter
    return taken(settings, {":path": path}).get(QUERY, "")


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/", ""),
        ("/a=b;c=d", ""),
        ("/?", ""),
        ("/a?b=c", "b="),
        ("/a?b=c&d=e", "b=&d="),
        ("/a?b=c=d&e", "b=&"),
        ("/reset?eyJhbGciOi", ""),
        ("/a?b=1&eyJhbGciOi&c=2", "b=&c="),
        ("/a?=1&b=", "=&b="),
        ("/a?b=/c?d=e", "b="),
        ("/a?&&b=1", "b="),
    ],
)
def test_of_a_query_the_names_stay(path: str, names: str) -> None:
    assert query(path).replace("&&", "&").lstrip("&") == names


WORDS = st.text("abcXYZ019%-_.~[]", min_size=1, max_size=8)


@given(WORDS.map("/".__add__), st.lists(st.tuples(WORDS, st.booleans()), max_size=5))
def test_no_value_is_left_whatever_the_query(path: str, parameters: list[tuple[str, bool]]) -> None:
    written = "&".join(f"{name}=S3CRET" if named else f"S3CRET{name}" for name, named in parameters)
    left = query(f"{path}?{written}")
    assert "S3CRET" not in left
    assert [name for name, named in parameters if named] == [each[:-1] for each in left.split("&") if each]


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_what_is_known_to_be_secret_is_hidden_even_in_a_query_that_is_kept(name: str) -> None:
    for spelt in (name, name.upper(), name.replace("_", "-")):
        assert query(f"/a?page=2&{spelt}=S3CRET&to=x", "keep") == f"page=2&{spelt}=&to=x"
        assert query(f"/a?my{spelt}x=kept", "keep") == f"my{spelt}x=kept", "another name"


@pytest.mark.parametrize(
    ("glob", "hidden", "kept"),
    [
        ("email", "Email=", "emails=1"),
        ("user_name", "user-name=", "username=1"),
        ("my*", "myfilter=", "tommy=1"),
        ("p?n", "pen=", "pfwn=1"),
        ("id[12]", "id1=", "id3=1"),
        ("id[!12]", "id3=", "id1=1"),
        ("a.b", "a.b=", "axb=1"),
    ],
)
def test_what_the_spec_redacts_is_hidden_too(glob: str, hidden: str, kept: str) -> None:
    assert query(f"/?{hidden}S3CRET&{kept}", "keep", glob) == f"{hidden}&{kept}"


def test_the_rest_of_a_query_is_kept_as_it_came() -> None:
    written = "q=" + quote("ä b/c?d") + "&&flag&a=b=c&page=2"
    assert query(f"/x?{written}", "keep") == written
    assert query("/x?", "keep") == query("/x", "keep") == ""


def test_a_query_that_is_dropped_is_not_looked_at() -> None:
    assert query("/?a=b", "drop") == ""


@pytest.mark.parametrize(
    ("header", "ids"),
    [
        (f"00-{TRACE}-{SPAN}-01", {TRACE_ID: TRACE, SPAN_ID: SPAN}),
        (f"00-{TRACE}-{SPAN}-00", {TRACE_ID: TRACE, SPAN_ID: SPAN}),
        (f"cc-{TRACE}-{SPAN}-01-what-a-later-version-adds", {TRACE_ID: TRACE, SPAN_ID: SPAN}),
        (f"00-{TRACE.upper()}-{SPAN}-01", {}),
        (f"00-{TRACE}", {}),
        ("S3CRET", {}),
        ("", {}),
    ],
)
def test_a_trace_is_known_by_its_header(header: str, ids: dict[str, str]) -> None:
    assert taken(AccessLog(query="drop"), {"traceparent": header}) == ids


def test_with_spans_of_its_own_the_gateway_needs_no_header() -> None:
    assert taken(AccessLog(), {":path": "/?a=b", "traceparent": f"00-{TRACE}-{SPAN}-01"}, traced=True) == {QUERY: "a="}


@pytest.mark.parametrize(
    ("authority", "host"),
    [("shop", "shop"), ("shop:8080", "shop"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("10.0.0.1:1", "10.0.0.1")],
)
def test_a_host_is_named_without_its_port(authority: str, host: str) -> None:
    assert taken(AccessLog(), {":authority": authority}) == {HOST: host}
