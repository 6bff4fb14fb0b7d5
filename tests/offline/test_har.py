"""Requests that a browser recorded."""

import json
from typing import Any

from abreast.compare.model import Request
from abreast.offline.entry import Reading
from abreast.offline.har import read


def har(*requests: object, indent: int | None = 1, **more: object) -> str:
    """A HAR file of these requests."""
    return json.dumps(
        {"log": {"version": "1.2", "entries": [{"request": each, **more} for each in requests]}}, indent=indent
    )


def reading(text: str) -> Reading:
    """What is read of a HAR file's text."""
    found = Reading("r.har")
    read(json.loads(text), text, found)
    return found


def one(request: dict[str, Any]) -> Request:
    """The request of a file with this one; it has no fault."""
    found = reading(har(request))
    assert found.faults == []
    return found.entries[0].request


def pair(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}


def test_a_request_is_its_method_target_headers_and_body() -> None:
    found = reading(
        har(
            {
                "method": "POST",
                "url": "https://shop.example/orders?a=1",
                "headers": [pair(":method", "POST"), pair("Host", "shop.example"), pair("Accept", "*/*")],
                "postData": {"mimeType": "application/json", "text": '{"n": "ü"}'},
            }
        )
    )

    assert found.entries[0].host == "shop.example"
    assert found.entries[0].request == Request(
        "POST",
        "/orders?a=1",
        (("accept", "*/*"), ("content-type", "application/json")),
        '{"n": "ü"}'.encode(),
    )


def test_parameters_become_a_form() -> None:
    data = {"mimeType": "application/x-www-form-urlencoded", "params": [pair("a", "1 2"), pair("b", "ü")]}

    assert one({"method": "POST", "url": "http://h/", "postData": data}).body == b"a=1+2&b=%C3%BC"


def test_bytes_are_base64_when_the_file_says_so() -> None:
    data = {"mimeType": "image/png", "text": "AP8=", "encoding": "base64"}

    assert one({"url": "http://h/", "method": "PUT", "postData": data}).body == b"\x00\xff"


def test_cookies_stand_in_for_a_header_that_lacks() -> None:
    cookies = [pair("a", "1"), pair("b", "2")]

    assert one({"url": "http://h/", "cookies": cookies}).headers == (("cookie", "a=1; b=2"),)
    with_header = one({"url": "http://h/", "cookies": cookies, "headers": [pair("Cookie", "c=3")]})
    assert with_header.headers == (("cookie", "c=3"),)


def test_what_is_no_request_to_ask_again_is_counted() -> None:
    found = reading(
        har({"url": "ws://h/live"}, {"url": "data:text/plain,x"}, {"url": "wss://h/"}, {"url": "http://h/"})
    )

    assert found.left_out == {"web socket": 2, "not http": 1}
    assert len(found.entries) == 1
    assert reading(har({"url": "https://h/live"}, _resourceType="websocket")).left_out == {"web socket": 1}


def test_every_fault_has_the_line_of_its_entry() -> None:
    text = har(
        {"url": "http://h/good"},
        {"method": "GET"},
        "nothing",
        {"url": "http://h/", "headers": [{"name": 1}]},
        {"url": "http://h/", "postData": {"mimeType": "multipart/form-data; boundary=x", "params": [pair("a", "1")]}},
    )
    found = reading(text)

    lines = text.split("\n")
    assert [str(fault).split("\n")[0].partition(": ")[2] for fault in found.faults] == [
        "log.entries[1].request: there is no 'url'",
        "log.entries[2].request: there is no request",
        "log.entries[3].request: 'name' is 1, and text is wanted",
        (
            "log.entries[4].request.postData: "
            "a multipart body is given by its parameters only: its bytes are not in the file"
        ),
    ]
    for fault, words in zip(found.faults, ['"method": "GET"', '"nothing"', '"name": 1', "multipart"], strict=True):
        following = next((each.line for each in found.faults if each.line > fault.line), len(lines))
        assert any(words in line for line in lines[fault.line - 1 : following])
    assert found.entries[0].line == 5


def test_in_a_file_of_one_line_every_entry_is_on_it() -> None:
    assert [
        entry.line for entry in reading(har({"url": "http://h/1"}, {"url": "http://h/2"}, indent=None)).entries
    ] == [1, 1]


def test_lines_that_cannot_be_told_are_the_first() -> None:
    text = '{"remark": {"entries": []}, "log": {"entries": [\n{"request": {"url": "http://h/"}}]}}'

    assert [entry.line for entry in reading(text).entries] == [1]


def test_a_document_without_entries_is_one_fault() -> None:
    for text in ('{"log": {}}', '{"log": []}', '{"log": {"entries": {}}}'):
        assert [fault.path for fault in reading(text).faults] == ["log.entries"]
