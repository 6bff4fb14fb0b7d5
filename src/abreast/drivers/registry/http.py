"""HTTP with a registry: one exchange, bounded in time and size, or an answer that comes line by line."""

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx

from abreast.drivers.registry.found import NoAnswerError

LIMIT_BYTES: Final = 8 * 2**20
"""Of one answer. etcd's values may have 1.5 MiB, a third more as they are sent."""

_SHOWN: Final = 160
_OK: Final = 200


@dataclass(frozen=True)
class Reply:
    """What came back, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is a 200."""
        return self.status == _OK

    @property
    def words(self) -> str:
        """``answered 403: 'Permission denied'``, the body's beginning in one line."""
        text = " ".join(self.body[: 4 * _SHOWN].decode("utf-8", "replace").split())
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        return f"answered {self.status}" + (f": {shown!r}" if shown else "")

    def json(self) -> Any:  # noqa: ANN401  # JSON
        """The body as JSON. Raises NoAnswerError."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise NoAnswerError(f"{self.words}, which is no JSON") from None


class Http:
    """Exchanges with one registry over connections of its own, until `close`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """``tls``: whom to trust; left out: the system's authorities, or those of SSL_CERT_FILE."""
        # Without proxies and netrc of the environment: a registry is near, and its token is for nobody else. Times are
        # bounded here as a whole, for httpx's own are for each piece of an answer, however many there are.
        self._tls = tls
        self._client: httpx.AsyncClient | None = None

    async def ask(
        self,
        method: str,
        url: str,
        limit_s: float,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
    ) -> Reply:
        """One exchange; ``body`` is sent as JSON. Raises NoAnswerError."""
        try:
            async with (
                asyncio.timeout(limit_s),
                self._opened().stream(method, url, params=params, headers=headers, json=body) as response,
            ):
                return await _whole(response)
        except TimeoutError:
            raise NoAnswerError(f"no answer within {limit_s:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NoAnswerError(_words(error)) from None

    @asynccontextmanager
    async def lines(
        self, url: str, headers: Mapping[str, str], body: object
    ) -> AsyncIterator[AsyncGenerator[bytes, None]]:
        """The lines of an answer that has no end, to a POST. The caller bounds the time. Raises NoAnswerError."""
        try:
            async with self._opened().stream("POST", url, headers=headers, json=body) as response:
                if response.status_code != _OK:
                    raise NoAnswerError((await _whole(response)).words)
                yield _lines(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise NoAnswerError(_words(error)) from None

    async def close(self) -> None:
        """Close the connections; the next exchange opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            tls = self._tls or httpx.create_ssl_context()
            self._client = httpx.AsyncClient(verify=tls, trust_env=False, timeout=httpx.Timeout(None))
        return self._client


async def _whole(response: httpx.Response) -> Reply:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > LIMIT_BYTES:
            raise NoAnswerError(f"the answer has more than {LIMIT_BYTES // 2**20} MiB")
    return Reply(response.status_code, response.headers, bytes(body))


async def _lines(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Each line; one that is too long ends it."""
    rest = b""
    async for piece in response.aiter_bytes():
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
        if len(rest) > LIMIT_BYTES:
            raise NoAnswerError(f"a line of the answer has more than {LIMIT_BYTES // 2**20} MiB")


def _words(error: Exception) -> str:
    """What httpx says, or what kind of thing went wrong where it says nothing."""
    return " ".join(str(error).split())[:300] or type(error).__name__
