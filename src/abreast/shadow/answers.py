"""What every client of the relay's keeps to: time, size, and words for what went wrong."""

import errno
import socket
from typing import Final, Literal

from abreast.compare.model import Answer, Headers
from abreast.model.shadow import BODY_LIMIT

Protocol = Literal["http1", "h2c"]
"""How an instance is spoken to: HTTP/1.1, or HTTP/2 by prior knowledge, which gRPC needs."""

KEEP_ALIVE_S: Final = 1.5
"""Kept connections are closed after being idle this long: below the keep-alive of the services behind."""

CLOSED: Final = "connection closed without an answer"
CLOSED_IN_BODY: Final = "connection closed in the middle of the answer"
BROKEN: Final = "the answer breaks the protocol"
UNTRUSTED: Final = "the certificate is not trusted"
_UNKNOWN_HOST: Final = "no such host"
_FAILED: Final = "connection failed"

_WORDS: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.ENETUNREACH: "network unreachable",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ETIMEDOUT: "connection timed out",
}

UNREACHED: Final = frozenset({*_WORDS.values(), UNTRUSTED, _UNKNOWN_HOST, _FAILED} - {"connection reset"})
"""Words for what keeps every request from a server, not just this one."""


class UnsendableError(ValueError):
    """A request that this client cannot send as it was; the message says what is in the way."""


def failed(words: str, instance: str) -> Answer:
    """The answer that did not come."""
    return Answer(0, failure=words, instance=instance)


def timed_out(timeout_s: float, instance: str) -> Answer:
    """The answer that did not come in time."""
    return failed(f"time-out after {timeout_s:g} s", instance)


def failure_words(error: OSError) -> str:
    """Why a connection failed, in the same words for every instance: no address is in them."""
    if isinstance(error, socket.gaierror):
        return _UNKNOWN_HOST
    return _WORDS.get(error.errno or 0, _FAILED)


class Body:
    """An answer's body as it arrives, up to the limit."""

    def __init__(self, limit: int = BODY_LIMIT) -> None:
        self._limit = limit
        self._bytes = bytearray()
        self.truncated = False

    def add(self, chunk: bytes) -> None:
        """Take the next bytes; what is beyond the limit is dropped and ``truncated`` set."""
        room = self._limit - len(self._bytes)
        self._bytes += chunk[:room]
        self.truncated = self.truncated or len(chunk) > room

    def __bytes__(self) -> bytes:
        return bytes(self._bytes)


def text_headers(raw: tuple[tuple[bytes, bytes], ...] | list[tuple[bytes, bytes]]) -> Headers:
    """Headers as `compare` reads them: names in lower case, bytes as latin-1."""
    return tuple((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw)
