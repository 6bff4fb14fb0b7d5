"""Asking one server one request: whatever happens, it gives an `Answer`."""

from contextlib import AsyncExitStack
from typing import Self
from urllib.parse import urlsplit

from abreast.compare.model import Answer, Request
from abreast.model.service import Endpoint
from abreast.model.shadow import BODY_LIMIT
from abreast.shadow.answers import Protocol
from abreast.shadow.h2_ask import H2Asker
from abreast.shadow.http1_ask import Http1Asker


class Asker:
    """Kept connections to any number of servers. Use as an async context manager.

    The request is sent as it is; `copied` makes the copy of a user's request. ``insecure``: certificates of https
    servers are not checked. ``body_limit``: bytes of a body that are read over HTTP/1.1.
    """

    def __init__(self, *, insecure: bool = False, body_limit: int = BODY_LIMIT) -> None:
        self._http1 = Http1Asker(insecure=insecure, body_limit=body_limit)
        self._open = AsyncExitStack()
        self._h2 = H2Asker()

    async def __aenter__(self) -> Self:
        """Ready to ask."""
        await self._open.enter_async_context(self._http1)
        await self._open.enter_async_context(self._h2)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._open.aclose()

    async def ask(self, url: str, request: Request, *, timeout_s: float, protocol: Protocol = "http1") -> Answer:
        """The answer of the server at ``url``: ``http://127.0.0.1:9001``, or with https and a base path for HTTP/1.1.

        No answer within ``timeout_s``, a refused or broken connection, and nonsense in place of an answer are answers
        with a ``failure``; a body is read up to the limit. Raises UnsendableError for a request that cannot be
        sent as it is.
        """
        if protocol == "http1":
            return await self._http1.ask(url, request, timeout_s)
        return await self._h2.ask(_endpoint(url), request, timeout_s)


def _endpoint(url: str) -> Endpoint:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return Endpoint(parts.hostname or "", parts.port or 80)
