"""Asking an instance whether it is well: one HTTP request or one TCP connect."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httptools

from abreast.model.service import Endpoint, Probe, Version

_OK = range(200, 400)
_FINAL = 200
_MOST_BYTES = 1 << 16


@dataclass(frozen=True)
class Answer:
    """What came of a probe; ``detail`` is a phrase such as ``GET /healthz answered 404``."""

    well: bool
    detail: str


Ask = Callable[[Endpoint, Probe, Version], Awaitable[Answer]]


async def ask(endpoint: Endpoint, probe: Probe, version: Version) -> Answer:
    """Probe once; takes at most ``probe.timeout_s``.

    An instance that speaks only h2c (HTTP/2 without TLS) cannot be asked in HTTP/1.1: there a connect has to
    do, and the gateway's own health checks ask further.
    """
    by_http = probe.kind == "http" and version.protocol == "http1"
    what = str(probe) if by_http else f"connect to {endpoint}"
    try:
        async with asyncio.timeout(probe.timeout_s):
            if not by_http:
                await _connect(endpoint)
                return Answer(well=True, detail=f"{what} succeeded")
            status = await _request(endpoint, probe.path)
    except TimeoutError:
        return Answer(well=False, detail=f"{what}: no answer within {probe.timeout_s:g} s")
    except OSError as error:
        return Answer(well=False, detail=f"{what}: {_words(error)}")
    except (httptools.HttpParserError, httptools.HttpParserUpgrade, EOFError):
        return Answer(well=False, detail=f"{what}: the answer is not HTTP/1.1")
    return Answer(well=status in _OK, detail=f"{what} answered {status}")


async def _connect(endpoint: Endpoint) -> None:
    """Connect and hang up. Raises OSError."""
    _, writer = await _open(endpoint)
    writer.close()


async def _request(endpoint: Endpoint, path: str) -> int:
    """The status of a GET. Raises OSError, EOFError (hung up early), HttpParserError."""
    reader, writer = await _open(endpoint)
    try:
        lines = [
            f"GET {path} HTTP/1.1",
            f"host: {endpoint}",
            "user-agent: abreast-probe",
            "accept: */*",
            "connection: close",
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return await _status(reader)
    finally:
        writer.close()


async def _open(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to somebody else. Raises OSError."""
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    # On loopback, connecting to a port in the ephemeral range where nobody listens may by chance meet itself
    # (simultaneous open, RFC 9293 section 3.5), and would look like a server that accepts.
    if writer.get_extra_info("sockname")[:2] == writer.get_extra_info("peername")[:2]:
        writer.transport.abort()
        raise ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED))
    return reader, writer


class _Reply:
    """httptools' view of an answer; 1xx answers may precede the final one (RFC 9110 section 15.2)."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status: int | None = None
        self.done = False

    def on_headers_complete(self) -> None:
        status: int = self.parser.get_status_code()
        self.status = status if status >= _FINAL else None

    def on_message_complete(self) -> None:
        self.done = self.status is not None


async def _status(reader: asyncio.StreamReader) -> int:
    """The final status, with the answer read to its end if it is short, so that the server need not notice."""
    reply = _Reply()
    received_bytes = 0
    while not reply.done and received_bytes < _MOST_BYTES:
        data = await reader.read(_MOST_BYTES)
        if not data:
            break
        received_bytes += len(data)
        reply.parser.feed_data(data)
    if reply.status is None:
        raise EOFError
    return reply.status


def _words(error: OSError) -> str:
    """The system's own words, such as ``connection refused``."""
    return os.strerror(error.errno).lower() if error.errno else str(error).lower()
