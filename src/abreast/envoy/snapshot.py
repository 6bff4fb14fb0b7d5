"""Snapshots: everything one gateway is told, built whole, checked for consistency, named by its content."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message

# The messages that Any-typed configuration refers to must be loaded before `ParseDict` can resolve them.
from abreast.envoy.capture import relay_cluster
from abreast.envoy.clusters import Resource, assignments, clusters
from abreast.envoy.collectors import collectors
from abreast.envoy.listener import listener
from abreast.envoy.messages import CLUSTER, ENDPOINTS, LISTENER, MESSAGES, ROUTE_TABLE
from abreast.envoy.routes import route_table
from abreast.model.traffic import NodeTls, Split, Traffic

ID_LENGTH: Final = 12


@dataclass(frozen=True)
class Snapshot:
    """The resources of one traffic, by type URL and name.

    ``version`` is a digest of the whole content: the same traffic gives the same version, also after a restart.
    """

    split: Split
    resources: Mapping[str, Mapping[str, Resource]]

    @cached_property
    def version(self) -> str:
        """The digest that names this snapshot."""
        return digest(
            [self.resources[url][name] for url in sorted(self.resources) for name in sorted(self.resources[url])]
        )

    def names(self, url: str) -> frozenset[str]:
        """Names of the resources of that type."""
        return frozenset(self.resources[url])

    @cached_property
    def routed(self) -> frozenset[str]:
        """Names of the clusters that the route table can send requests to."""
        return frozenset(_routed(self.resources[ROUTE_TABLE].values()))


def digest(resources: Iterable[Resource]) -> str:
    """A short name for this content, the same for the same content."""
    text = json.dumps(list(resources), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def build(traffic: Traffic, relay: Path = Path("relay.sock"), workers: int = 1, tls: NodeTls | None = None) -> Snapshot:
    """The snapshot of this traffic, for Envoys of so many worker threads.

    Copies go to the relay behind that socket, or by ``tls`` to those that the traffic names. Raises ValueError if it
    were inconsistent (a fault of ours, never of Envoy's).
    """
    resources: dict[str, dict[str, Resource]] = {
        CLUSTER: {
            each["name"]: each
            for each in (
                *clusters(traffic),
                relay_cluster(relay, traffic.relays, tls),
                *collectors(traffic.gateway),
            )
        },
        ENDPOINTS: {each["cluster_name"]: each for each in assignments(traffic)},
        LISTENER: {each["name"]: each for each in [listener(traffic.gateway, traffic.service)]},
        ROUTE_TABLE: {each["name"]: each for each in [route_table(traffic, workers)]},
    }
    snapshot = Snapshot(traffic.split, resources)
    check(snapshot)
    return snapshot


def check(snapshot: Snapshot) -> None:
    """Every route's cluster, every aggregate's member and every cluster's endpoints exist; raises ValueError."""
    known = snapshot.names(CLUSTER)
    faults = [f"a route to the unknown cluster {name!r}" for name in sorted(snapshot.routed - known)]
    for name, cluster in snapshot.resources[CLUSTER].items():
        members = cluster.get("cluster_type", {}).get("typed_config", {}).get("clusters", [])
        faults += [f"cluster {name!r} has the unknown member {each!r}" for each in members if each not in known]
        service = cluster.get("eds_cluster_config", {}).get("service_name")
        if service is not None and service not in snapshot.names(ENDPOINTS):
            faults.append(f"cluster {name!r} has no endpoints resource {service!r}")
    if faults:
        message = f"inconsistent snapshot: {'; '.join(faults)}"
        raise ValueError(message)


def packed(url: str, resource: Resource) -> AnyMessage:
    """The resource as Envoy reads it. A misspelt field raises google.protobuf.json_format.ParseError."""
    message: Message = ParseDict(resource, MESSAGES[url]())
    wrapped = AnyMessage()
    wrapped.Pack(message)
    return wrapped


def _routed(tables: Iterable[Resource]) -> Iterable[str]:
    for table in tables:
        for host in table["virtual_hosts"]:
            for route in host["routes"]:
                action = route["route"]
                if "cluster" in action:
                    yield action["cluster"]
                for each in action.get("weighted_clusters", {}).get("clusters", []):
                    yield each["name"]
