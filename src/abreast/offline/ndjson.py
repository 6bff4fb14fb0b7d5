"""Requests as NDJSON: one JSON object on each line, also what ``abreast compare --record`` writes.

    {"method": "GET", "path": "/orders/7?full=1", "headers": [["accept", "application/json"]]}
    {"method": "PUT", "url": "http://shop/orders/7", "headers": {"content-type": "application/json"}, "body": "{}"}

``path`` or ``url``, one of them; ``method`` is GET unless given; ``headers`` are pairs, or an object whose values are
text or lists of text; the body is text in ``body`` or bytes in ``body_base64``. Other members are faults: a misspelt
``body`` would else be asked without one.
"""

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from abreast.compare.model import Request
from abreast.offline.entry import Entry, EntryError, Reading, bytes_of, headers, method, shown, target, text_of

_MEMBERS: Final = ("method", "path", "url", "headers", "body", "body_base64")
_PAIR: Final = 2


def read(text: str, reading: Reading) -> None:
    """Add each line's request to ``reading``, or its fault. Empty lines and lines that begin with ``#`` are nothing."""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        try:
            reading.entries.append(entry(stripped, number))
        except EntryError as error:
            reading.refuse(number, error)


def entry(line: str, number: int = 1) -> Entry:
    """The request on one line. Raises EntryError."""
    members = _object(line)
    for name in members:
        if name not in _MEMBERS:
            near = get_close_matches(name, _MEMBERS, n=1)
            remedy = f"did you mean {near[0]!r}?" if near else "leave it out"
            raise EntryError(f"unknown member {name!r}; allowed: {', '.join(_MEMBERS)}", remedy)
    if ("path" in members) == ("url" in members):
        found = "both 'path' and 'url'" if "path" in members else "neither 'path' nor 'url'"
        raise EntryError(f"there is {found}", "give one of them")
    host, path = target(text_of(members, "path" if "path" in members else "url"))
    if host and "path" in members:
        raise EntryError(f"'path' is {shown(members['path'])}, a whole URL", "call it 'url'", "path")
    request = Request(method(text_of(members, "method", "GET")), path, headers(_pairs(members)), _body(members))
    return Entry(number, host, request)


def _object(line: str) -> dict[str, object]:
    try:
        members = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise EntryError(f"no JSON: {error}", "write one whole JSON object on each line") from None
    if not isinstance(members, dict):
        raise EntryError(f"{shown(members)} is no object", 'write {"method": "GET", "path": "/…"}')
    return members


def _pairs(members: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The headers, however they are written. Raises EntryError."""
    given = members.get("headers", [])
    if isinstance(given, dict):
        for name, value in given.items():
            for each in value if isinstance(value, list) else [value]:
                if not isinstance(each, str):
                    raise EntryError(f"{shown(each)} is no text", "write it in quotes", f"headers.{name}")
                yield name, each
        return
    if not isinstance(given, list):
        raise EntryError(
            f"{shown(given)} holds no headers", 'write [["NAME", "VALUE"], …] or {"NAME": "VALUE"}', "headers"
        )
    for place, pair in enumerate(given):
        if not isinstance(pair, list) or len(pair) != _PAIR or not all(isinstance(each, str) for each in pair):
            raise EntryError(f"{shown(pair)} is no pair of texts", 'write ["NAME", "VALUE"]', f"headers[{place}]")
        yield pair[0], pair[1]


def _body(members: Mapping[str, object]) -> bytes:
    if "body" in members and "body_base64" in members:
        raise EntryError("there are both 'body' and 'body_base64'", "give one of them")
    if "body_base64" not in members:
        return text_of(members, "body", "").encode("utf-8", "surrogatepass")
    return bytes_of(members, "body_base64", "body_base64")
