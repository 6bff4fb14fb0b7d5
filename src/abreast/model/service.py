"""Services, versions, instances, endpoints: what runs and where."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from abreast.model.container import Container
from abreast.model.registry import Registry
from abreast.model.route import RouteSettings
from abreast.model.units import FULL_WEIGHT
from abreast.model.workload import Workload

ACCESS_LOG: Final = ".abreast/logs/access.log"
"""Where the access log lies if nothing else is said, relative to the spec's directory."""


class Side(StrEnum):
    """The two roles in a rollout: the old version serving users, and the new one."""

    STABLE = "stable"
    CANDIDATE = "candidate"


@dataclass(frozen=True, order=True)
class Endpoint:
    """An address that requests can be sent to; ``host`` is an IP address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Probe:
    """How to ask an instance whether it is well: an HTTP request that must answer 200–399, or a TCP connect."""

    kind: Literal["http", "tcp"] = "tcp"
    path: str = "/"
    interval_s: float = 1.0
    timeout_s: float = 2.0

    def __str__(self) -> str:
        return f"GET {self.path}" if self.kind == "http" else "TCP connect"


@dataclass(frozen=True)
class Version:
    """One version of the service, and how it is run.

    Exactly one of ``run`` (argv, started by the process driver; ``{port}`` is replaced), ``container`` (an image, run
    by an engine), ``workload`` (a Deployment of a Kubernetes cluster) and ``endpoints`` (already running elsewhere;
    abreast only routes there) is there, unless a ``registry`` is asked for endpoints.
    """

    name: str
    run: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    instances: int = 1
    env: tuple[tuple[str, str], ...] = ()
    cwd: str = "."
    ready: Probe = Probe()
    live: Probe | None = None
    protocol: Literal["http1", "h2c"] = "http1"
    start_timeout_s: float = 60.0
    stop_timeout_s: float = 10.0
    timeout_s: float = 10.0
    """Slowest answer allowed while this version is the candidate; then the request counts as timed out."""
    keep_alive_s: float = 1.5
    """The gateway closes idle connections after this time; must be below the service's own keep-alive."""
    max_connections: int = 2048
    max_requests: int = 20_000
    isolated: bool = False
    """Nothing it writes is anybody else's (its own database, schema or tenant): unsafe requests may be copied to it."""
    workload: Workload | None = None
    container: Container | None = None
    registry: Registry | None = None
    """Where its endpoints are looked up; ``instances`` of them at least should be ready."""

    @property
    def external(self) -> bool:
        """Whether abreast only routes to it."""
        return not self.run and self.container is None and self.workload is None

    @property
    def wanted(self) -> int:
        """How many instances should be ready; of a registry at least."""
        return len(self.endpoints) if self.external and self.registry is None else self.instances


class InstanceState(StrEnum):
    """starting: not ready yet; ready; unready: was ready, fails its probe; stopping; failed: waits for a restart."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass(frozen=True)
class Instance:
    """One running copy of a version. ``since`` is Unix seconds of the present state; ``detail`` says why."""

    id: str
    version: str
    endpoint: Endpoint
    state: InstanceState
    since: float
    detail: str = ""
    restarts: int = 0
    pid: int | None = None

    @property
    def ready(self) -> bool:
        """Whether requests may be sent to it."""
        return self.state is InstanceState.READY


@dataclass(frozen=True)
class UserKey:
    """One way to tell users apart: the value of a request header or of a cookie."""

    kind: Literal["header", "cookie"]
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True)
class Tls:
    """Paths of a PEM certificate chain and its key, absolute."""

    certificate: str
    key: str


@dataclass(frozen=True)
class AccessLog:
    """What the gateway writes down of users' requests, to ``file`` (absolute; empty: none), to ``otlp``, or to both.

    - ``sample``: the share of requests, in hundredths of a percent; those that failed are written in any case.
    - ``headers``: names of request headers that are written, in lower case.
    - ``query``: parameters with their values (``keep``), by their names alone (``redact``), or not at all (``drop``).
    - ``secrets``: globs of parameters whose values are not even kept with ``keep``, beside those that everybody knows.
    """

    file: str = ""
    otlp: Endpoint | None = None
    sample: int = FULL_WEIGHT
    headers: tuple[str, ...] = ()
    query: Literal["keep", "redact", "drop"] = "redact"
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Traces:
    """The collector that the gateway's spans go to, and the share of traces (hundredths of a percent) it begins."""

    otlp: Endpoint
    sample: int = 1000


@dataclass(frozen=True)
class GatewaySettings:
    """Where the gateway listens and how long a request may take (``timeout_s``, retries included)."""

    listen: Endpoint = Endpoint("127.0.0.1", 8080)
    tls: Tls | None = None
    timeout_s: float = 15.0
    concurrency: int = 0
    """Envoy worker threads; 0 means one for each core."""
    drain_s: float = 10.0
    """How long an old Envoy may finish its requests after a hot restart, and a version before it is stopped."""
    access_log: AccessLog | None = None
    traces: Traces | None = None
    route: RouteSettings | None = None
    """Somebody else's gateway, in the place of an Envoy of ours."""


@dataclass(frozen=True)
class Service:
    """The service as its spec describes it: the versions by name, who its users are, the gateway."""

    name: str
    versions: tuple[Version, ...]
    stable: str
    users: tuple[UserKey, ...] = ()
    gateway: GatewaySettings = GatewaySettings()
    alerts: tuple[str, ...] = field(default=(), repr=False)
    """URLs of those who are told of findings; they may hold secrets, so they are never shown."""

    def version(self, name: str) -> Version | None:
        """The version of that name, if the spec has it."""
        return next((version for version in self.versions if version.name == name), None)
