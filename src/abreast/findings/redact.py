"""Redaction: what is kept of an exchange holds none of its secrets.

A secret is known by its place: credentials, cookies, parameters with telling names, and what the spec names. Its value
becomes a mark with a keyed hash (`REDACTED_MARK`), so that it still shows whether two are equal. Services echo what
they are sent: the same value is replaced wherever else in the exchange it stands, however it is spelled there.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from abreast.compare import pointer, tree
from abreast.compare.model import ABSENT, Answer, Difference, Headers, Request, Value
from abreast.findings import bodies
from abreast.findings.credentials import (
    hidden_header,
    hidden_members,
    hidden_query,
    named,
    normal,
)
from abreast.findings.finding import REDACTED_END, REDACTED_MARK
from abreast.findings.report import Key, ShownAnswer, ShownDifference
from abreast.findings.samples import BODY_CAP, capped
from abreast.findings.spellings import Needle, needles, spans
from abreast.model.secret_names import HEADERS, MEMBERS, PARAMETERS

_MARK: Final = re.compile(f"({REDACTED_MARK}[0-9a-f]{{8}}{REDACTED_END})")
_ROOM: Final = 4 * BODY_CAP
"""Characters of a body that are looked through: more than is kept, as marks may be shorter than what they replace."""


@dataclass(frozen=True)
class Places:
    """Where secrets stand, beside the places that everybody knows: globs of names, and patterns of pointers, split."""

    headers: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    members: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, paths: tuple[str, ...]) -> "Places":
        """From the spec's words. Raises ValueError that names all that are none."""
        wrong = [path for path in paths if not path.startswith(("/", "header:", "query:")) or path.endswith(":")]
        if wrong:
            quoted = ", ".join(map(repr, wrong))
            raise ValueError(f"no path to redact: {quoted}; write header:NAME, query:NAME or a JSON Pointer (/a/*/b)")
        return cls(
            headers=(*HEADERS, *(path[7:].lower() for path in paths if path.startswith("header:"))),
            parameters=tuple(normal(path[6:]) for path in paths if path.startswith("query:")),
            members=tuple(pointer.split(path) for path in paths if path.startswith("/")),
        )

    def header(self, name: str) -> bool:
        """Whether that header (in lower case) is secret."""
        return named(name, self.headers)

    def parameter(self, name: str) -> bool:
        """Whether that query parameter or form field is secret."""
        return normal(name) in PARAMETERS or named(normal(name), self.parameters)

    def field(self, name: str) -> bool:
        """Whether that form field is secret: as a parameter, or as a pointer of one step."""
        return self.parameter(name) or self.along((name,))[0]

    def opening(self) -> frozenset[pointer.Rest]:
        """The states in which matching a path into a body begins."""
        return frozenset(state for member in self.members for state in pointer.opening(member))

    def along(self, segments: tuple[str, ...]) -> tuple[bool, frozenset[pointer.Rest]]:
        """Whether anything on that path is secret as a whole, and the states at its end."""
        states = self.opening()
        secret = () in states
        for segment in segments:
            states = pointer.advanced(states, segment)
            secret = secret or () in states or normal(segment) in MEMBERS
        return secret, states


class Redactor:
    """Knows what is secret; ``salt`` keys the hashes, and must not be kept beside them.

    ``paths`` are the spec's: patterns of JSON Pointers, ``header:NAME``, ``query:NAME`` (of form fields, too); names
    may be globs. Raises ValueError when one is none of these, or the salt is empty.
    """

    def __init__(self, salt: bytes, paths: tuple[str, ...] = ()) -> None:
        if not salt:
            raise ValueError("redaction needs a salt of at least one byte: a hash without it can be guessed")
        self._salt = salt
        self._places = Places.of(paths)

    def begin(self, request: Request, *answers: Answer) -> "Redaction":
        """Collect the secrets of one exchange: all its answers have to be here."""
        return Redaction(self._places, self.mark, request, answers)

    def mark(self, secret: str) -> str:
        """What stands for a secret: the same for the same."""
        digest = hmac.digest(self._salt, secret.encode("utf-8", "surrogatepass"), "sha256")
        return f"{REDACTED_MARK}{digest.hex()[:8]}{REDACTED_END}"


@dataclass(frozen=True)
class _Body:
    """A body as text, and whether some of it is left out; ``unread``: nothing but its length and digest is told."""

    text: str
    cut: bool
    unread: bool = False
    form: bool = False


class Redaction:
    """One exchange, with its secrets known. Made by `Redactor.begin`."""

    def __init__(
        self, places: Places, mark: Callable[[str], str], request: Request, answers: tuple[Answer, ...]
    ) -> None:
        self._places = places
        self._mark = mark
        self._request = request
        self._marks: dict[str, str] = {}
        self._issued: set[str] = set()
        self._bodies: dict[Answer, _Body] = {}
        self._unread = False
        self._forms = False
        self._needles: tuple[Needle, ...] = ()
        self.request()
        for answer in answers:
            self.answer(answer)
        self._needles = needles(self._marks)

    def request(self) -> tuple[Headers, str, str]:
        """The request's headers, its path with the query, and its body as text."""
        whole = Answer(200, self._request.headers, self._request.body)
        return self._headers(self._request.headers), self.text(self._request.path), self._body(whole).text

    def answer(self, answer: Answer) -> ShownAnswer:
        """An answer of this exchange; trailers follow the headers as ``trailer:NAME``."""
        trailers = tuple((f"trailer:{name}", value) for name, value in self._headers(answer.trailers))
        body = self._body(answer)
        self._unread |= body.unread
        self._forms |= body.form
        return ShownAnswer(
            status=answer.status,
            headers=(*self._headers(answer.headers), *trailers),
            body=body.text,
            failure=self.text(answer.failure),
            instance=answer.instance,
            cut=body.cut,
        )

    def difference(self, difference: Difference) -> ShownDifference:
        """A difference of two answers of this exchange."""
        left, right = (self._value(difference.path, value) for value in (difference.left, difference.right))
        key = Key(self.text(difference.pattern), difference.kind)
        return ShownDifference(self.text(difference.path), key, left, right)

    def text(self, text: str, *, cut: bool = False) -> str:
        """Any text that may quote the exchange. ``cut``: it was cut off, and may end within a secret."""
        text = hidden_query(text, self._places.parameter, self._hide)
        text = hidden_members(text, self._hide)
        if not self._needles:
            return text
        parts = _MARK.split(text)
        last = len(parts) - 1
        return "".join(
            part if part in self._issued else self._replaced(part, cut=cut and place == last)
            for place, part in enumerate(parts)
        )

    def _replaced(self, text: str, *, cut: bool) -> str:
        pieces: list[str] = []
        at = 0
        for span in spans(text, self._needles, cut=cut):
            pieces += (text[at : span.start], self._marks[span.secret])
            at = span.end
        return "".join([*pieces, text[at:]])

    def _hide(self, secret: str) -> str:
        """The mark of a secret, which is known from now on."""
        if not secret or secret in self._issued:
            return secret
        mark = self._marks.get(secret)
        if mark is None:
            mark = self._marks[secret] = self._mark(secret)
            self._issued.add(mark)
        return mark

    def _headers(self, headers: Headers) -> Headers:
        return tuple(
            (name, self.text(hidden_header(name, value, self._hide) if self._places.header(name) else value))
            for name, value in headers
        )

    def _body(self, answer: Answer) -> "_Body":
        if not answer.body:
            return _Body("", cut=answer.truncated)
        if answer not in self._bodies:
            self._bodies[answer] = self._without_places(answer)
        body = self._bodies[answer]
        if body.unread:
            return body
        text, too_long = capped(self.text(body.text, cut=body.cut))
        return replace(body, text=text, cut=body.cut or too_long)

    def _without_places(self, answer: Answer) -> "_Body":
        """Without what is secret by its place; echoes are still in it."""
        read = bodies.read(answer)
        shown = bodies.hidden(read, self._hidden, self._places.field, self._hide)
        if shown is None and read.text is not None and not self._places.members:
            shown = read.text
        if shown is None:
            why = f"{read.fault}; " if read.fault else ""
            text = f"({why}{len(answer.body):,} bytes, digest {self._digest(answer.body)})"
            return _Body(text, cut=True, unread=True)
        return _Body(shown[:_ROOM], cut=answer.truncated or len(shown) > _ROOM, form=read.form)

    def _digest(self, body: bytes) -> str:
        """Of the bytes as they came; keyed as a mark is, and no mark: it stands for no text."""
        return self._mark(body.decode("latin-1"))[len(REDACTED_MARK) : -1]

    def _hidden(self, value: Value) -> Value:
        return self._veiled(value, self._places.opening())

    def _veiled(self, value: Value, states: frozenset[pointer.Rest]) -> Value:
        """A JSON value with the secret parts of it hidden; null hides nothing."""
        if () in states:
            return self._whole(value)
        if isinstance(value, list):
            return [self._veiled(each, pointer.advanced(states, str(at))) for at, each in enumerate(value)]
        if isinstance(value, dict):
            return {
                name: self._whole(member)
                if normal(name) in MEMBERS
                else self._veiled(member, pointer.advanced(states, name))
                for name, member in value.items()
            }
        return value

    def _whole(self, value: Value) -> Value:
        """One mark for a value; the scalars in it are secrets of their own."""
        if value is None or value is ABSENT:
            return value
        if isinstance(value, list | dict):
            for each in value.values() if isinstance(value, dict) else value:
                self._whole(each)
            return self._hide(tree.canonical(value))
        if isinstance(value, str):
            return self._hide(value)
        return self._hide(f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else tree.shown(value))

    def _value(self, path: str, value: Value) -> str | None:
        if value is ABSENT:
            return None
        shown = self.text(tree.shown(self._hidden_at(path, value), limit=_ROOM))
        return shown if len(shown) <= tree.SHOWN_LIMIT else shown[: tree.SHOWN_LIMIT - 1] + "…"

    def _hidden_at(self, path: str, value: Value) -> Value:
        """The value of a difference, hidden if its place is secret."""
        where, _, name = path.partition(":")
        if where in {"header", "trailer"}:
            header, _, part = name.partition("/")
            if not self._places.header(header) or "/" in part:  # header:set-cookie/NAME/ATTRIBUTE is no secret
                return value
            if part or not isinstance(value, str):
                return self._whole(value)
            return hidden_header(header, value, self._hide)
        if path == "status":
            return value
        segments = pointer.split(path) if path != "body" else ()
        secret, states = self._places.along(segments)
        unread = self._unread and bool(self._places.members)
        named_so = self._forms and bool(segments) and self._places.parameter(segments[0])
        return self._whole(value) if secret or unread or named_so else self._veiled(value, states)
