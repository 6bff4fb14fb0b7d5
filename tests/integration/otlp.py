"""A collector: takes logs and spans by OpenTelemetry's protocol over gRPC, and keeps them.

The messages are those that come with Envoy's own: an old copy, in which scopes are called instrumentation libraries. On
the wire they are the same.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

_LOGS: Any = logs_service_pb2
_TRACES: Any = trace_service_pb2
"""Any: their classes are made while they are imported."""


@dataclass(frozen=True)
class Told:
    """A record of a log, or a span: whose it is (``service.name``), its ids in hex, and its attributes."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]


@dataclass
class Collector:
    """What it was told, and where it listens."""

    port: int = 0
    records: list[Told] = field(default_factory=list)
    spans: list[Told] = field(default_factory=list)

    async def logs(self, request: bytes, _: object) -> bytes:
        """``LogsService/Export``."""
        for resource in _LOGS.ExportLogsServiceRequest.FromString(request).resource_logs:
            for scope in resource.instrumentation_library_logs:
                self.records += _told(resource, scope.logs)
        return b""

    async def traces(self, request: bytes, _: object) -> bytes:
        """``TraceService/Export``."""
        for resource in _TRACES.ExportTraceServiceRequest.FromString(request).resource_spans:
            for scope in resource.instrumentation_library_spans:
                self.spans += _told(resource, scope.spans)
        return b""


def _told(resource: Any, each: Iterable[Any]) -> Iterator[Told]:  # noqa: ANN401  # protobuf ships no types
    service = _attributes(resource.resource).get("service.name", "")
    for one in each:
        name = one.body.string_value if hasattr(one, "body") else one.name
        parent = one.parent_span_id.hex() if hasattr(one, "parent_span_id") else ""
        yield Told(service, name, one.trace_id.hex(), one.span_id.hex(), parent, _attributes(one))


def _attributes(of: Any) -> dict[str, str]:  # noqa: ANN401  # protobuf ships no types
    found = {}
    for each in of.attributes:
        assert each.key not in found, f"{each.key} twice"
        assert each.value.HasField("string_value")
        found[each.key] = each.value.string_value
    return found


@asynccontextmanager
async def collector() -> AsyncIterator[Collector]:
    """A collector on a free port of loopback."""
    kept = Collector()
    server = grpc.aio.server()
    for name, export in (("logs.v1.Logs", kept.logs), ("trace.v1.Trace", kept.traces)):
        handlers = {"Export": grpc.unary_unary_rpc_method_handler(export)}
        service = f"opentelemetry.proto.collector.{name}Service"
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    kept.port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield kept
    finally:
        await server.stop(grace=None)


@asynccontextmanager
async def hung_collector() -> AsyncIterator[int]:
    """One that takes connections and never says a word; gives its port."""
    held: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in held:
            each.transport.abort()
        await asyncio.sleep(0)


@asynccontextmanager
async def absent_collector() -> AsyncIterator[int]:
    """None; gives the port where nobody listens."""
    async with collector() as gone:
        pass
    yield gone.port
