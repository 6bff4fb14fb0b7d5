"""Where a version's endpoints are looked up: DNS, Consul, etcd, a container engine or a Kubernetes cluster."""

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


@dataclass(frozen=True)
class Containers:
    """The running containers that have all ``labels``, each ``NAME`` or ``NAME=VALUE``, whoever started them.

    ``network`` is the one whose address counts, "" where each has one only; ``port`` None: as each container says.
    """

    labels: tuple[str, ...]
    network: str = ""
    port: int | None = None

    def __str__(self) -> str:
        return f"containers with {' and '.join(self.labels)}"


@dataclass(frozen=True)
class ServiceSlices:
    """The EndpointSlices of a Service: in ``namespace`` and ``context``, "" for the usual ones.

    ``port``: its name or number; None where the Service has one only.
    """

    service: str
    namespace: str = ""
    port: str | int | None = None
    context: str = ""

    def __str__(self) -> str:
        return (
            f"Kubernetes Service {self.namespace}/{self.service}"
            if self.namespace
            else f"Kubernetes Service {self.service}"
        )


Place = DnsName | SrvName | ConsulService | EtcdPrefix | Containers | ServiceSlices


@dataclass(frozen=True)
class Registry:
    """Whom to ask for a version's endpoints, and for how long the last ones are kept when it says there are none."""

    place: Place
    keep_s: float = KEEP_S

    def __str__(self) -> str:
        return str(self.place)
