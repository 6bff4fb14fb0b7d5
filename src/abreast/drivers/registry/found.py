"""What a registry answers, whichever it is."""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from abreast.model.service import Endpoint

MOST: Final = 1000
"""Endpoints of one version: more are a wrong name or prefix."""

_LAST_PORT: Final = 65_535


class NoAnswerError(Exception):
    """The registry could not be asked, or its answer says nothing; the text says why, without secrets."""


@dataclass(frozen=True)
class Found:
    """The endpoints, sorted, each once. ``detail`` says why there is none, or what was left out.

    ``again_s``: when to ask again; 0 for a registry that answers only once there is something new.
    """

    endpoints: tuple[Endpoint, ...]
    detail: str = ""
    again_s: float = 0.0


class Source(Protocol):
    """One registry, asked for one version's endpoints."""

    async def ask(self) -> Found:
        """What is there: at once the first time, later also after waiting for a change. Raises NoAnswerError."""

    async def close(self) -> None:
        """Let go of its connections."""


def found(endpoints: Iterable[Endpoint], left_out: Iterable[str] = (), again_s: float = 0.0) -> Found:
    """Put together what was found and why the rest was left out. Raises NoAnswerError for too many."""
    each = tuple(sorted(set(endpoints)))
    if len(each) > MOST:
        raise NoAnswerError(f"it knows {len(each):,} endpoints, more than {MOST:,}: is that the right name?")
    reasons = list(dict.fromkeys(left_out))
    more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""  # noqa: PLR2004  # as many as one line bears
    return Found(each, "; ".join(reasons[:3]) + more, again_s)


def endpoint(host: object, port: object) -> Endpoint:
    """An endpoint out of parts that came from elsewhere. Raises ValueError, which says what is wrong."""
    if not isinstance(host, str) or not host:
        raise ValueError(f"{host!r} is no host")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f"{host!r} is no IP address") from None
    if isinstance(port, str) and port.isascii() and port.isdigit():
        port = int(port)
    if not isinstance(port, int) or isinstance(port, bool) or not 1 <= port <= _LAST_PORT:
        raise ValueError(f"{port!r} is no port")
    if address.is_unspecified or "%" in host:
        raise ValueError(f"{host!r} is no address of one machine")
    return Endpoint(str(address), port)
