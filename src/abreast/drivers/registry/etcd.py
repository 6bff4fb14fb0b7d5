"""Endpoints out of etcd: the values of all keys that begin alike.

A value is ``HOST:PORT``, or JSON with ``host`` and ``port``, or with ``Addr`` as etcd's own client for Go writes it
(its package ``naming/endpoints``). A key that belongs to a lease goes with it.
"""

import json
import logging
from dataclasses import replace
from typing import Final

from abreast.drivers.registry.etcd_client import MOST_ENTRIES, Entry, Etcd
from abreast.drivers.registry.found import Found, NoAnswerError, endpoint, found
from abreast.model.registry import EtcdPrefix
from abreast.model.service import Endpoint

log: Final = logging.getLogger(__name__)

BROKEN_OFF_S: Final = 1.0
"""Between two readings where no watch lasts."""


class EtcdKeys:
    """`abreast.drivers.registry.found.Source` over the keys under a prefix."""

    def __init__(self, place: EtcdPrefix, client: Etcd | None = None) -> None:
        """Ask about that prefix, over ``client`` if it is given."""
        self._prefix = place.prefix
        self._client = client or Etcd([place.address], place.user, place.password)
        self._revision = 0

    async def ask(self) -> Found:
        """What stands there: at once, later when something has changed, or a while later."""
        revision, self._revision = self._revision, 0  # whatever fails, the next question is answered at once
        again_s = await self._changed(revision) if revision else 0.0
        reading = await self._client.read(self._prefix, prefix=True)
        if len(reading.entries) == MOST_ENTRIES:
            raise NoAnswerError(f"{MOST_ENTRIES - 1:,} keys and more begin with it: is that the right prefix?")
        answer = _endpoints(reading.entries)
        self._revision = reading.revision
        return replace(answer, again_s=again_s)

    async def _changed(self, revision: int) -> float:
        """Wait for a change; after a watch that broke off, how long to leave etcd alone once it has been read."""
        try:
            await self._client.changed(self._prefix, revision, prefix=True)
        except NoAnswerError as error:
            # Whether etcd is away, the reading tells: a watch also ends when a member is restarted.
            log.info("the watch of %s broke off: %s", self._prefix, error)
            return BROKEN_OFF_S
        return 0.0

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.close()


def _endpoints(entries: tuple[Entry, ...]) -> Found:
    endpoints: list[Endpoint] = []
    left_out: list[str] = []
    for entry in entries:
        try:
            endpoints.append(_endpoint(entry.value))
        except ValueError as error:
            left_out.append(f"{entry.key}: {error}")
    if not entries:
        left_out.append("no key begins with it")
    return found(endpoints, left_out)


def _endpoint(value: bytes) -> Endpoint:
    """Raises ValueError, which says what is wrong."""
    text = value.decode("utf-8", "replace").strip()
    if not text.startswith("{"):
        return _address(text)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("its value is no JSON") from None
    if "Addr" in document:
        return _address(str(document["Addr"]))
    return endpoint(document.get("host"), document.get("port"))


def _address(text: str) -> Endpoint:
    """``10.0.0.1:80`` or ``[::1]:80``."""
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"{text[:60]!r} is no address with a port")
    return endpoint(host[1:-1] if host.startswith("[") and host.endswith("]") else host, port)
