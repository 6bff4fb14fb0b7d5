"""Compares gRPC answers: the status, how many messages there are, and what is in each."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from google.protobuf.descriptor import Descriptor

from abreast.compare import json_body
from abreast.compare.forms import digest
from abreast.compare.messages import Types
from abreast.compare.model import ABSENT, Answer, Difference, Kind, Value
from abreast.compare.rules import Rules, compiled

__all__ = ["Types", "differences"]

_PREFIX: Final = 5
"""Bytes before each message: the flags, and the length in four bytes, most significant first."""
_COMPRESSED: Final = 0x01
_WEB_TRAILERS: Final = 0x80
"""The flag of gRPC-Web's last frame, whose content are the trailers."""
_MOST_BYTES: Final = 16 * 1024 * 1024
"""Bytes of all messages of one answer after decompressing."""
_WINDOWS: Final = {"gzip": 31, "deflate": 15}
"""Codings of messages that are read, with zlib's ``wbits`` for each."""
_STATUS: Final = "grpc-status"
_MESSAGE: Final = "grpc-message"
_TOLD: Final = (_STATUS, _MESSAGE, "grpc-status-details-bin")


@dataclass(frozen=True, slots=True)
class _Stream:
    """What an answer's body holds. ``fault``: why not all of it can be read."""

    messages: tuple[bytes, ...] = ()
    trailers: tuple[tuple[str, str], ...] = ()
    fault: str = ""


def differences(
    left: Answer, right: Answer, rules: Rules, types: Types | None = None, *, method: str = ""
) -> Iterator[Difference]:
    """How two gRPC (or gRPC-Web, in binary) answers differ; the status first. Never raises.

    The status is at ``trailer:grpc-status`` wherever it came (trailers, or the headers of an answer without messages);
    when it differs, the messages are not compared: that is one cause. Messages are an array, ``/0/total``: by field
    when ``types`` knows what ``method`` (``/pkg.Service/Method``) answers, else by digest and length. Of an answer
    that was cut, the messages that both have are compared.
    """
    one, other = _stream(left), _stream(right)
    told = tuple(_status(_trailers(left, one), _trailers(right, other), rules))
    yield from told
    if any(each.kind is Kind.STATUS for each in told):
        return
    if left.body == right.body and left.header("grpc-encoding") == right.header("grpc-encoding"):
        return
    asked = compiled(rules)
    if one.fault or other.fault:
        if not asked.ignores("body"):
            yield _undecodable(left, right, one.fault, other.fault)
        return
    count = min(len(one.messages), len(other.messages)) if left.truncated or right.truncated else None
    yield from json_body.differences(
        _values(one.messages[:count], types, method), _values(other.messages[:count], types, method), rules
    )


def _undecodable(left: Answer, right: Answer, fault: str, other_fault: str) -> Difference:
    """One side cannot be read; or neither, and then they differ as bytes do."""
    if fault and other_fault:
        return Difference(Kind.CHANGED, "body", "body", digest(left.body), digest(right.body))
    return Difference(Kind.UNDECODABLE, "body", "body", fault or ABSENT, other_fault or ABSENT)


def _stream(answer: Answer) -> _Stream:
    """The messages, decompressed."""
    messages: list[bytes] = []
    trailers: list[tuple[str, str]] = []
    body, at, room = memoryview(answer.body), 0, _MOST_BYTES
    coding = answer.header("grpc-encoding") or "identity"
    while at < len(body):
        length = int.from_bytes(body[at + 1 : at + _PREFIX], "big")
        begin, end = at + _PREFIX, at + _PREFIX + length
        if end > len(body):
            fault = f"message {len(messages) + 1} is cut: {len(body) - at} of {_PREFIX + length} bytes"
            return _Stream(tuple(messages), tuple(trailers), "" if answer.truncated else fault)
        flags, message = body[at], bytes(body[begin:end])
        if flags & _COMPRESSED and coding != "identity":
            try:
                message = _decompressed(message, coding, room)
            except ValueError as error:
                return _Stream(tuple(messages), tuple(trailers), f"message {len(messages) + 1} {error}")
        room -= len(message)
        if flags & _WEB_TRAILERS:
            trailers += _web_trailers(message)
        else:
            messages.append(message)
        at = end
    return _Stream(tuple(messages), tuple(trailers))


def _decompressed(message: bytes, coding: str, room: int) -> bytes:
    """Raises ValueError, whose text follows on "message 3 "."""
    window = _WINDOWS.get(coding)
    if window is None:
        raise ValueError(f"is compressed with {coding!r}; read are {', '.join(_WINDOWS)}")
    decoder = zlib.decompressobj(window)
    try:
        plain = decoder.decompress(message, max(room, 1))
    except zlib.error as error:
        raise ValueError(f"is not {coding}: {error}") from error
    if decoder.unconsumed_tail:
        raise ValueError(f"brings the answer above {_MOST_BYTES} bytes")
    if not decoder.eof:
        raise ValueError(f"ends in the middle of its {coding} data")
    return plain


def _web_trailers(message: bytes) -> list[tuple[str, str]]:
    lines = (line.partition(":") for line in message.decode("latin-1").split("\r\n") if line)
    return [(name.strip().lower(), value.strip()) for name, _, value in lines]


def _trailers(answer: Answer, stream: _Stream) -> dict[str, str]:
    """The trailers, or the headers of an answer that has no others; the first of a name counts."""
    found: dict[str, str] = {}
    for name, value in (*answer.trailers, *stream.trailers, *answer.headers):
        found.setdefault(name, value)
    return found


def _status(left: dict[str, str], right: dict[str, str], rules: Rules) -> Iterator[Difference]:
    asked = compiled(rules)
    for name in _TOLD:
        path, kind = f"trailer:{name}", Kind.STATUS if name == _STATUS else Kind.HEADER
        one, other = left.get(name), right.get(name)
        if name == _MESSAGE:
            # Percent-encoded (gRPC over HTTP/2, "Responses").
            one, other = (each and unquote(each, errors="backslashreplace") for each in (one, other))
        same = one == other if one is None or other is None else asked.masked(one) == asked.masked(other)
        if not same and not asked.ignores(path):
            yield Difference(kind, path, path, ABSENT if one is None else one, ABSENT if other is None else other)


def _values(messages: tuple[bytes, ...], types: Types | None, method: str) -> Value:
    kind = types.output(method) if types is not None else None
    return [_value(message, types, kind) for message in messages]


def _value(message: bytes, types: Types | None, kind: Descriptor | None) -> Value:
    if types is None or kind is None:
        return digest(message)
    try:
        return types.read(message, kind)
    except ValueError:
        return digest(message)
