"""The differences of two bodies: by their media types the right way of comparing is chosen.

A body that cannot be read as what it says it is counts as undecodable when the other one can; when neither can, both
are compared as text, or else by digest and length. When the media types differ, which is a difference of headers,
only bodies of which one could be taken for the other are compared further; the rest is one difference at ``body``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from abreast.compare import events, forms, json_body, markup, text, tree
from abreast.compare.decode import Decoded, decoded
from abreast.compare.model import ABSENT, Answer, Difference, Kind, Value
from abreast.compare.rules import Rules

WHOLE: Final = "body"
"""The path of a difference of the whole body."""


class _Format(StrEnum):
    JSON = "json"
    NDJSON = "ndjson"
    SSE = "sse"
    XML = "xml"
    HTML = "html"
    FORM = "form"
    MULTIPART = "multipart"
    TEXT = "text"
    BYTES = "bytes"


_FORMATS: Final = (
    (_Format.NDJSON, re.compile(r"application/(?:x-)?(?:ndjson|jsonl|jsonlines|json-lines|stream\+json)")),
    (_Format.JSON, re.compile(r".+/(?:.+\+)?json|application/x-amz-json-.+")),
    (_Format.SSE, re.compile(r"text/event-stream")),
    (_Format.HTML, re.compile(r"text/html")),
    (_Format.XML, re.compile(r".+/(?:.+\+)?xml")),
    (_Format.FORM, re.compile(r"application/x-www-form-urlencoded")),
    (_Format.MULTIPART, re.compile(r"multipart/.+")),
)
_STREAMS: Final = frozenset({_Format.NDJSON, _Format.SSE})


def differences(left: Answer, right: Answer, rules: Rules) -> Iterator[Difference]:
    """Compare the bodies of two answers, whatever is in them. Never raises."""
    same_coding = left.header("content-encoding") == right.header("content-encoding")
    if (left.body == right.body and same_coding) or rules.ignores(WHOLE):
        return
    one, other = decoded(left), decoded(right)
    if one.fault and other.fault:
        yield from _changed(one, other)
    elif one.fault or other.fault:
        yield _undecodable(one, other, one.fault, other.fault)
    elif one.body != other.body:
        yield from _readable(_Side(left, one), _Side(right, other), rules)


class _Side:
    """One answer and what its body is."""

    __slots__ = ("answer", "decoded", "format", "text")

    def __init__(self, answer: Answer, body: Decoded) -> None:
        self.answer = answer
        self.decoded = body
        self.text = body.text or ""
        self.format = _format(body)

    @property
    def looks_like_json(self) -> bool:
        """Whether the text may be JSON though nothing says so."""
        return self.text.lstrip()[:1] in {"{", "["}

    def lines(self) -> str:
        """The text; of a truncated one without its last line, of which nobody knows the end."""
        return self.text[: self.text.rfind("\n") + 1] if self.answer.truncated else self.text


def _format(body: Decoded) -> _Format:
    for name, media_types in _FORMATS:
        if media_types.fullmatch(body.media_type):
            return name
    return _Format.BYTES if body.text is None else _Format.TEXT


def _readable(one: _Side, other: _Side, rules: Rules) -> Iterator[Difference]:
    if not one.decoded.body or not other.decoded.body:
        yield _whole(Kind.MISSING if one.decoded.body else Kind.ADDED, one.decoded, other.decoded)
        return
    form = _common_format(one, other)
    if (one.answer.truncated or other.answer.truncated) and form not in _STREAMS:
        yield from _starts(one, other)
    elif form is None or form is _Format.BYTES:
        yield from _changed(one.decoded, other.decoded)
    elif form in _READERS:
        yield from _by_value(one, other, form, rules)
    elif form is _Format.TEXT:
        yield from _by_text(one, other, rules)
    else:
        yield from _by_element(one, other, rules, html=form is _Format.HTML)


def _common_format(one: _Side, other: _Side) -> _Format | None:
    """What both bodies are compared as; None: they have nothing in common."""
    if one.format is other.format:
        return one.format
    for typed, untyped in ((one, other), (other, one)):
        # A body without a type may be of any; JSON often goes as text/plain.
        if untyped.format is _Format.TEXT and (not untyped.decoded.media_type or typed.format is _Format.JSON):
            return typed.format if typed.format is not _Format.JSON or untyped.looks_like_json else None
    return None


_READERS: Final[Mapping[_Format, Callable[[_Side], Value]]] = {
    _Format.JSON: lambda side: tree.parse(side.text),
    _Format.NDJSON: lambda side: events.ndjson(side.lines()),
    _Format.SSE: lambda side: events.sse(side.text),
    _Format.FORM: lambda side: forms.fields(side.text),
    _Format.MULTIPART: lambda side: forms.parts(side.decoded.body, side.answer.header("content-type") or ""),
}


def _by_value(one: _Side, other: _Side, form: _Format, rules: Rules) -> Iterable[Difference]:
    try:
        (left, fault), (right, other_fault) = _read(one, form), _read(other, form)
    except tree.TooDeepError:
        return _as_lines(one, other, rules)
    if fault and other_fault:
        return _as_lines(one, other, rules)
    if fault or other_fault:
        return (_undecodable(one.decoded, other.decoded, fault, other_fault),)
    if form in _STREAMS and isinstance(left, list) and isinstance(right, list):
        left, right = _cut(left, right, other), _cut(right, left, one)
    return json_body.differences(left, right, rules)


def _read(side: _Side, form: _Format) -> tuple[Value, str]:
    """The value, or why there is none."""
    try:
        return _READERS[form](side), ""
    except tree.TooDeepError:
        raise
    except ValueError as error:
        return ABSENT, str(error)


def _cut(events_here: list[Value], events_there: list[Value], there: _Side) -> list[Value]:
    """As many events as the other side could show before it was truncated."""
    return events_here[: len(events_there)] if there.answer.truncated else events_here


def _by_text(one: _Side, other: _Side, rules: Rules) -> Iterable[Difference]:
    if one.looks_like_json and other.looks_like_json:
        try:
            return json_body.differences(tree.parse(one.text), tree.parse(other.text), rules)
        except (tree.NotJsonError, tree.TooDeepError):
            pass  # it only looked like it
    return text.differences(one.text, other.text, rules)


def _by_element(one: _Side, other: _Side, rules: Rules, *, html: bool) -> Iterable[Difference]:
    try:
        return tuple(markup.differences(one.text, other.text, rules, html=html))
    except markup.MarkupError:
        fault, other_fault = _malformed(one.text, rules, html=html), _malformed(other.text, rules, html=html)
    if html or (fault and other_fault):
        return text.differences(one.text, other.text, rules)
    return (_undecodable(one.decoded, other.decoded, fault, other_fault),)


def _malformed(document: str, rules: Rules, *, html: bool) -> str:
    """Why a document cannot be read by element; empty when it can."""
    try:
        tuple(markup.differences(document, document, rules, html=html))
    except markup.MarkupError as error:
        return str(error)
    return ""


def _as_lines(one: _Side, other: _Side, rules: Rules) -> Iterable[Difference]:
    if one.decoded.text is None or other.decoded.text is None:
        return _changed(one.decoded, other.decoded)
    return text.differences(one.text, other.text, rules)


def _starts(one: _Side, other: _Side) -> Iterator[Difference]:
    """Of a body that was truncated nothing is known but its start."""
    left, right = one.decoded.body, other.decoded.body
    common = min(len(left), len(right))
    ended = (len(left) == common and not one.answer.truncated) or (len(right) == common and not other.answer.truncated)
    if left[:common] != right[:common] or (ended and len(left) != len(right)):
        yield from _changed(one.decoded, other.decoded)


def _changed(one: Decoded, other: Decoded) -> Iterator[Difference]:
    if one.body != other.body:
        yield _whole(Kind.CHANGED, one, other)


def _whole(kind: Kind, one: Decoded, other: Decoded) -> Difference:
    left = forms.digest(one.body) if one.body else ABSENT
    right = forms.digest(other.body) if other.body else ABSENT
    return Difference(kind, WHOLE, WHOLE, left, right)


def _undecodable(one: Decoded, other: Decoded, fault: str, other_fault: str) -> Difference:
    """The value of the side that cannot be read is why; the other one's its digest and length."""
    return Difference(
        Kind.UNDECODABLE, WHOLE, WHOLE, fault or forms.digest(one.body), other_fault or forms.digest(other.body)
    )
