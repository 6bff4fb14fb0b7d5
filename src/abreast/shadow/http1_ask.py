"""Asking over HTTP/1.1, plain or TLS. aiohttp: a tenth of the processor time that httpcore takes for a request."""

import re
from dataclasses import dataclass
from typing import Final, Self

import aiohttp
from aiohttp import hdrs
from yarl import URL

from abreast.compare.model import Answer, Headers, Request
from abreast.model.shadow import BODY_LIMIT
from abreast.shadow.answers import (
    BROKEN,
    CLOSED,
    CLOSED_IN_BODY,
    KEEP_ALIVE_S,
    UNTRUSTED,
    Body,
    UnsendableError,
    failed,
    failure_words,
    text_headers,
    timed_out,
)

_HEAD_LIMIT: Final = 65_536
"""Bytes of one line of an answer's head: more than the gateway would let through."""

# RFC 9110, 5.6.2 and 5.5; RFC 9112, 3.2.
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NO_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_TARGET: Final = re.compile(r"[\x00-\x20\x7f#]")

_NOT_OURS_TO_ADD: Final = (hdrs.ACCEPT, hdrs.ACCEPT_ENCODING, hdrs.CONTENT_TYPE, hdrs.USER_AGENT)


class _LostError(aiohttp.ClientError):
    """The connection ended before the answer.

    Of a class that aiohttp does not retry by itself: it would ask again on new connections too, and PUT and DELETE.
    """


@dataclass(slots=True)
class _Attempt:
    """One sending of a request; ``kept``: on a connection that had been used before."""

    kept: bool = False


class Http1Asker:
    """A pool of connections. Use as an async context manager.

    ``insecure``: a TLS certificate is not checked. ``body_limit``: bytes of an answer's body that are read.
    """

    def __init__(self, *, insecure: bool = False, body_limit: int = BODY_LIMIT) -> None:
        self._insecure = insecure
        self._body_limit = body_limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the pool; connections are made as they are needed."""
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        tracing.freeze()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=not self._insecure),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NOT_OURS_TO_ADD,
            auto_decompress=False,
            max_line_size=_HEAD_LIMIT,
            max_field_size=_HEAD_LIMIT,
            middlewares=(_once,),
            trace_configs=[tracing],
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, base: str, request: Request, timeout_s: float) -> Answer:
        """The answer of the server at ``base`` (``http://127.0.0.1:9001`` or ``https://example.org/base``).

        A safe request is sent once more when a kept connection was closed before any answer, as servers may at any
        time (RFC 9112, 9.3.1). Raises UnsendableError.
        """
        if self._session is None:
            message = "the asker is not open: use it in `async with`"
            raise RuntimeError(message)
        url = _url(base, request.path)
        host = url.raw_host or ""
        instance = f"[{host}]:{url.port}" if ":" in host else f"{host}:{url.port}"
        headers = _sendable(request.headers)
        attempt = _Attempt()
        try:
            try:
                return await self._send(self._session, url, request, headers, timeout_s, attempt, instance)
            except _LostError:
                if not (request.safe and attempt.kept):
                    raise
                return await self._send(self._session, url, request, headers, timeout_s, _Attempt(), instance)
        except TimeoutError:
            return timed_out(timeout_s, instance)
        except aiohttp.ClientError as error:
            return failed(_words(error), instance)

    async def _send(
        self,
        session: aiohttp.ClientSession,
        url: URL,
        request: Request,
        headers: list[tuple[str, str]],
        timeout_s: float,
        attempt: _Attempt,
        instance: str,
    ) -> Answer:
        """Send it, and wait for the whole answer or as much as is allowed of it."""
        async with session.request(
            request.method,
            url,
            headers=headers,
            data=request.body or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
            trace_request_ctx=attempt,
        ) as response:
            body = Body(self._body_limit)
            async for chunk in response.content.iter_any():
                body.add(chunk)
                if body.truncated:
                    response.close()
                    break
            return Answer(
                response.status,
                text_headers(response.raw_headers),
                bytes(body),
                truncated=body.truncated,
                instance=instance,
            )


def _words(error: aiohttp.ClientError) -> str:
    """Why there is no answer."""
    match error:
        case _LostError():
            return str(error)
        case aiohttp.ClientConnectorCertificateError():
            return UNTRUSTED
        case aiohttp.ClientConnectorError():
            return failure_words(error.os_error)
        case aiohttp.ClientPayloadError():
            return CLOSED_IN_BODY
        case aiohttp.ClientOSError():
            return failure_words(error)
        case _:
            return BROKEN


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A middleware that keeps aiohttp from asking again by itself."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except aiohttp.ClientOSError as error:
        raise _LostError(failure_words(error)) from error
    except aiohttp.ServerDisconnectedError as error:
        raise _LostError(CLOSED) from error


async def _note_reuse(
    _session: aiohttp.ClientSession, context: object, _parameters: aiohttp.TraceConnectionReuseconnParams
) -> None:
    """Tell the attempt that its connection is a kept one."""
    attempt = getattr(context, "trace_request_ctx", None)
    if isinstance(attempt, _Attempt):
        attempt.kept = True


def _url(base: str, target: str) -> URL:
    """The address, with the target exactly as it was sent: the query stays in the path, so that nothing is rewritten.

    Raises UnsendableError for a target that is no path (``*``).
    """
    if not target.startswith("/") or _NO_TARGET.search(target):
        message = f"the target {target[:80]!r} is no path"
        raise UnsendableError(message)
    parsed = URL(base)
    path = parsed.raw_path.rstrip("/") + _utf8(target, "the target")
    return URL.build(scheme=parsed.scheme, host=parsed.raw_host or "", port=parsed.port, path=path, encoded=True)


def _sendable(headers: Headers) -> list[tuple[str, str]]:
    """The headers as aiohttp takes them. Raises UnsendableError."""
    for name, value in headers:
        if not _TOKEN.fullmatch(name) or _NO_VALUE.search(value):
            message = f"the header {name[:80]!r} has bytes that HTTP does not allow"
            raise UnsendableError(message)
    return [(name, value if value.isascii() else _utf8(value, f"the header {name}")) for name, value in headers]


def _utf8(text: str, what: str) -> str:
    """Bytes read as latin-1, as text that aiohttp's encoding as UTF-8 makes the same bytes again.

    Raises UnsendableError for bytes that are no UTF-8.
    """
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        message = f"{what} is not UTF-8"
        raise UnsendableError(message) from None
