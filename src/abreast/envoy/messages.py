"""Envoy's protobuf messages that we speak, by type URL; importing the others lets `ParseDict` resolve them."""

from collections.abc import Mapping
from typing import Final

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.config.trace.v3 import opentelemetry_pb2
from envoy.extensions.access_loggers.file.v3 import file_pb2
from envoy.extensions.access_loggers.open_telemetry.v3 import logs_service_pb2
from envoy.extensions.access_loggers.stats.v3 import stats_pb2
from envoy.extensions.clusters.aggregate.v3 import cluster_pb2 as aggregate_pb2
from envoy.extensions.filters.http.header_to_metadata.v3 import header_to_metadata_pb2
from envoy.extensions.filters.http.lua.v3 import lua_pb2
from envoy.extensions.filters.http.router.v3 import router_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2
from envoy.extensions.request_id.uuid.v3 import uuid_pb2
from envoy.extensions.retry.priority.previous_priorities.v3 import previous_priorities_config_pb2
from envoy.extensions.tracers.opentelemetry.samplers.v3 import (
    parent_based_sampler_pb2,
    trace_id_ratio_based_sampler_pb2,
)
from envoy.extensions.transport_sockets.tls.v3 import tls_pb2
from envoy.extensions.upstreams.http.v3 import http_protocol_options_pb2
from google.protobuf.message import Message

CLUSTER: Final = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS: Final = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER: Final = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTE_TABLE: Final = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"

MESSAGES: Final[Mapping[str, type[Message]]] = {
    CLUSTER: Cluster,
    ENDPOINTS: ClusterLoadAssignment,
    LISTENER: Listener,
    ROUTE_TABLE: RouteConfiguration,
}
"""The four kinds of resources, by type URL."""

NESTED: Final = (
    aggregate_pb2,
    file_pb2,
    header_to_metadata_pb2,
    http_connection_manager_pb2,
    http_protocol_options_pb2,
    logs_service_pb2,
    lua_pb2,
    opentelemetry_pb2,
    parent_based_sampler_pb2,
    previous_priorities_config_pb2,
    router_pb2,
    stats_pb2,
    tls_pb2,
    trace_id_ratio_based_sampler_pb2,
    uuid_pb2,
)
"""Modules whose messages occur inside of Any fields; importing them registers the messages."""
