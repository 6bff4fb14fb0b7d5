"""What a load run sends: requests, users, rate and connections, checked once and then trusted."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self
from urllib.parse import urlsplit

Protocol = Literal["http/1.1", "h2c"]
Arrivals = Literal["constant", "poisson"]

_PROTOCOLS = ("http/1.1", "h2c")
_ARRIVALS = ("constant", "poisson")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_IDENTITIES = ("header", "cookie")


class PlanError(ValueError):
    """A plan that cannot be run; ``faults`` holds everything that is wrong with it."""

    def __init__(self, faults: list[str]) -> None:
        """Keep all the faults, and show one a line."""
        self.faults = tuple(faults)
        super().__init__("the load plan has faults:\n" + "\n".join(f"  - {fault}" for fault in faults))


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request in the mix; ``weight`` is its share against the others'."""

    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    weight: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``GET /products`` or ``POST /checkout*2 {"a": 1}``: method, path, weight, body."""
        method, _, rest = text.strip().partition(" ")
        path, _, body = rest.strip().partition(" ")
        path, _, weight = path.partition("*")
        headers = (("content-type", "application/json"),) if body else ()
        try:
            share = float(weight) if weight else 1.0
        except ValueError:
            raise PlanError([f"request {text!r}: the weight {weight!r} is not a number"]) from None
        return cls(path=path, method=method, headers=headers, body=body, weight=share)

    def faults(self, where: str) -> list[str]:
        """Everything wrong with this request, in words."""
        found = []
        if not self.path.startswith("/") or any(mark.isspace() for mark in self.path):
            found.append(f"{where}: the path {self.path!r} must start with / and hold no blanks")
        if self.method not in _METHODS:
            found.append(f"{where}: the method {self.method!r} is not one of {', '.join(_METHODS)}")
        if self.weight <= 0:
            found.append(f"{where}: the weight {self.weight} must be above 0")
        found.extend(
            f"{where}: the header {name!r} must be one lower-case line"
            for name, value in self.headers
            if name != name.lower() or not name or "\n" in name + value or "\r" in name + value
        )
        return found


@dataclass(frozen=True, slots=True)
class Plan:
    """An open-loop run: requests leave on a schedule that does not wait for answers.

    Either ``duration_s`` or ``count`` ends it. ``user_by`` says where a user's identity goes, in
    the words of the spec (``header:x-user-id``, ``cookie:session``, or empty for nobody).
    ``watch_header`` is the answer's header that names the version. ``id_header`` gives every
    request an identity of its own, ``<seed>-<number>``, so that a server can count duplicates.
    ``connections`` is how many are kept alive (or, without ``keep_alive``, how many may be open at
    once); ``streams`` how many requests share one h2c connection.
    """

    url: str
    rate_per_s: float
    duration_s: float | None = None
    count: int | None = None
    connections: int = 16
    keep_alive: bool = True
    streams: int = 32
    users: int = 100
    user_by: str = "header:x-user-id"
    requests: tuple[Request, ...] = (Request(),)
    arrivals: Arrivals = "constant"
    seed: int = 1
    protocol: Protocol = "http/1.1"
    timeout_s: float = 10.0
    opens_per_s: float = 2000.0
    watch_header: str = ""
    id_header: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be run, all faults at once: raises :class:`PlanError`."""
        faults = [*self._url_faults(), *self._size_faults(), *self._word_faults()]
        if not self.requests:
            faults.append("requests: at least one is needed, such as GET /")
        for number, request in enumerate(self.requests, start=1):
            faults.extend(request.faults(f"request {number}"))
        if faults:
            raise PlanError(faults)

    @property
    def host(self) -> str:
        """The address to connect to; always a loopback one."""
        host = urlsplit(self.url).hostname or ""
        return "127.0.0.1" if host == "localhost" else host

    @property
    def port(self) -> int:
        """The TCP port to connect to."""
        return urlsplit(self.url).port or 80

    @property
    def authority(self) -> str:
        """What the Host header or ``:authority`` says."""
        return urlsplit(self.url).netloc

    @property
    def length(self) -> int:
        """How many requests the run sends when nobody stops it."""
        if self.count is not None:
            return self.count
        return round(self.rate_per_s * (self.duration_s or 0.0))

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Return plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:  # Any: JSON
        """Read what :meth:`as_dict` wrote; raises :class:`PlanError`."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(data) - known):
            words = ", ".join(unknown)
            raise PlanError([f"unknown keys: {words}; known are {', '.join(sorted(known))}"])
        values = dict(data)
        if "requests" in values:
            values["requests"] = tuple(
                Request(**{**each, "headers": tuple((n, v) for n, v in each.get("headers", ()))})
                for each in values["requests"]
            )
        return cls(**values)

    def _url_faults(self) -> list[str]:
        parts = urlsplit(self.url)
        try:
            _ = parts.port
        except ValueError:
            return [f"url: {self.url!r} has no valid port"]
        if parts.scheme != "http" or not parts.hostname:
            return [f"url: {self.url!r} must look like http://127.0.0.1:8080"]
        if parts.path not in {"", "/"} or parts.query:
            return [f"url: {self.url!r} must end after the port; paths belong to the requests"]
        if not _is_loopback(parts.hostname):
            return [f"url: {parts.hostname!r} is not this machine; only loopback addresses get load"]
        return []

    def _size_faults(self) -> list[str]:
        faults = [
            f"{name}: {value} must be above 0"
            for name, value in (
                ("rate_per_s", self.rate_per_s),
                ("timeout_s", self.timeout_s),
                ("opens_per_s", self.opens_per_s),
                ("connections", self.connections),
                ("streams", self.streams),
                ("users", self.users),
            )
            if value <= 0
        ]
        if (self.duration_s is None) == (self.count is None):
            faults.append("duration_s, count: exactly one of them ends the run, so give one")
        elif (self.duration_s or self.count or 0) <= 0:
            faults.append("duration_s, count: must be above 0")
        return faults

    def _word_faults(self) -> list[str]:
        faults = []
        kind, _, name = self.user_by.partition(":")
        if self.user_by and (kind not in _IDENTITIES or not name):
            faults.append(f"user_by: {self.user_by!r} is neither header:NAME nor cookie:NAME nor empty")
        if self.protocol not in _PROTOCOLS:
            faults.append(f"protocol: {self.protocol!r} is not one of {', '.join(_PROTOCOLS)}")
        if self.arrivals not in _ARRIVALS:
            faults.append(f"arrivals: {self.arrivals!r} is not one of {', '.join(_ARRIVALS)}")
        if self.protocol == "h2c" and not self.keep_alive:
            faults.append("keep_alive: h2c connections are always kept; leave it on")
        return faults


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
