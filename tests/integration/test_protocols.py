"""Every way to speak through the gateway, and streams that outlive whatever a rollout does."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import httpx
import pytest
import trustme
from websockets.asyncio.client import connect

from abreast.bench.origin import Origin
from abreast.model.service import Tls, Version
from tests.integration.client import Connection
from tests.integration.servers import EVENT_S, Echo, grpc_echo, talker
from tests.integration.stage import Stage, backend

V2 = Version("v2", run=("serve",), timeout_s=0.5)


async def test_h2c_by_prior_knowledge(stage: Stage, v1: Origin, v2: Origin) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000))
    async with httpx.AsyncClient(http1=False, http2=True, base_url=stage.url) as client:
        got = await asyncio.gather(*(client.get("/", headers={"x-user-id": f"user-{user}"}) for user in range(100)))
        again = await asyncio.gather(
            *(client.get("/", headers=[("cookie", "a=b"), ("cookie", f"session=user-{user}")]) for user in range(100))
        )
    assert {(each.status_code, each.http_version) for each in [*got, *again]} == {(200, "HTTP/2")}
    sides = [each.headers["x-version"] for each in got]
    assert set(sides) == {"v1", "v2"}
    assert [each.headers["x-version"] for each in again] == sides, "HTTP/2 clients send cookies one by one"


def certify(folder: Path) -> tuple[Tls, ssl.SSLContext]:
    """A new certificate for 127.0.0.1 in files, and a client's trust in it alone."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    certificate.private_key_pem.write_to_path(key)
    chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    return Tls(str(chain), str(key)), trust


async def test_tls_offers_http_2_and_http_1(stage: Stage, v1: Origin, v2: Origin) -> None:
    files, trust = certify(stage.folder)
    stage.settings = replace(stage.settings, tls=files)
    stage.gateway = stage.control_plane()
    await stage.open(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=5000))
    for http2, version in ((True, "HTTP/2"), (False, "HTTP/1.1")):
        async with httpx.AsyncClient(http2=http2, verify=trust) as client:
            answer = await client.get(f"https://127.0.0.1:{stage.port}/")
        assert (answer.status_code, answer.http_version) == (200, version)
        assert "Secure" in answer.headers["set-cookie"]


async def test_a_renewed_certificate_is_served_after_a_restart(stage: Stage, v1: Origin) -> None:
    files, _ = certify(stage.folder)
    stage.settings = replace(stage.settings, tls=files)
    stage.gateway = stage.control_plane()
    await stage.open(stage.traffic(backend("v1", v1.port)))
    _, trust = certify(stage.folder)
    async with httpx.AsyncClient(verify=trust) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://127.0.0.1:{stage.port}/")
        await stage.gateway.processes.restart()
        await stage.obeyed()
        assert (await client.get(f"https://127.0.0.1:{stage.port}/")).status_code == 200


async def test_grpc_calls_and_streams(stage: Stage) -> None:
    async with grpc_echo("v1") as port_1, grpc_echo("v2") as port_2:
        v1 = Version("v1", run=("serve",), protocol="h2c")
        v2 = replace(V2, protocol="h2c")
        await stage.open(stage.traffic(backend(v1, port_1), backend(v2, port_2), weight=5000))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{stage.port}") as channel:
            say, repeat = channel.unary_unary("/echo.Echo/Say"), channel.stream_stream("/echo.Echo/Repeat")
            versions = set()
            for user in range(20):
                call = say(b"hello", metadata=(("x-user-id", f"user-{user}"),))
                assert await call == b"hello"
                versions.add(dict(await call.initial_metadata())["x-version"])
            assert versions == {"v1", "v2"}
            stream = repeat(metadata=(("x-user-id", "user-0"),))
            for number in range(3):
                # Longer than the candidate may take to answer: a stream has no such limit.
                await asyncio.sleep(V2.timeout_s / 2)
                await stream.write(str(number).encode())
                assert await stream.read() == str(number).encode()
            await stream.done_writing()
            assert await stream.read() is grpc.aio.EOF


async def rollout(stage: Stage, v1: int, v2: int) -> AsyncIterator[str]:
    """All that happens in a rollout, after each of it the name of what happened; v1 stable, v2 candidate."""
    sides = backend("v1", v1), backend(V2, v2)
    for weight in (2500, 10_000, 0, 10_000):
        await stage.publish(stage.traffic(*sides, weight=weight))
        yield f"weight {weight}"
    await stage.publish(stage.traffic(backend(V2, v2)))
    yield "promoted, v1 retired"
    await stage.publish(stage.traffic(backend(V2, v2), backend("v1", v1), weight=0, salt="next"))
    yield "the next rollout"
    await stage.publish(stage.traffic(*sides, weight=0, salt="third"))
    yield "aborted"
    await stage.publish(stage.traffic(backend("v1", v1)))
    yield "v2 retired"


async def test_a_websocket_lives_through_a_whole_rollout(stage: Stage) -> None:
    async with talker("v1") as port_1, talker("v2") as port_2:
        await stage.open(stage.traffic(backend("v1", port_1), backend(V2, port_2), weight=0))
        url = f"ws://127.0.0.1:{stage.port}/"
        async with connect(url, additional_headers={"x-user-id": "u"}) as old:
            await stage.publish(stage.traffic(backend("v1", port_1), backend(V2, port_2), weight=10_000))
            async with connect(url, additional_headers={"x-user-id": "u"}) as new:
                async for event in rollout(stage, port_1, port_2):
                    for socket, version in ((old, "v1"), (new, "v2")):
                        await socket.send(event)
                        assert await socket.recv() == f"{version}: {event}"


async def test_server_sent_events_live_through_a_whole_rollout(stage: Stage) -> None:
    stage.settings = replace(stage.settings, timeout_s=1.0)
    stage.gateway = stage.control_plane()
    async with Echo("v1") as v1, Echo("v2") as v2:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        await stage.open(stage.traffic(backend("v1", v1.port), backend(V2, v2.port), weight=0))
        async with await listen(stage) as old, await stage.connect() as user:
            await stage.publish(stage.traffic(backend("v1", v1.port), backend(V2, v2.port), weight=10_000))
            async with await listen(stage) as new:
                async for event in rollout(stage, v1.port, v2.port):
                    assert (await user.ask()).status == 200, event
                    await asyncio.gather(events(old, 5), events(new, 5))
                while loop.time() - begin < stage.settings.timeout_s + 0.5:
                    await asyncio.gather(events(old, 5), events(new, 5))
                assert (v1.streams, v2.streams) == (1, 1), "longer than any time-out, on the very same connections"


async def listen(stage: Stage) -> Connection:
    """A connection on which events arrive."""
    connection = await stage.connect()
    connection.send("/events", headers={"accept": "text/event-stream", "x-user-id": "u"})
    head = await connection.head()
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
    return connection


async def events(connection: Connection, count: int) -> None:
    """Hear so many more events; fails when the stream ends."""
    async with asyncio.timeout(500 * EVENT_S):
        for _ in range(count):
            assert (await connection.chunk()).startswith(b"data: ")
