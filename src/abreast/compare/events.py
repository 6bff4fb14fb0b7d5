"""Reads streams of events as lists, so that they are compared event by event like JSON."""

import re
from typing import Final

from abreast.compare import tree
from abreast.compare.model import Value

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_RETRY: Final = re.compile(r"[0-9]{1,18}")


def sse(text: str) -> list[Value]:
    """The events of a ``text/event-stream``, each ``{"data"}`` with the ``event``, ``id`` and ``retry`` it says.

    As browsers read it (WHATWG HTML, 9.2.6): comments are dropped, several data lines are one, a block without data is
    no event, and what follows the last empty line was cut and is no event yet. But ``id`` and ``retry`` count for the
    browser without data, too, so a block with one of them is kept. Data that is JSON is a value, else a str;
    ``retry`` is an int of milliseconds.
    """
    found: list[Value] = []
    block: dict[str, Value] = {}
    data: list[str] = []
    # What comes after the last line's end is no line yet.
    for line in _LINE_END.split(text.removeprefix("\ufeff"))[:-1]:
        if line:
            _read(line, block, data)
            continue
        if data:
            block["data"] = _json_or_text("\n".join(data))
        if block.keys() - {"event"}:
            found.append(block)
        block, data = {}, []
    return found


def _read(line: str, block: dict[str, Value], data: list[str]) -> None:
    """Takes one line into the block. A line that begins with a colon is a comment: its field has no name."""
    name, _, value = line.partition(":")
    value = value.removeprefix(" ")
    if name == "data":
        data.append(value)
    elif name == "event" or (name == "id" and "\0" not in value):
        block[name] = value
    elif name == "retry" and _RETRY.fullmatch(value):
        block[name] = int(value)


def _json_or_text(data: str) -> Value:
    try:
        return tree.parse(data)
    except ValueError:
        return data


def ndjson(text: str) -> list[Value]:
    """The values of newline-delimited JSON; empty lines are none.

    Raises:
        ValueError: A line is not JSON; says which.
    """
    found: list[Value] = []
    for place, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            found.append(tree.parse(line))
        except ValueError as error:
            raise ValueError(f"line {place} of the stream: {error}") from error
    return found
