"""A DNS server on loopback, over UDP and TCP, that answers what a test writes into its zone."""

import asyncio
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

UDP_BYTES = 512


@dataclass
class DnsServer:
    """``zone`` is (name with its last dot, kind) to records as text; ``aliases`` are CNAMEs.

    ``ttl_s`` is that of every record; ``rcode`` answers every question with that code; ``silent`` none at all.
    ``asked`` counts questions by transport and by (name, kind).
    """

    zone: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    aliases: dict[str, tuple[str, int]] = field(default_factory=dict)
    ttl_s: int = 30
    rcode: dns.rcode.Rcode | None = None
    silent: bool = False
    asked: Counter[object] = field(default_factory=Counter)
    port: int = 0
    _closing: list[asyncio.BaseTransport | asyncio.Server] = field(default_factory=list)

    async def start(self) -> "DnsServer":
        """Listen on one port of both kinds."""
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(self._stream, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), ("127.0.0.1", self.port))
        self._closing = [server, transport]
        return self

    def close(self) -> None:
        for each in self._closing:
            each.close()

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        """The answer to one question; None is none."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
        self.asked.update([transport, (name, kind)])
        if self.silent:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if self.rcode is not None:
            response.set_rcode(self.rcode)
        else:
            self._fill(response, name, kind)
        limit = max(UDP_BYTES, query.payload) if transport == "udp" else 65_535
        whole = response.to_wire(max_size=65_535)
        if len(whole) <= limit:
            return whole
        response.answer.clear()
        response.flags |= dns.flags.TC
        return response.to_wire()

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        if name in self.aliases:
            target, ttl_s = self.aliases[name]
            response.answer.append(dns.rrset.from_text(name, ttl_s, "IN", "CNAME", target))
            name = target
        records = self.zone.get((name, kind))
        if records:
            response.answer.append(dns.rrset.from_text_list(name, self.ttl_s, "IN", kind, records))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(dns.rcode.NXDOMAIN)

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            answer = self.answer(await reader.readexactly(length), "tcp")
            if answer is not None:
                writer.write(struct.pack("!H", len(answer)) + answer)
                await writer.drain()
        finally:
            writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    """Answers questions over UDP."""

    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)  # asyncio's own is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self._server.answer(data, "udp")
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, addr)
