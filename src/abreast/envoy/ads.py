"""The aggregated discovery service: tells every connected Envoy the newest snapshot, over a unix socket."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
from envoy.service.discovery.v3.discovery_pb2 import DiscoveryRequest, DiscoveryResponse

from abreast.envoy.conversation import Conversation, Request, Response
from abreast.envoy.snapshot import Snapshot, packed
from abreast.model.traffic import Split

log: Final = logging.getLogger(__name__)

SERVICE: Final = "envoy.service.discovery.v3.AggregatedDiscoveryService"
"""The service's name in Envoy's protocol; its delta variant is not offered, Envoy is told not to ask for it."""

MEMORY: Final = 8
"""How many past snapshots are remembered, for Envoys that come back with an older one."""


@dataclass
class Stream:
    """One connected Envoy: its conversation, and what waits to be written to it."""

    node: str
    conversation: Conversation
    outbox: asyncio.Queue[Response] = field(default_factory=asyncio.Queue)

    def send(self, responses: Iterable[Response]) -> None:
        """Queue them for writing."""
        for response in responses:
            self.outbox.put_nowait(response)


class AdsServer:
    """Serves snapshots; ``on_change`` is called after each acknowledgement, refusal, connection and loss."""

    def __init__(self, socket: Path, on_change: Callable[[], None]) -> None:
        self._socket = socket
        self._on_change = on_change
        self._server: grpc.aio.Server | None = None
        self._streams: dict[str, Stream] = {}
        self._published: tuple[Snapshot, ...] = ()

    async def start(self) -> None:
        """Listen; a socket file left by a dead control plane is replaced."""
        self._socket.unlink(missing_ok=True)
        server = grpc.aio.server()
        stream = grpc.stream_stream_rpc_method_handler(
            self._stream,
            request_deserializer=DiscoveryRequest.FromString,
            response_serializer=DiscoveryResponse.SerializeToString,
        )
        handlers = {"StreamAggregatedResources": stream}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        server.add_insecure_port(f"unix:{self._socket}")
        await server.start()
        self._socket.chmod(0o600)
        self._server = server

    async def stop(self) -> None:
        """Stop listening; Envoys go on with the last snapshot."""
        if self._server is not None:
            await self._server.stop(grace=0)
            self._server = None

    @property
    def published(self) -> tuple[Snapshot, ...]:
        """What Envoys may have been told, the newest last."""
        return self._published

    def publish(self, snapshot: Snapshot) -> None:
        """Make this what every Envoy shall have."""
        self._published = (*self._published, snapshot)[-MEMORY:]
        for stream in self._streams.values():
            stream.send(stream.conversation.publish(snapshot))

    def acked(self, node: str) -> Split | None:
        """The split that this node acknowledged; None while it is not connected or nothing is known."""
        stream = self._streams.get(node)
        return stream.conversation.acked if stream is not None else None

    def settled(self, node: str) -> bool:
        """Whether the node has the newest snapshot, whole."""
        stream = self._streams.get(node)
        return stream is not None and stream.conversation.settled

    def connected(self, node: str) -> bool:
        """Whether the node has a stream open."""
        return node in self._streams

    def nack(self, node: str) -> str:
        """What the node refuses, in Envoy's words."""
        stream = self._streams.get(node)
        return stream.conversation.nack if stream is not None else ""

    async def _stream(
        self,
        request_iterator: AsyncIterator[DiscoveryRequest],
        context: grpc.aio.ServicerContext[DiscoveryRequest, DiscoveryResponse],
    ) -> None:
        """One Envoy's stream, from its first request to its end."""
        first = await anext(request_iterator, None)
        if first is None:
            return
        stream = Stream(first.node.id, self._conversation())
        self._streams[stream.node] = stream
        writer = asyncio.create_task(_write(stream, context), name=f"ads-{stream.node}")
        try:
            self._hear(stream, first)
            async for request in request_iterator:
                self._hear(stream, request)
        finally:
            writer.cancel()
            if self._streams.get(stream.node) is stream:
                del self._streams[stream.node]
            self._on_change()

    def _conversation(self) -> Conversation:
        if not self._published:
            return Conversation()
        return Conversation(target=self._published[-1], known=self._published[:-1])

    def _hear(self, stream: Stream, message: DiscoveryRequest) -> None:
        error = message.error_detail.message
        if error:
            log.warning("Envoy %s refuses %s: %s", stream.node, message.type_url, error)
        names = frozenset(message.resource_names)
        request = Request(message.type_url, message.version_info, message.response_nonce, names, error)
        before = stream.conversation.acked, stream.conversation.nack
        stream.send(stream.conversation.hear(request))
        if before != (stream.conversation.acked, stream.conversation.nack):
            self._on_change()


async def _write(stream: Stream, context: grpc.aio.ServicerContext[DiscoveryRequest, DiscoveryResponse]) -> None:
    """Write what waits, until cancelled at the stream's end."""
    while True:
        response = await stream.outbox.get()
        message = DiscoveryResponse(version_info=response.version, type_url=response.url, nonce=response.nonce)
        message.resources.extend(packed(response.url, resource) for resource in response.resources)
        await context.write(message)
