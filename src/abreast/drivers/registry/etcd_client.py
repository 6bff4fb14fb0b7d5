"""etcd's version 3, over its JSON gateway: https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/.

A watch only says *that* something changed; what is there is always read anew, whole. So a compaction, a deleted key, a
watch that breaks off and one that missed something are all the same: read, then watch from there.
"""

import asyncio
import base64
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from abreast.drivers.registry.found import NoAnswerError
from abreast.drivers.registry.http import Http, Reply

READ_S: Final = 5.0
"""One reading. etcd itself gives up after seven seconds without a leader."""
WATCH_S: Final = 10.0
"""A watch is begun anew after so long, with a reading before: that finds out about a connection cut in silence."""
MOST_ENTRIES: Final = 1001

_UNAUTHORISED: Final = frozenset({400, 401, 403})
"""With a token that has expired, or is of before a restart, etcd answers one of these."""


@dataclass(frozen=True)
class Entry:
    """One key; ``revision`` is that of its last change."""

    key: str
    value: bytes
    revision: int


@dataclass(frozen=True)
class Reading:
    """All entries at one ``revision`` of the store, in the order of their keys."""

    revision: int
    entries: tuple[Entry, ...]


class Etcd:
    """A client of one cluster. ``addresses`` are URLs of its members: the next one is asked when one fails."""

    def __init__(
        self, addresses: Sequence[str], user: str = "", password: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        """With a ``user``, log in before the first reading; ``tls`` says whom to trust at https addresses."""
        self._addresses = list(addresses)
        self._user, self._password = user, password
        self._token = ""
        self._http = Http(tls)

    async def read(self, key: str, *, prefix: bool = False) -> Reading:
        """The key, or all keys that begin with it, as a quorum has them now. Raises NoAnswerError."""
        reply = await self._tried({**_range(key, prefix=prefix), "limit": str(MOST_ENTRIES)})
        document = reply.json()
        try:
            revision = int(document["header"]["revision"])
            return Reading(revision, tuple(_entry(each) for each in document.get("kvs", ())))
        except (TypeError, KeyError, ValueError, AttributeError):
            raise NoAnswerError(f"{self._addresses[0]} is no etcd: it {reply.words}") from None

    async def changed(self, key: str, after: int, *, prefix: bool = False) -> None:
        """Wait until something there changed after that revision, or `WATCH_S`. Raises NoAnswerError."""
        wish = {"create_request": {**_range(key, prefix=prefix), "start_revision": str(after + 1)}}
        address, headers = self._addresses[0], self._headers()
        try:
            async with (
                asyncio.timeout(WATCH_S),
                self._http.lines(f"{address}/v3/watch", headers, wish) as lines,
                aclosing(lines) as closing,
            ):
                async for line in closing:
                    if _tells(line):
                        return
        except TimeoutError:
            return
        except NoAnswerError as error:
            self._next()
            raise NoAnswerError(f"{address}: {error}") from None
        self._next()
        raise NoAnswerError(f"{address} ended the watch")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.close()

    async def _tried(self, wish: Mapping[str, object]) -> Reply:
        """The answer of the first member that gives one."""
        reasons: list[str] = []
        for _ in range(len(self._addresses)):
            address = self._addresses[0]
            try:
                reply = await self._post(address, wish)
            except NoAnswerError as error:
                reasons.append(f"{address}: {error}")
            else:
                if reply.ok:
                    return reply
                reasons.append(f"{address} {_refusal(reply)}")
            self._next()
        raise NoAnswerError("; ".join(reasons))

    async def _post(self, address: str, wish: Mapping[str, object]) -> Reply:
        if self._user and not self._token:
            await self._log_in(address)
        url = f"{address}/v3/kv/range"
        reply = await self._http.ask("POST", url, READ_S, headers=self._headers(), body=wish)
        if self._user and reply.status in _UNAUTHORISED:
            await self._log_in(address)
            return await self._http.ask("POST", url, READ_S, headers=self._headers(), body=wish)
        return reply

    async def _log_in(self, address: str) -> None:
        """Get a token. Raises NoAnswerError."""
        self._token = ""
        body = {"name": self._user, "password": self._password}
        reply = await self._http.ask("POST", f"{address}/v3/auth/authenticate", READ_S, body=body)
        token = reply.json().get("token") if reply.ok else None
        if not isinstance(token, str) or not token:
            raise NoAnswerError(f"the user {self._user!r} cannot log in: it {_refusal(reply)}")
        self._token = token

    def _headers(self) -> dict[str, str]:
        return {"Authorization": self._token} if self._token else {}

    def _next(self) -> None:
        """Ask another member first from now on."""
        self._addresses.append(self._addresses.pop(0))


def _range(key: str, *, prefix: bool) -> dict[str, str]:
    """The key alone, or everything from it to the first key that does not begin with it."""
    raw = key.encode()
    wish = {"key": base64.b64encode(raw).decode()}
    if prefix:
        # UTF-8 has no byte 0xff, so that the last byte can always be raised by one.
        wish["range_end"] = base64.b64encode(raw[:-1] + bytes([raw[-1] + 1])).decode()
    return wish


def _entry(found: Mapping[str, str]) -> Entry:
    """Raises KeyError, ValueError. A value without bytes is left out by the gateway."""
    key = base64.b64decode(found["key"]).decode("utf-8", "replace")
    return Entry(key, base64.b64decode(found.get("value", "")), int(found["mod_revision"]))


def _tells(line: bytes) -> bool:
    """Whether the line of a watch says that something changed, or may have. Raises NoAnswerError when refused."""
    try:
        document: Any = json.loads(line) if line.strip() else {}
        if "error" in document:
            raise NoAnswerError(f"the watch failed: {document['error'].get('message', document['error'])}")
        result = document.get("result", {})
        if result.get("canceled") and not result.get("compact_revision"):
            raise NoAnswerError(f"the watch was refused: {result.get('cancel_reason') or 'for no reason given'}")
    except (ValueError, AttributeError, TypeError):
        raise NoAnswerError(f"a watch of etcd does not say {line[:80]!r}") from None
    return bool(result.get("events") or result.get("canceled"))


def _refusal(reply: Reply) -> str:
    """What etcd says of it, where the answer has some."""
    try:
        document = json.loads(reply.body)
        words = document.get("message") or document.get("error")
    except (ValueError, AttributeError):
        words = None
    return f"answered {reply.status}: {words}" if isinstance(words, str) else reply.words
