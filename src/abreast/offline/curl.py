r"""Requests as curl commands, one after another, as browsers and API documentation give them.

    curl http://shop/orders/7 -H 'accept: application/json'
    curl -X PUT http://shop/orders/7 \
      --json '{"quantity": 2}'

A command goes on over lines that end with a backslash, and inside quotes. Options that only say how curl itself
prints or connects mean nothing here; unknown ones are faults, since they might have changed the request.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from abreast.offline.curl_options import Command, take
from abreast.offline.entry import Entry, EntryError, Reading

_ANSI: Final = re.compile(r"(?<!\S)\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{1,2}|u[0-9a-fA-F]{1,4}|[0-7]{1,3}|.)", re.DOTALL)
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "e": "\x1b", "f": "\f", "v": "\v"}
_LONGEST: Final = 2_000
"""Lines of one command at most: a quote that is never closed would else swallow the file, line by line."""


def read(text: str, reading: Reading) -> None:
    """Add each command's request to ``reading``, or its fault."""
    for line, words in _commands(text, reading):
        try:
            reading.entries.append(entry(words, line))
        except EntryError as error:
            reading.refuse(line, error)


def entry(words: list[str], line: int = 1) -> Entry:
    """The request of one command, whose words are given without ``curl``. Raises EntryError."""
    command = Command()
    rest = iter(words)
    only_urls = False
    for word in rest:
        if only_urls or word == "-" or not word.startswith("-"):
            command.urls.append(word)
        elif word == "--":
            only_urls = True
        else:
            take(command, word, rest)
    host, request = command.request()
    return Entry(line, host, request)


def _commands(text: str, reading: Reading) -> Iterator[tuple[int, list[str]]]:
    """Each command's first line and its words without ``curl``; what is no command is a fault."""
    lines = text.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        first, stripped = at, lines[at].strip()
        at += 1
        if not stripped or stripped.startswith("#"):
            continue
        written = lines[first]
        words = _words(written)
        while words is None and at < len(lines) and at - first < _LONGEST:
            written += "\n" + lines[at]
            at += 1
            words = _words(written)
        if words is None:
            at = first + 1  # the lines after it are commands of their own
            error = EntryError(f"{_start(stripped)!r} ends within quotes or after a backslash", "complete the command")
            reading.refuse(first + 1, error)
            if stripped.endswith("\\"):
                return  # it reached the end of the file
        elif words[0] == "curl":
            yield first + 1, words[1:]
        else:
            error = EntryError(
                f"{_start(stripped)!r} is no curl command", "begin it with `curl`, or with # as a remark"
            )
            reading.refuse(first + 1, error)


def _words(written: str) -> list[str] | None:
    """The words of a command as a shell would split them; None when it goes on."""
    if re.search(r"(?:^|[^\\])(?:\\\\)*\\$", written):
        return None
    plain = _ANSI.sub(lambda match: shlex.quote(_unescaped(match[1])), written.replace("\\\n", " "))
    try:
        return shlex.split(plain)
    except ValueError:
        return None


def _unescaped(text: str) -> str:
    """What bash's ``$'…'`` stands for."""

    def one(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "xu" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        return _LETTERS.get(code, code)

    return _ESCAPE.sub(one, text)


def _start(line: str) -> str:
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"


_SHOWN: Final = 40
"""Characters of a line that a fault quotes."""
