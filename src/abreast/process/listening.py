"""Whether an address can be listened on, and who holds it if not."""

import contextlib
import socket

import psutil

from abreast.model.errors import PortInUseError
from abreast.model.service import Endpoint


def require_listenable(listen: Endpoint) -> None:
    """Raise PortInUseError if it cannot be listened on, naming who holds it where that can be seen."""
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
            probe.listen(1)
        except OSError as error:
            message = f"gateway.listen: {listen} cannot be listened on: {error.strerror}{_holder(listen)}"
            remedy = "stop what holds it, or choose another address in gateway.listen"
            raise PortInUseError(message, remedy) from error


def _holder(listen: Endpoint) -> str:
    """Who listens there, as far as this user may see."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.AccessDenied, OSError):
        return ""
    for each in connections:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == listen.port and each.pid:
            with contextlib.suppress(psutil.Error):
                return f" (process {each.pid}, {psutil.Process(each.pid).name()})"
    return ""
