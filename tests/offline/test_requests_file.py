"""Formats are told apart by what is in the file; every fault is told at once."""

import io
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abreast.model.errors import RequestsError, UsageError
from abreast.offline.requests_file import RequestsFile, load, parse


@pytest.mark.parametrize(
    "text",
    [
        '{"log": {"entries": [{"request": {"method": "GET", "url": "http://h/x"}}]}}',
        '\ufeff{"log":\n {"entries": [\n{"request": {"method": "GET", "url": "http://h/x"}}\n]}}',
        '# mine\n{"url": "http://h/x"}\n',
        "\n\ncurl http://h/x",
        "curl \\\nhttp://h/x",
    ],
)
def test_the_format_is_told_by_the_content(text: str) -> None:
    assert [(each.host, each.request.path) for each in parse(text.encode(), "r").entries] == [("h", "/x")]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", "r:1: there is no request in it"),
        (b"# only a remark\n", "r:1: there is no request in it"),
        (b"\nGET /orders HTTP/1.1\n", "r:2: 'GET /orders HTTP/1.1' begins neither a HAR document"),
        (b'[{"path": "/"}]', "r:1: a JSON array is none of the formats"),
        (b'{"path": "/"}\n\xff', "r:2: byte 0xff is no UTF-8"),
        (b'{"log":\n {"entries": [\n{]}}', "r:3: no JSON: Expecting property name"),
        (b'{\n"log": {"entries": [', "r:2: no JSON: Expecting value"),
    ],
)
def test_a_file_of_nothing_known_is_one_fault(raw: bytes, fault: str) -> None:
    with pytest.raises(RequestsError) as raised:
        parse(raw, "r")
    assert len(raised.value.faults) == 1
    assert str(raised.value).startswith(fault)


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(RequestsError) as raised:
        parse(b'{"path": 1}\n{"path": "/"}\n{"path": "x"}\nodd', "r")

    assert [fault.line for fault in raised.value.faults] == [1, 3, 4]
    assert str(raised.value).endswith("r: 3 faults")
    assert raised.value.exit_code == 2


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_requests_or_faults(raw: bytes) -> None:
    for begun in (raw, b'{"log":' + raw, b"curl " + raw, b'{"path":' + raw):
        with suppress(RequestsError):
            parse(begun, "r")


def test_a_file_is_read_by_its_name_and_standard_input_by_a_dash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "r.txt"
    file.write_text("curl http://h/file")
    assert load(str(file)).entries[0].request.path == "/file"

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"curl http://h/input")))
    found = load("-")
    assert (found.name, found.entries[0].request.path) == ("standard input", "/input")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load(str(tmp_path / "none"))
    with pytest.raises(UsageError, match="Is a directory"):
        load(str(tmp_path))


def several() -> RequestsFile:
    """A page's requests: of the shop, of a font's host, and one without a host."""
    return parse(b"curl http://shop/1\ncurl http://fonts/f\ncurl http://shop/2\ncurl /3", "page")


def test_of_several_hosts_one_must_be_named() -> None:
    with pytest.raises(UsageError, match=r"page has requests of 2 hosts: shop \(2\), fonts \(1\)"):
        several().of_host("")
    with pytest.raises(UsageError, match="page has no request of 'shopp'"):
        several().of_host("shopp")

    kept = several().of_host("shop")
    assert [each.request.path for each in kept.entries] == ["/1", "/2", "/3"]
    assert kept.left_out == {"other host": 1}


def test_one_host_need_not_be_named() -> None:
    one = parse(b"curl http://shop/1\ncurl /3", "r")
    assert one.of_host("") == one
    assert one.of_host("shop") == one
    assert parse(b"curl /3", "r").of_host("any").entries
