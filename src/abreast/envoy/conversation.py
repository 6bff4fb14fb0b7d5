"""What to say to one Envoy and when: the order of updates, acknowledgements and refusals. Pure, no I/O.

State-of-the-world xDS over one aggregated stream. A response carries all resources of a type and a *nonce*; the
next request with that nonce acknowledges it, or refuses it (NACK) with Envoy's own words. Order matters: a route
table must not name a cluster that Envoy does not have (it would be refused, or answer 503), and a cluster must not
go while routes still name it. So clusters are first added, then routes are changed, then clusters are removed.
Envoy holds back the acknowledgement of clusters until new ones are warm (endpoints known, first health check
done), which is the signal that routes may use them.
Source: Envoy's documentation, "xDS REST and gRPC protocol", sections ACK/NACK and "Eventual consistency".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from abreast.envoy.clusters import Resource
from abreast.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, ROUTE_TABLE
from abreast.envoy.snapshot import Snapshot, digest
from abreast.model.traffic import Split

ORDER = (CLUSTER, ENDPOINTS, LISTENER, ROUTE_TABLE)


@dataclass(frozen=True)
class Request:
    """A DiscoveryRequest as far as we use it; ``error`` is Envoy's refusal, empty for an acknowledgement."""

    url: str
    version: str
    nonce: str
    names: frozenset[str] = frozenset()
    error: str = ""


@dataclass(frozen=True)
class Response:
    """A DiscoveryResponse: all resources of one type."""

    url: str
    version: str
    nonce: str
    resources: tuple[Resource, ...]


@dataclass
class _Type:
    """What was said about one type of resource: ``None`` means not yet.

    ``acked`` is the version that Envoy says it has: each of its requests says so, also a refusal, and also one
    that answers something older. ``acked_names`` are the resources of the last acknowledgement that are still in
    what was sent since: Envoy has them for certain, for it obeys removals even in what it refuses otherwise.
    """

    subscribed: frozenset[str] | None = None
    sent: str | None = None
    sent_names: frozenset[str] = frozenset()
    nonce: str = ""
    due: bool = False
    acked: str | None = None
    acked_names: frozenset[str] = frozenset()
    nacked: str | None = None
    error: str = ""


@dataclass
class Conversation:
    """One stream with one Envoy.

    ``target`` is the snapshot it shall have; ``known`` those whose routes it may still obey, oldest first.
    """

    target: Snapshot | None = None
    known: tuple[Snapshot, ...] = ()
    _types: dict[str, _Type] = field(default_factory=lambda: {url: _Type() for url in ORDER})
    _count: int = 0

    @property
    def acked(self) -> Split | None:
        """The split that this Envoy's routes obey; None while that is not known, or an answer is due."""
        obeyed = self._obeyed()
        return obeyed.split if obeyed is not None and not self._types[ROUTE_TABLE].due else None

    @property
    def settled(self) -> bool:
        """Whether Envoy acknowledged every type of the target and holds nothing else."""
        return self.target is not None and all(
            not state.due and state.acked == digest(self._wanted(url)) for url, state in self._types.items()
        )

    @property
    def nack(self) -> str:
        """Envoy's words on what it refuses now, empty if nothing."""
        return "; ".join(state.error for state in self._types.values() if state.error)

    def publish(self, snapshot: Snapshot) -> tuple[Response, ...]:
        """Make this the target; returns what to send at once."""
        old = self.target
        if old is not None and snapshot.version != old.version and self._may_obey(old):
            self.known = (*self.known, old)
        self.target = snapshot
        return tuple(self._next())

    def hear(self, request: Request) -> tuple[Response, ...]:
        """Take in a request of Envoy's; returns what to send. Types that we do not serve are ignored."""
        state = self._types.get(request.url)
        if state is None:
            return ()
        state.acked = request.version
        if state.subscribed is None:
            self._greet(state, request)
        elif request.nonce == state.nonce and request.error:
            state.due, state.nacked, state.error = False, state.sent, request.error
        elif request.nonce == state.nonce:
            state.due, state.acked_names, state.nacked, state.error = False, state.sent_names, None, ""
        # Else it answers something older: what was sent since decides.
        state.subscribed = request.names
        self._forget()
        return tuple(self._next())

    def _greet(self, state: _Type, request: Request) -> None:
        """The first request of a type: after a reconnection it names the version that Envoy still has."""
        if request.url in {CLUSTER, ROUTE_TABLE} and not request.version:
            # An Envoy just born obeys nothing: no past to be kept.
            self.known, self._types[ROUTE_TABLE].acked = (), ""
        if request.url == ROUTE_TABLE and self._obeyed() is not None:
            # It obeys exactly this; what was published since, on other streams, it never got.
            self.known = tuple(each for each in self.known if _routes(each) == request.version)
        if request.url in {CLUSTER, ENDPOINTS}:
            # Said again in any case: of a refused response Envoy may have obeyed the removals.
            return
        for snapshot in self._snapshots():
            resources = _subscribed(snapshot.resources[request.url], request.url, request.names)
            if request.version == digest(resources):
                state.sent = request.version
                state.sent_names = state.acked_names = frozenset(map(_name, resources))

    def _may_obey(self, snapshot: Snapshot) -> bool:
        """Whether Envoy may have these routes: they were sent to it, or it has not yet said what it has."""
        state = self._types[ROUTE_TABLE]
        return state.acked is None or _routes(snapshot) in {state.sent, state.acked}

    def _snapshots(self) -> tuple[Snapshot, ...]:
        return (*self.known, self.target) if self.target is not None else self.known

    def _obeyed(self) -> Snapshot | None:
        """The newest snapshot whose routes Envoy acknowledged last."""
        acked = self._types[ROUTE_TABLE].acked
        return next((each for each in reversed(self._snapshots()) if _routes(each) == acked), None)

    def _forget(self) -> None:
        """Drop the snapshots that are older than the one whose routes Envoy obeys."""
        obeyed = self._obeyed()
        if obeyed is not None:
            self.known = tuple(
                each for each in self.known[self._snapshots().index(obeyed) :] if each is not self.target
            )

    def _wanted(self, url: str) -> list[Resource]:
        """All resources of the type that Envoy shall have now, sorted by name."""
        if self.target is None:
            return []
        wanted = dict(self.target.resources[url])
        if url in {CLUSTER, ENDPOINTS} and self._obeyed() is not self.target:
            # Until the new routes are acknowledged, what the old ones use must stay.
            for snapshot in reversed(self.known):
                wanted = {**snapshot.resources[url], **wanted}
        return _subscribed(wanted, url, self._types[url].subscribed or frozenset())

    def _next(self) -> Iterator[Response]:
        for url in ORDER if self.target is not None else ():
            state = self._types[url]
            if state.subscribed is None or (url == ROUTE_TABLE and not self._may_route()):
                continue
            resources = self._wanted(url)
            version = digest(resources)
            if version in {state.sent, state.nacked}:
                continue
            self._count += 1
            state.sent, state.nonce, state.due = version, str(self._count), True
            state.sent_names = frozenset(map(_name, resources))
            state.acked_names &= state.sent_names
            if url == CLUSTER:
                # A changed cluster warms up anew and waits for its endpoints to be said again.
                self._types[ENDPOINTS].sent = None
            yield Response(url, version, state.nonce, tuple(resources))

    def _may_route(self) -> bool:
        """Whether Envoy has (warm) every cluster that the target's routes use."""
        return self.target is not None and self.target.routed <= self._types[CLUSTER].acked_names


def _routes(snapshot: Snapshot) -> str:
    return digest(snapshot.resources[ROUTE_TABLE].values())


def _name(resource: Resource) -> str:
    name: str = resource["cluster_name"] if "cluster_name" in resource else resource["name"]
    return name


def _subscribed(resources: Mapping[str, Resource], url: str, names: frozenset[str]) -> list[Resource]:
    """Clusters and listeners are subscribed to as a whole, endpoints and routes by name."""
    return [resources[name] for name in sorted(resources) if url in {CLUSTER, LISTENER} or name in names]
