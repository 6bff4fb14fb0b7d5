"""The keys of the API: where it listens."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Annotated, Final

from pydantic import Field

from abreast.model.api_settings import DEFAULT_LISTEN
from abreast.model.document import Path
from abreast.model.service import Endpoint
from abreast.model.spec_conflict import Conflict
from abreast.model.spec_entry import Keys, entry
from abreast.model.spec_values import address, line

LISTEN: Final[Path] = ("api", "listen")
GATEWAY_LISTEN: Final[Path] = ("gateway", "listen")


class ApiTlsKeys(Keys):
    """The API's certificate. Without it the API speaks plain HTTP, on this machine only."""

    certificate: Annotated[str, line("a path")] = Field(
        description="PEM certificate chain, relative to the spec's directory"
    )
    key: Annotated[str, line("a path")] = Field(description="PEM private key, relative to the spec's directory")


class ApiKeys(Keys):
    """The API for programs and browsers, apart from the socket that the command line uses."""

    listen: Annotated[Endpoint | None, address()] = entry(
        f"address of the API; left out: {DEFAULT_LISTEN} if it is free, else any free port of this machine", None
    )
    tls: ApiTlsKeys | None = Field(
        default=None, description="certificate and key; needed where other machines can reach it"
    )


def api_conflicts(api: ApiKeys, gateway: Endpoint) -> Iterator[Conflict]:
    """What the API's address has against itself and the gateway's."""
    if api.listen is None:
        return
    host = ip_address(api.listen.host)
    if not host.is_loopback and api.tls is None:
        message = (
            f"{api.listen} can be reached from other machines, and there is no `api.tls`: tokens would go in clear"
        )
        yield Conflict(LISTEN, message, "add `api.tls`, or listen on 127.0.0.1", (("api", "tls"),))
    other = ip_address(gateway.host)
    if api.listen.port == gateway.port and (host == other or host.is_unspecified or other.is_unspecified):
        message = f"{api.listen} is the gateway's own address, {gateway}"
        yield Conflict(LISTEN, message, "choose another port", (GATEWAY_LISTEN,))
