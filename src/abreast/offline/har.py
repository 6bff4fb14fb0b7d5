"""Requests of a HAR file (HTTP Archive 1.2), as browsers export it: ``log.entries[].request``.

A browser's ``host`` header is that of the recorded site, so it is left out; web sockets and ``data:`` URLs are no
requests to ask again and are counted.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlencode

from abreast.compare.model import Headers, Request
from abreast.offline.entry import Entry, EntryError, Reading, bytes_of, headers, method, shown, target, text_of

_ENTRIES: Final = re.compile(r'"entries"\s*:\s*\[\s*')
_NEXT: Final = re.compile(r"\s*,?\s*")


def read(document: Mapping[str, object], text: str, reading: Reading) -> None:
    """Add the requests of a HAR document, whose text is given for the lines, to ``reading``."""
    log = document.get("log")
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(entries, list):
        error = EntryError("there are no `log.entries`", "export the HAR again, or write NDJSON or curl commands")
        reading.refuse(1, error, "log.entries")
        return
    lines = _lines(text, len(entries))
    for place, (each, line) in enumerate(zip(entries, lines, strict=True)):
        path = f"log.entries[{place}].request"
        request = each.get("request") if isinstance(each, dict) else None
        if not isinstance(request, dict):
            reading.refuse(line, EntryError("there is no request", "leave this entry out"), path)
            continue
        try:
            reason = _unrepeatable(each, request)
            if reason:
                reading.leave_out(reason)
            else:
                reading.entries.append(_entry(request, line))
        except EntryError as error:
            reading.refuse(line, error, path)


def _unrepeatable(each: Mapping[str, object], request: Mapping[str, object]) -> str:
    """Why this entry is no request to ask again; empty when it is one."""
    scheme = text_of(request, "url").partition(":")[0].lower()
    if each.get("_resourceType") == "websocket" or scheme in {"ws", "wss"}:
        return "web socket"
    return "not http" if scheme in {"data", "blob", "about", "file", "chrome-extension"} else ""


def _entry(request: Mapping[str, object], line: int) -> Entry:
    host, path = target(text_of(request, "url"))
    given = tuple(pair for pair in headers(_pairs(request, "headers")) if pair[0] != "host")
    if not any(name == "cookie" for name, _ in given):
        cookies = "; ".join(f"{name}={value}" for name, value in _pairs(request, "cookies"))
        given += (("cookie", cookies),) if cookies else ()
    body, media_type = _body(request, given)
    if media_type and not any(name == "content-type" for name, _ in given):
        given += (("content-type", media_type),)
    return Entry(line, host, Request(method(text_of(request, "method", "GET")), path, given, body))


def _pairs(members: Mapping[str, object], name: str) -> Iterator[tuple[str, str]]:
    """The names and values of a HAR list. Raises EntryError."""
    given = members.get(name, [])
    if not isinstance(given, list):
        raise EntryError(f"{shown(given)} is no list", f'write "{name}": [{{"name": …, "value": …}}]', name)
    for place, each in enumerate(given):
        if not isinstance(each, dict):
            raise EntryError(f"{shown(each)} is no object", 'write {"name": …, "value": …}', f"{name}[{place}]")
        yield text_of(each, "name"), text_of(each, "value", "")


def _body(request: Mapping[str, object], given: Headers) -> tuple[bytes, str]:
    """The body and the media type that `postData` gives. Raises EntryError."""
    data = request.get("postData")
    if data is None:
        return b"", ""
    if not isinstance(data, dict):
        raise EntryError(f"{shown(data)} is no object", 'write {"mimeType": …, "text": …}', "postData")
    media_type = text_of(data, "mimeType", "")
    text = text_of(data, "text", "")
    if data.get("encoding") == "base64":
        return bytes_of(data, "text", "postData.text"), media_type
    if text or not data.get("params"):
        return text.encode("utf-8", "surrogatepass"), media_type
    kind = media_type or next((value for name, value in given if name == "content-type"), "")
    if kind.startswith("multipart/"):
        message = "a multipart body is given by its parameters only: its bytes are not in the file"
        raise EntryError(message, "leave this request out, or give its body as NDJSON", "postData")
    return urlencode(list(_pairs(data, "params"))).encode(), media_type or "application/x-www-form-urlencoded"


def _lines(text: str, count: int) -> list[int]:
    """The line on which each entry begins; 1 for all where they cannot be told."""
    begin = _ENTRIES.search(text)
    decoder = json.JSONDecoder()
    lines: list[int] = []
    place = begin.end() if begin else len(text)
    line = 1 + text.count("\n", 0, place)
    while len(lines) < count and place < len(text):
        try:
            _, end = decoder.raw_decode(text, place)
        except ValueError:
            break
        lines.append(line)
        after = _NEXT.match(text, end)
        following = after.end() if after else end
        line += text.count("\n", place, following)
        place = following
    return lines if len(lines) == count else [1] * count
