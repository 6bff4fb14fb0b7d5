"""Where the API listens over TCP, and when it must not."""

import socket
import ssl
from dataclasses import dataclass

from abreast.model.api_settings import DEFAULT_LISTEN, ApiSettings
from abreast.model.errors import PortInUseError, UsageError
from abreast.model.service import Endpoint, Tls


@dataclass(frozen=True)
class Listener:
    """A socket that listens, and its address as a URL without a path."""

    socket: socket.socket
    url: str


def require_safe(settings: ApiSettings, tokens: int) -> None:
    """Raise UsageError where others could reach the API without TLS, or nobody could with a token: all at once."""
    if settings.loopback:
        return
    lacking = []
    if settings.tls is None:
        lacking.append(("there is no `api.tls`, so tokens would go in clear", "add `api.tls`"))
    if not tokens:
        lacking.append(("there is no token, so nobody could use it", "run: abreast token create NAME --role admin"))
    if lacking:
        message = f"api.listen: {settings.listen} can be reached from other machines, but "
        remedy = "; ".join(each for _, each in lacking)
        raise UsageError(message + "; ".join(why for why, _ in lacking), f"{remedy}; or listen on {DEFAULT_LISTEN}")


def listen(settings: ApiSettings) -> Listener:
    """Take the address. Raises PortInUseError if the one that is written is taken, UsageError for a bad certificate."""
    if settings.tls is not None:
        require_certificate(settings.tls)
    scheme = "http" if settings.tls is None else "https"
    if settings.listen is not None:
        return _listener(settings.listen, scheme)
    try:
        return _listener(DEFAULT_LISTEN, scheme)
    except PortInUseError:
        return _listener(Endpoint(DEFAULT_LISTEN.host, 0), scheme)


def require_certificate(tls: Tls) -> None:
    """Raise UsageError unless certificate and key can be used together."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.certificate, tls.key)
    except (ssl.SSLError, OSError) as error:
        message = f"api.tls: {tls.certificate!r} and {tls.key!r} cannot be used: {error}"
        raise UsageError(message, "name a PEM certificate chain and the key that belongs to it") from error


def _listener(endpoint: Endpoint, scheme: str) -> Listener:
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    # With its protocol: asyncio's own loop takes TCP_NODELAY from that, without which each answer waits 40 ms for an
    # acknowledgement that the other side delays. uvloop sets it in any case.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((endpoint.host, endpoint.port))
        taken.listen(64)
    except OSError as error:
        taken.close()
        message = f"api.listen: {endpoint} cannot be listened on: {error.strerror}"
        raise PortInUseError(message, "stop what holds it, choose another address, or leave api.listen out") from error
    return Listener(taken, f"{scheme}://{Endpoint(endpoint.host, taken.getsockname()[1])}")
