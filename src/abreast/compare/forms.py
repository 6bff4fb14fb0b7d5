"""Reads form bodies as values, so that they are compared field by field like JSON."""

import hashlib
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, unquote

from abreast.compare import tree
from abreast.compare.model import Value

_PARAMETER: Final = re.compile(r';\s*([\w!#$&+.^`|~*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))')
_QUOTED_PAIR: Final = re.compile(r'\\(["\\])')
_JSON_TYPE: Final = re.compile(r"(?i)application/(?:[\w.-]+\+)?json\b")
_LONGEST_BOUNDARY: Final = 200
"""RFC 2046 allows 70 characters; a longer one is still read, but not any."""


def fields(text: str) -> Value:
    r"""A dict of the fields of an ``application/x-www-form-urlencoded`` body: name → str, or a list if it is repeated.

    The order of different fields is free. Bytes that are no UTF-8 become ``\\xff``: different bytes stay different.
    """
    return _gathered(parse_qsl(text, keep_blank_values=True, errors="backslashreplace"))


def parts(body: bytes, content_type: str) -> Value:
    r"""The parts of a multipart body (RFC 2046, 5.1).

    Those of ``multipart/form-data`` by name: a plain field is a str, one with a file name or a type of its own is
    ``{"filename", "type", "content"}``. Those of other multiparts in order: ``{"headers", "content"}``. Content is a
    str, a JSON value where the part says it is JSON, and ``{"digest", "length"}`` where it is not UTF-8 text.

    Raises:
        ValueError: No boundary, a part without end, or header lines that are none.
    """
    boundary = _parameters(content_type).get("boundary", "")
    if not boundary or len(boundary) > _LONGEST_BOUNDARY:
        raise ValueError(f"a multipart body without a boundary of 1 to {_LONGEST_BOUNDARY} characters")
    read = [_part(part, place) for place, part in enumerate(_split(body, boundary.encode("utf-8", "replace")))]
    if not content_type.strip().lower().startswith("multipart/form-data"):
        return [{"headers": dict(headers), "content": content} for headers, content in read]
    return _gathered([_named(headers, content) for headers, content in read])


def digest(body: bytes) -> dict[str, Value]:
    """What is compared of bytes that are no text."""
    return {"digest": hashlib.sha256(body).hexdigest(), "length": len(body)}


def _gathered(pairs: Iterable[tuple[str, Value]]) -> Value:
    """Name → value, or a list of the values (in order) of a name that is repeated."""
    gathered: dict[str, list[Value]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in gathered.items()}


def _parameters(header: str) -> dict[str, str]:
    """The parameters after a header's first semicolon, names in lower case; the first of a name counts."""
    found: dict[str, str] = {}
    for name, quoted, plain in _PARAMETER.findall(header):
        found.setdefault(name.lower(), plain or _QUOTED_PAIR.sub(r"\1", quoted))
    return found


def _split(body: bytes, boundary: bytes) -> list[bytes]:
    """The bytes of each part, headers and all; what is before the first and after the last boundary is no content."""
    delimiter = re.compile(rb"(?:\A|\r?\n)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    found: list[bytes] = []
    begin: int | None = None
    for match in delimiter.finditer(body):
        if begin is not None:
            found.append(body[begin : match.start()])
        begin = match.end()
        if match.group(1):
            return found
    missing = "its first boundary" if begin is None else f"the closing boundary after part {len(found) + 1}"
    raise ValueError(f"a multipart body of {len(body)} bytes without {missing}")


def _part(part: bytes, place: int) -> tuple[dict[str, Value], Value]:
    """The headers (names in lower case) and the content of one part, which begins with a line's end."""
    match = re.match(rb"\r?\n(?:(.*?)\r?\n)??(?:\r?\n|\Z)", part, re.DOTALL)
    if match is None:
        raise ValueError(f"part {place + 1} of a multipart body has no empty line between headers and content")
    headers: dict[str, Value] = {}
    for line in re.split(r"\r?\n(?![ \t])", (match.group(1) or b"").decode("utf-8", "backslashreplace")):
        name, colon, value = line.partition(":")
        if line and not colon:
            raise ValueError(f"part {place + 1} of a multipart body has a header line without a colon")
        if line:
            headers[name.strip().lower()] = value.strip()
    return headers, _content(part[match.end() :], str(headers.get("content-type", "")))


def _content(content: bytes, media_type: str) -> Value:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return digest(content)
    if "\0" in text:
        return digest(content)
    if not _JSON_TYPE.match(media_type):
        return text
    try:
        return tree.parse(text)
    except ValueError:
        return text


def _named(headers: dict[str, Value], content: Value) -> tuple[str, Value]:
    """A part of form data as its name and its value."""
    disposition = _parameters(str(headers.get("content-disposition", "")))
    name = disposition.get("name", "")
    # RFC 5987: charset'language'percent-encoded.
    extended = disposition.get("filename*", "").split("'")[-1]
    filename = unquote(extended, errors="backslashreplace") if extended else disposition.get("filename")
    if filename is None and "content-type" not in headers:
        return name, content
    described = {"filename": filename, "type": headers.get("content-type"), "content": content}
    return name, {key: value for key, value in described.items() if value is not None}
