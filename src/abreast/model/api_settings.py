"""Where the API listens."""

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from abreast.model.service import Endpoint, Tls

DEFAULT_LISTEN: Final = Endpoint("127.0.0.1", 8081)


@dataclass(frozen=True)
class ApiSettings:
    """``listen`` None: at `DEFAULT_LISTEN` if it is free, else at any free port of the same host."""

    listen: Endpoint | None = None
    tls: Tls | None = None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ip_address((self.listen or DEFAULT_LISTEN).host).is_loopback
