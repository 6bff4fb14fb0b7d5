"""Bodies as they are kept: decoded, read as values where that is possible, with what is secret in them hidden."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from abreast.compare import events, forms, tree
from abreast.compare.decode import decoded
from abreast.compare.model import Answer, Value
from abreast.findings.credentials import Hide, hidden_form
from abreast.findings.samples import BODY_CAP

_LONGEST: Final = 8 * BODY_CAP
"""Characters of a value that are written: so many more than are kept that no end of them is."""


@dataclass(frozen=True)
class ReadBody:
    """A body: its ``text`` (None: it is none, or ``fault`` says why it cannot be decoded), and its values.

    ``values`` are those of JSON, or of each line or event of a stream, or the parts of a multipart body; None: it is
    nothing that has values. ``form``: the text is of form fields.
    """

    text: str | None
    values: tuple[Value, ...] | None = None
    form: bool = False
    stream: bool = False
    fault: str = ""


def read(answer: Answer) -> ReadBody:
    """Read a body as what its media type says it is, and as JSON when that says nothing better. Never raises."""
    content = decoded(answer)
    if content.media_type.startswith("multipart/") and not content.fault:
        return _parts(content.body, answer.header("content-type") or "")
    if content.text is None:
        return ReadBody(None, fault=content.fault)
    if content.media_type == "application/x-www-form-urlencoded":
        return ReadBody(content.text, form=True)
    if content.media_type == "text/event-stream":
        return ReadBody(content.text, tuple(events.sse(content.text)), stream=True)
    try:
        return ReadBody(content.text, (tree.parse(content.text),))
    except ValueError:
        return _lines(content.text)


def hidden(
    body: ReadBody, veiled: Callable[[Value], Value], is_secret: Callable[[str], bool], hide: Hide
) -> str | None:
    """The text of a body without what is secret by its place; None: it has no such places, or they cannot be found.

    Values are written anew, so that nothing is kept that the reader passed over: members of the same name, comments
    of a stream, an event that never ended.
    """
    if body.values is None:
        return hidden_form(body.text, is_secret, hide) if body.form and body.text is not None else None
    values = body.values
    if body.form:
        values = tuple(_hidden_parts(value, is_secret, hide) for value in values)
    if body.stream:
        whole = veiled(list(values))
        values = tuple(whole) if isinstance(whole, list) else (whole,)
    else:
        values = tuple(map(veiled, values))
    return "\n".join(tree.shown(value, limit=_LONGEST) for value in values)


def _parts(body: bytes, content_type: str) -> ReadBody:
    try:
        return ReadBody(None, (forms.parts(body, content_type),), form=True)
    except ValueError as error:
        return ReadBody(None, fault=str(error))


def _lines(text: str) -> ReadBody:
    try:
        return ReadBody(text, tuple(events.ndjson(text)), stream=True)
    except ValueError:
        return ReadBody(text)


def _hidden_parts(value: Value, is_secret: Callable[[str], bool], hide: Hide) -> Value:
    """The parts of a form with those hidden that are secret by their name."""
    if not isinstance(value, dict):
        return value
    return {name: _hidden_part(part, hide) if is_secret(name) else part for name, part in value.items()}


def _hidden_part(part: Value, hide: Hide) -> Value:
    if isinstance(part, list):
        return [_hidden_part(each, hide) for each in part]
    if isinstance(part, dict):
        return {name: _hidden_part(each, hide) for name, each in part.items()}
    return hide(part if isinstance(part, str) else tree.canonical(part))
