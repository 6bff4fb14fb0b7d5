"""The relay as a process."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import orjson
import psutil
import pytest

from abreast.compare.model import Answer, Request
from abreast.findings.report import BATCH_JSON, Batch
from abreast.model.service import Endpoint
from abreast.shadow.__main__ import main
from abreast.shadow.order import ORDER_JSON, Order
from tests.shadow.frames import JSON, frame, order
from tests.shadow.servers import answer, hang, serving, talking

MIB = 1 << 20


@dataclass
class _Process:
    """A relay's process and a client that speaks to it."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    log: Path

    async def obey(self, said: Order) -> None:
        assert (await self.client.put("/order", content=ORDER_JSON.dump_json(said))).status_code == 204

    async def report(self, acknowledged: int = 0) -> Batch | None:
        found = await self.client.get("/report", params={"acknowledge": acknowledged})
        return BATCH_JSON.validate_json(found.content) if found.content else None


@contextlib.asynccontextmanager
async def _running(directory: Path, *arguments: str) -> AsyncIterator[_Process]:
    path, log = directory / "relay.sock", directory / "differences.log"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "abreast.shadow", "--socket", str(path), "--log", str(log), *arguments
    )
    try:
        async with httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://relay", timeout=10.0
        ) as client:
            async with asyncio.timeout(20.0):
                while not await _healthy(client):
                    await asyncio.sleep(0.02)
            yield _Process(process, client, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _healthy(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).status_code == 200
    except httpx.TransportError:
        return False


def _live(endpoint: Endpoint, number: int, body: bytes = b'{"total": 1}') -> bytes:
    return frame(Request("GET", "/orders"), Answer(200, JSON, body), upstream=f"v1 {endpoint}", id_text=str(number))


async def test_it_compares_logs_reports_and_ends_when_told(short_tmp: Path) -> None:
    with_number = answer(b'{"total": 1}', content_type="application/json")
    with_text = answer(b'{"total": "hunter2"}', content_type="application/json")
    async with (
        serving(lambda _: with_number) as stable,
        serving(lambda _: with_text) as candidate,
        _running(short_tmp) as relay,
    ):
        assert os.getpriority(os.PRIO_PROCESS, relay.process.pid) >= 10
        await relay.obey(order(stable=(stable.endpoint,), candidate=(candidate.endpoint,), redact=("/total",)))
        for number in range(5):
            await relay.client.post("/exchange", content=_live(stable.endpoint, number))
        compared, acknowledged = 0, 0
        async with asyncio.timeout(10.0):
            while compared < 5:
                if (batch := await relay.report(acknowledged)) is not None:
                    compared, acknowledged = compared + batch.compared, batch.number
                await asyncio.sleep(0.01)
        lines = [orjson.loads(line) for line in relay.log.read_text().splitlines()]
        assert {(line["endpoint"], line["path"], line["kind"]) for line in lines} == {("GET /orders", "/total", "type")}
        assert "hunter2" not in relay.log.read_text()
        while (batch := await relay.report(acknowledged)) is not None:
            acknowledged = batch.number
        relay.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(relay.process.wait(), 10.0) == 0


async def test_an_ending_relay_reports_what_it_still_decides(short_tmp: Path) -> None:
    async with talking(hang) as hung, _running(short_tmp) as relay:
        await relay.obey(order(stable=(hung,), candidate=(hung,), timeout_s=0.5))
        await relay.client.post("/exchange", content=_live(hung, 1))
        relay.process.send_signal(signal.SIGTERM)
        received, acknowledged, held = 0, 0, 1
        async with asyncio.timeout(10.0):
            while held:
                if (batch := await relay.report(acknowledged)) is not None:
                    received, held, acknowledged = received + batch.received, batch.held, batch.number
                await asyncio.sleep(0.01)
            with contextlib.suppress(httpx.TransportError):
                await relay.report(acknowledged)
            assert await relay.process.wait() == 0
        assert (received, held) == (1, 0)


async def test_it_ends_when_nobody_needs_it(short_tmp: Path) -> None:
    async with _running(short_tmp, "--idle", "0.3") as relay:
        assert await asyncio.wait_for(relay.process.wait(), 10.0) == 0


async def test_memory_stays_flat_with_a_hung_candidate(short_tmp: Path) -> None:
    """10,000 exchanges of 8 KB, four times what the queue may hold, at a candidate that never answers."""
    count, at_once = 10_000, 50
    async with talking(hang) as hung, _running(short_tmp) as relay:
        seen = psutil.Process(relay.process.pid)
        await relay.obey(order(stable=(hung,), candidate=(hung,), timeout_s=30.0))
        await relay.report()
        before = seen.memory_info().rss
        reader, writer = await asyncio.open_unix_connection(short_tmp / "relay.sock")
        for begin in range(0, count, at_once):
            for number in range(begin, begin + at_once):
                body = _live(hung, number, b'"' + b"x" * 8000 + b'"')
                writer.write(b"POST /exchange HTTP/1.1\r\nhost: relay\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            for _ in range(at_once):
                await reader.readuntil(b"\r\n\r\n")
        grown = seen.memory_info().rss - before
        batch = await relay.report()
        writer.close()
        assert batch is not None
        assert batch.received == count
        assert batch.held <= 256 + 16
        assert batch.held + sum(batch.skipped.values()) == count
        assert grown < 16 * MIB, f"{grown / MIB:.1f} MiB more"


def test_a_socket_that_cannot_be_had_is_told(short_tmp: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def run() -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "abreast.shadow",
            "--socket",
            str(short_tmp / "none" / "relay.sock"),
            "--log",
            str(short_tmp / "differences.log"),
        )
        return await asyncio.wait_for(process.wait(), 20.0)

    assert asyncio.run(run()) == 1
    assert "the relay cannot begin" in capfd.readouterr().err


def test_it_needs_to_know_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--socket" in capsys.readouterr().err
