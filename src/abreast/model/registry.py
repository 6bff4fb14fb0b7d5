"""Where a version's endpoints are looked up: DNS, Consul or etcd."""

from dataclasses import dataclass, field
from typing import Final

CONSUL_ADDRESS: Final = "http://127.0.0.1:8500"
"""Where Consul's agent answers if nothing else is said."""

ETCD_ADDRESS: Final = "http://127.0.0.1:2379"
"""Where etcd answers clients if nothing else is said."""

DNS_PORT: Final = 53

KEEP_S: Final = 300.0
"""For how long the last endpoints are kept when a registry says that there are none."""


@dataclass(frozen=True)
class DnsName:
    """The addresses of a name (A, else AAAA), each with the same ``port``.

    ``server`` (an IP address) and ``server_port`` stand in place of the system's name servers, if given.
    """

    name: str
    port: int
    server: str = ""
    server_port: int = DNS_PORT

    def __str__(self) -> str:
        return f"DNS name {self.name}" + (f" at {self.server}:{self.server_port}" if self.server else "")


@dataclass(frozen=True)
class SrvName:
    """The targets of a name's SRV records (RFC 2782), each with its own port."""

    name: str
    server: str = ""
    server_port: int = DNS_PORT

    def __str__(self) -> str:
        return f"SRV records of {self.name}" + (f" at {self.server}:{self.server_port}" if self.server else "")


@dataclass(frozen=True)
class ConsulService:
    """The instances of a service whose checks all pass; with ``tag`` those that have it."""

    service: str
    address: str = CONSUL_ADDRESS
    tag: str = ""
    datacenter: str = ""
    token: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"Consul service {self.service}" + (f" with tag {self.tag}" if self.tag else "")


@dataclass(frozen=True)
class EtcdPrefix:
    """The values of all keys that begin with ``prefix``: ``HOST:PORT``, or JSON with host and port."""

    prefix: str
    address: str = ETCD_ADDRESS
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"etcd prefix {self.prefix}"


Place = DnsName | SrvName | ConsulService | EtcdPrefix


@dataclass(frozen=True)
class Registry:
    """Whom to ask for a version's endpoints, and for how long the last ones are kept when it says there are none."""

    place: Place
    keep_s: float = KEEP_S

    def __str__(self) -> str:
        return str(self.place)
