"""One HTTP request and its answer, bounded in time and size, and told in words when it fails."""

import asyncio
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from abreast.model.checks import public_address

_SUCCESS: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)
_SHOWN: Final = 160


class NoAnswerError(Exception):
    """Nobody answered in time; the text says who and why, without secrets of the address."""


@dataclass(frozen=True)
class Answer:
    """What came back; ``whole``: all of the body, and not only as much as was wanted."""

    status: int
    body: bytes
    whole: bool = True

    @property
    def passes(self) -> bool:
        """Whether it is a 2xx."""
        return self.status in _SUCCESS

    @property
    def redirects(self) -> bool:
        """Whether it points elsewhere, where nobody goes: that may be anybody's place."""
        return self.status in _REDIRECT

    @property
    def words(self) -> str:
        """``answered 403: 'closed'``, the body's beginning in one line."""
        if self.redirects:
            return f"answered {self.status}: it points elsewhere, which is not followed; write the final address"
        text = " ".join(self.body[: 4 * _SHOWN].decode("utf-8", "replace").split())
        shown = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        return f"answered {self.status}{f': {shown!r}' if shown else ''}"


@dataclass(frozen=True)
class Wish:
    """A POST: ``content`` of that ``content_type`` to ``url``, whose user and password become Basic authentication.

    The answer must be there within ``limit_s``, and of its body no more than ``limit_bytes`` are read.
    """

    url: str
    content: bytes
    content_type: str
    limit_s: float
    limit_bytes: int


class Exchange:
    """Sends wishes over connections of its own, until `close`."""

    def __init__(self) -> None:
        # The whole exchange has one limit: httpx's own are for each piece of an answer, however many there are.
        # And no number of connections that a server holds may keep a request from another one: the spec bounds them.
        self._client = httpx.AsyncClient(
            verify=_tls(),
            follow_redirects=False,
            timeout=httpx.Timeout(None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
        )

    async def post(self, wish: Wish) -> Answer:
        """Wait for the answer. Raises NoAnswerError."""
        address = public_address(wish.url)
        url, user = _without_user(wish.url)
        headers = {"content-type": wish.content_type, "accept-encoding": "identity", "user-agent": "abreast"}
        try:
            async with (
                asyncio.timeout(wish.limit_s),
                self._client.stream(
                    "POST", url, content=wish.content, headers=headers, auth=user or httpx.USE_CLIENT_DEFAULT
                ) as response,
            ):
                return await _read(response, wish.limit_bytes)
        except TimeoutError:
            raise NoAnswerError(f"{address} did not answer within {wish.limit_s:g} s") from None
        except httpx.InvalidURL:
            raise NoAnswerError(f"{address} makes no sense as an address") from None
        except httpx.ConnectError as error:
            raise NoAnswerError(f"nobody can be reached at {address}: {error}") from None
        except (httpx.HTTPError, OSError) as error:
            raise NoAnswerError(f"{address} broke off: {str(error) or type(error).__name__}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@cache
def _tls() -> ssl.SSLContext:
    """Made once: reading the authorities' certificates takes a while."""
    return httpx.create_ssl_context()


async def _read(response: httpx.Response, limit_bytes: int) -> Answer:
    body = bytearray()
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > limit_bytes:
            return Answer(response.status_code, bytes(body[:limit_bytes]), whole=False)
    return Answer(response.status_code, bytes(body))


def _without_user(url: str) -> tuple[str, tuple[str, str] | None]:
    """The URL as it may be logged, and the user and password that stood in it."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=place)), (unquote(name), unquote(password))
