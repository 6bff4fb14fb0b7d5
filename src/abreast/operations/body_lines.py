"""A body as lines that can be laid beside another's: JSON one member a line, each with where it is."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from abreast.compare import tree
from abreast.compare.model import Value
from abreast.compare.pointer import escaped
from abreast.model.visible import visible

_INDENT: Final = "  "
_LONGEST: Final = 4000
"""Characters of one value that are shown: stored bodies are not much longer."""

_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|[{\[,]|[^"{\[,]+')


@dataclass(frozen=True)
class Line:
    """One line, safe for a terminal; ``pointer`` is its place in a JSON body, None elsewhere.

    Commas at the end are left out: a member is the same whether or not another follows.
    """

    text: str
    pointer: str | None = None


def body_lines(body: str) -> list[Line]:
    """The lines of a body; of JSON that was cut off, a line after each comma and bracket, without places."""
    if not body:
        return []
    try:
        return list(_members(tree.parse(body), "", "", ""))
    except (tree.NotJsonError, tree.TooDeepError):
        return [Line(visible(line)) for line in _broken(body)]


def _broken(body: str) -> list[str]:
    """The lines of a text; one that begins like JSON and is all in one line is taken apart."""
    lines = body.splitlines()
    if len(lines) > 1 or not body.lstrip().startswith(("{", "[")):
        return lines
    parts = [""]
    for piece in _TOKENS.findall(body):
        if piece == ",":
            parts.append("")
            continue
        parts[-1] += piece
        if piece in ("{", "["):
            parts.append("")
    return [part.strip() for part in parts if part.strip()]


def _members(value: Value, pointer: str, title: str, indent: str) -> Iterator[Line]:
    """A value's lines: one, or a bracket, its members, and a bracket."""
    if not value or not isinstance(value, dict | list):
        yield Line(f"{indent}{title}{visible(tree.shown(value, _LONGEST))}", pointer)
        return
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    yield Line(f"{indent}{title}{opened}", pointer)
    if isinstance(value, dict):
        for name, member in value.items():
            quoted = visible(json.dumps(name, ensure_ascii=False))
            yield from _members(member, f"{pointer}/{escaped(name)}", f"{quoted}: ", indent + _INDENT)
    else:
        for index, element in enumerate(value):
            yield from _members(element, f"{pointer}/{index}", "", indent + _INDENT)
    yield Line(f"{indent}{closed}", pointer)
