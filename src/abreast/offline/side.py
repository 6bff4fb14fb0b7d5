"""The sides that are compared: where each listens, and one answer to one request of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import SplitResult, urlsplit

from abreast.compare.model import Answer, Request
from abreast.model.errors import AbreastError, UsageError
from abreast.shadow.answers import UNREACHED, UNTRUSTED, UnsendableError
from abreast.shadow.ask import Asker

BODY_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of an answer's body that are read; what is longer is compared as far as here, and told as cut."""
_PORTS: Final = {"http": 80, "https": 443}
_USUAL: Final = (("accept", "*/*"), ("user-agent", "abreast-compare"))
"""Headers that a request gets when it has none of the name: what curl would send."""


class UnreachableError(AbreastError):
    """Nothing answers at one of the URLs that are to be compared."""


@dataclass(frozen=True)
class Side:
    """One side: ``name`` is A, B or control; ``base`` is a path before each request's, without a slash at its end."""

    name: str
    scheme: str
    host: str
    port: int
    base: str

    @classmethod
    def of(cls, name: str, url: str) -> "Side":
        """The side at ``http(s)://HOST[:PORT][/BASE]``. Raises UsageError."""
        try:
            parts: SplitResult = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"{name}: {url!r} is no URL: {error}", "write http://HOST:PORT") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(f"{name}: {url!r} is no http(s) URL", "write http://HOST:PORT, or https://HOST")
        if parts.query or parts.fragment or parts.username:
            message = f"{name}: {url!r} has a query, a fragment or credentials"
            raise UsageError(message, "leave them out: they belong to each request")
        return cls(name, parts.scheme, parts.hostname, port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    @property
    def authority(self) -> str:
        """The ``host`` header that names this side."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.base}"


class SideAsker:
    """Asks sides over kept connections. Never raises for what a side does: that is an answer, too."""

    def __init__(self, asker: Asker, timeout_s: float) -> None:
        self._asker = asker
        self._timeout_s = timeout_s

    async def ask(self, side: Side, request: Request, host: str) -> Answer:
        """The side's answer, naming ``host`` in the request unless that names one itself; waits for all of the body."""
        try:
            answer = await self._asker.ask(str(side), _sent(request, host), timeout_s=self._timeout_s)
        except UnsendableError as error:
            return Answer(0, failure=f"it cannot be sent: {error}", instance=str(side))
        return replace(answer, instance=str(side))


@asynccontextmanager
async def asking(timeout_s: float, *, insecure: bool) -> AsyncIterator[SideAsker]:
    """An asker; ``insecure`` trusts any certificate."""
    async with Asker(insecure=insecure, body_limit=BODY_LIMIT) as asker:
        yield SideAsker(asker, timeout_s)


async def require_reachable(sides: Sequence[Side], asker: SideAsker) -> None:
    """Ask each side once, for nothing in particular, before hundreds of requests fail. Raises UnreachableError."""
    for side in sides:
        failure = (await asker.ask(side, Request("OPTIONS", "/"), side.authority)).failure
        if failure in UNREACHED:
            remedy = "start it, or correct the URL"
            if failure == UNTRUSTED:
                remedy = "correct its certificate, or trust any with --insecure"
            raise UnreachableError(f"{side.name} at {side} cannot be reached: {failure}", remedy)


def _sent(request: Request, host: str) -> Request:
    """With the usual headers where they lack."""
    names = {name for name, _ in request.headers}
    first = () if "host" in names else (("host", host),)
    usual = tuple(pair for pair in _USUAL if pair[0] not in names)
    length = (("content-length", str(len(request.body))),) if request.body or not request.safe else ()
    given = tuple((name, _wire(value)) for name, value in request.headers)
    return replace(request, headers=(*first, *given, *usual, *length))


def _wire(value: str) -> str:
    """A header's text from a file, as its bytes of UTF-8 are read: as latin-1."""
    return value.encode("utf-8", "surrogatepass").decode("latin-1")
