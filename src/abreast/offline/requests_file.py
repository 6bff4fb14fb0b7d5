"""A file of requests: HAR, NDJSON or curl commands, told apart by what is in it."""

import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.model.errors import RequestsError, UsageError
from abreast.offline import curl, har, ndjson
from abreast.offline.entry import Entry, EntryError, Reading

STANDARD_INPUT: Final = "-"


@dataclass(frozen=True)
class RequestsFile:
    """The requests of a file, in its order; ``left_out`` counts by reason what is no request to ask again."""

    name: str
    entries: tuple[Entry, ...]
    left_out: Mapping[str, int]

    def of_host(self, host: str) -> "RequestsFile":
        """Only those of one host, or given as a mere path; all, when ``host`` is empty and they agree.

        Raises UsageError when they do not: who compares two versions of a shop does not want to ask them for what a
        page loads from elsewhere.
        """
        hosts = Counter(entry.host for entry in self.entries if entry.host)
        listed = ", ".join(f"{name} ({count})" for name, count in hosts.most_common(8))
        if not host:
            if len(hosts) > 1:
                message = f"{self.name} has requests of {len(hosts)} hosts: {listed}"
                raise UsageError(message, "name the one that is to be compared: --from HOST")
            return self
        if hosts and host not in hosts:
            raise UsageError(f"--from: {self.name} has no request of {host!r}", f"name one of its hosts: {listed}")
        kept = tuple(entry for entry in self.entries if entry.host in {"", host})
        left = len(self.entries) - len(kept)
        return RequestsFile(self.name, kept, {**self.left_out, **({"other host": left} if left else {})})


def load(name: str) -> RequestsFile:
    """The requests in the file of that name, ``-`` for what comes in.

    Raises UsageError when there is no such file to read, RequestsError with every fault in it.
    """
    if name == STANDARD_INPUT:
        return parse(sys.stdin.buffer.read(), "standard input")
    try:
        return parse(Path(name).read_bytes(), name)
    except OSError as error:
        remedy = "name a file of requests (HAR, NDJSON or curl commands), or - for standard input"
        raise UsageError(f"--requests: {name!r} cannot be read: {error.strerror}", remedy) from None


def parse(raw: bytes, name: str) -> RequestsFile:
    """The requests in a file's bytes. Raises RequestsError with every fault."""
    reading = Reading(name)
    try:
        _read(raw.decode("utf-8-sig"), reading)
    except UnicodeDecodeError as error:
        message = f"byte {raw[error.start]:#04x} is no UTF-8"
        reading.refuse(raw.count(b"\n", 0, error.start) + 1, EntryError(message, "save the file as UTF-8"))
    if reading.faults:
        raise RequestsError(tuple(reading.faults))
    return RequestsFile(name, tuple(reading.entries), reading.left_out)


def _read(text: str, reading: Reading) -> None:
    first, line = _first(text)
    if not first:
        error = EntryError("there is no request in it", "add one, such as: curl http://shop/orders/7")
        reading.refuse(1, error)
        return
    document = _whole(text) if first.startswith(("{", "[")) else None
    if document is None and _BROKEN_HAR.match(text.lstrip()):
        reading.refuse(*_syntax(text))
        return
    if isinstance(document, dict) and "log" in document:
        har.read(document, text, reading)
    elif isinstance(document, list):
        reading.refuse(
            line, EntryError("a JSON array is none of the formats", "write one object on each line (NDJSON)")
        )
    elif first.startswith("{"):
        ndjson.read(text, reading)
    elif first.split(maxsplit=1)[0] == "curl":
        curl.read(text, reading)
    else:
        found = first if len(first) <= _SHOWN else f"{first[:_SHOWN]}…"
        message = f"{found!r} begins neither a HAR document, nor NDJSON, nor a curl command"
        remedy = 'write lines such as: {"method": "GET", "path": "/orders/7"}   or: curl http://shop/orders/7'
        reading.refuse(line, EntryError(message, remedy))


def _first(text: str) -> tuple[str, int]:
    """The first line that says something, stripped, and its number."""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            return stripped, number
    return "", 1


def _whole(text: str) -> object:
    """The text as one JSON document; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _syntax(text: str) -> tuple[int, EntryError]:
    """Where a HAR file stops being JSON."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.lineno, EntryError(f"no JSON: {error}", "export the HAR again: it may be cut")
    except (ValueError, RecursionError) as error:
        return 1, EntryError(f"no JSON that can be read: {error}", "export the HAR again")
    return 1, EntryError("no JSON that can be read", "export the HAR again")


_BROKEN_HAR: Final = re.compile(r'\{\s*"log"\s*:|\{\s*\n')
"""How a HAR file begins; a line of NDJSON is whole."""
_SHOWN: Final = 40
"""Characters of a line that a fault quotes."""
