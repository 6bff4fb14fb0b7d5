"""Traffics to tell, and an Envoy on paper that obeys as the real one does, and objects to what would hurt users."""

from collections import deque
from dataclasses import dataclass, field, replace

from abreast.envoy.conversation import Request, Response
from abreast.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, ROUTE_TABLE
from abreast.envoy.snapshot import Snapshot
from abreast.model.service import Endpoint, GatewaySettings, UserKey, Version
from abreast.model.traffic import Backend, Split, Traffic

USERS = (UserKey("header", "x-user-id"), UserKey("cookie", "session"))
WORDS = "Envoy's own words"


def backend(name: str, *ports: int) -> Backend:
    """A version with instances on these ports of loopback; without any on one that its name decides."""
    usual = 9000 + sum(map(ord, name)) % 1000
    return Backend(Version(name, run=("serve",)), tuple(Endpoint("127.0.0.1", port) for port in ports or (usual,)))


def traffic(stable: str, candidate: str | None = None, weight: int = 0, salt: str = "s") -> Traffic:
    """A traffic of versions with one instance each."""
    split = Split(stable, candidate, weight, salt if candidate else "")
    other = backend(candidate) if candidate else None
    return Traffic("shop", split, backend(stable), other, GatewaySettings(), USERS, "secret")


def moved(before: Traffic, *ports: int) -> Traffic:
    """The same, with stable on other ports."""
    return replace(before, stable=backend(before.stable.version.name, *ports))


@dataclass
class PaperEnvoy:
    """Envoy's side of a conversation.

    Faithful to the real one in what matters here: new clusters wait for their endpoints, and the acknowledgement
    of clusters waits for that; removals are obeyed even in a refused response; a version refused does not change
    what it says it has. It refuses every resource of the versions in ``hated``. A route to a cluster that it does
    not have, and the removal of a cluster that its routes use, are failed requests: AssertionError.
    """

    hated: frozenset[str] = frozenset()
    inbox: deque[Response] = field(default_factory=deque)
    outbox: deque[Request] = field(default_factory=deque)
    clusters: dict[str, object] = field(default_factory=dict)
    routed: frozenset[str] = frozenset()
    routes: object = None
    _services: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, str] = field(default_factory=dict)
    _versions: dict[str, str] = field(default_factory=dict)
    _nonces: dict[str, str] = field(default_factory=dict)
    _held: Request | None = None

    def greet(self) -> None:
        """Open a stream: what was under way is lost, and every subscription is said again."""
        self.inbox.clear()
        self.outbox.clear()
        self._nonces.clear()
        self._held = None
        self._say(CLUSTER)
        self._say(LISTENER)
        if self._services:
            self._say(ENDPOINTS)
        if LISTENER in self._versions:
            self._say(ROUTE_TABLE)

    def read(self) -> None:
        """Take in the next response."""
        response = self.inbox.popleft()
        self._nonces[response.url] = response.nonce
        error = WORDS if any(self._hates(str(each)) for each in response.resources) else ""
        {CLUSTER: self._cluster, ENDPOINTS: self._endpoints, LISTENER: self._listener, ROUTE_TABLE: self._routes}[
            response.url
        ](response, error)

    def _hates(self, text: str) -> bool:
        return any(f"'{name}" in text for name in self.hated)

    def _cluster(self, response: Response, error: str) -> None:
        names = {each["name"] for each in response.resources}
        gone = self.routed - names
        assert not gone, f"clusters were removed that requests go to: {gone}"
        for name in set(self.clusters) - names:
            del self.clusters[name]
            self._waiting.pop(name, None)
            self._services.pop(name, None)
        for each in response.resources:
            name = each["name"]
            if self._hates(str(each)) or self.clusters.get(name) == each:
                continue
            self.clusters[name] = each
            if "eds_cluster_config" in each:
                self._services[name] = self._waiting[name] = each["eds_cluster_config"]["service_name"]
        if not error:
            self._versions[CLUSTER] = response.version
        self._say(CLUSTER, error)
        if self._services:
            self._say(ENDPOINTS)

    def _endpoints(self, response: Response, error: str) -> None:
        if not error:
            names = {each["cluster_name"] for each in response.resources}
            self._waiting = {name: service for name, service in self._waiting.items() if service not in names}
            self._versions[ENDPOINTS] = response.version
        self._say(ENDPOINTS, error)
        self._release()

    def _listener(self, response: Response, error: str) -> None:
        first = LISTENER not in self._versions
        self._versions[LISTENER] = response.version
        self._say(LISTENER, error)
        if first:
            self._say(ROUTE_TABLE)

    def _routes(self, response: Response, error: str) -> None:
        if not error:
            snapshot = Snapshot(Split("-"), {ROUTE_TABLE: {"routes": response.resources[0]}})
            missing = snapshot.routed - (set(self.clusters) - set(self._waiting))
            assert not missing, f"routes to clusters that Envoy does not have: {missing}"
            self.routed, self.routes = snapshot.routed, response.resources[0]
            self._versions[ROUTE_TABLE] = response.version
        self._say(ROUTE_TABLE, error)

    def _say(self, url: str, error: str = "") -> None:
        names = {
            ENDPOINTS: frozenset(self._services.values()),
            ROUTE_TABLE: frozenset({"routes"}),
        }.get(url, frozenset())
        request = Request(url, self._versions.get(url, ""), self._nonces.get(url, ""), names, error)
        if url == CLUSTER and self._waiting:
            self._held = request
            return
        if url == CLUSTER:
            self._held = None
        self.outbox.append(request)

    def _release(self) -> None:
        if self._held is not None and not self._waiting:
            self.outbox.append(self._held)
            self._held = None

    @property
    def waiting(self) -> frozenset[str]:
        """Clusters that wait for their endpoints."""
        return frozenset(self._waiting)
