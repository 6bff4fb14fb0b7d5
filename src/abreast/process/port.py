"""Free TCP ports on loopback for instances to listen on."""

import errno
import socket
from pathlib import Path
from random import Random

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_240
_ENOUGH = 2_000
_TRIES = 200


class PortPool:
    """Hands out ports that nobody listens on and that it has not handed out already.

    Ports are taken from below the kernel's ephemeral range (ip(7), ``ip_local_port_range``): a port within
    could at any moment become the local end of an outgoing connection, such as the gateway's own thousands,
    between the choice of the port and the moment when the instance listens on it.
    """

    def __init__(self, random: Random, host: str = "127.0.0.1") -> None:
        self._random = random
        self._host = host
        self._taken: set[int] = set()
        self._end = _ephemeral_start()

    def take(self) -> int:
        """A free port, kept from others until `give_back`. Raises OSError if none is to be had."""
        for _ in range(_TRIES):
            port = self._random.randrange(_LOWEST, self._end) if self._end - _LOWEST >= _ENOUGH else 0
            bound = self._bind(port)
            if bound and bound not in self._taken:
                self._taken.add(bound)
                return bound
        raise OSError(errno.EADDRINUSE, f"no free port on {self._host} after {_TRIES} tries")

    def keep(self, port: int) -> None:
        """Hand this one to nobody: an adopted instance has it."""
        self._taken.add(port)

    def give_back(self, port: int) -> None:
        """It may be handed out again."""
        self._taken.discard(port)

    def _bind(self, port: int) -> int:
        """The port that could be bound, 0 if it is taken."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((self._host, port))
            except OSError as error:
                if error.errno in (errno.EADDRINUSE, errno.EACCES):
                    return 0
                raise
            bound: int = probe.getsockname()[1]
            return bound


def _ephemeral_start() -> int:
    """The first port of the kernel's ephemeral range; 0 if the kernel does not tell."""
    try:
        return int(_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
