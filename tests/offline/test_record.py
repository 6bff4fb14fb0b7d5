"""Requests of a control plane are taken into a file, line by line."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse, Response, StreamingResponse

from abreast.model.errors import NotRunningError, UsageError
from abreast.offline.record import RecordError, captured, record
from abreast.offline.requests_file import load

GET = '{"method": "GET", "path": "/orders/7?a=1", "headers": [["accept", "*/*"]]}'
PUT = '{"headers":{"x":"1"},"path":"/b","method":"PUT","body_base64":"AP8="}'


@asynccontextmanager
async def plane(socket: Path, answer: Response) -> AsyncIterator[list[str]]:
    """A control plane that gives this answer; yields the counts that it was asked for."""
    app = FastAPI()
    counts: list[str] = []

    @app.get("/api/v1/captures")
    async def captures(count: str) -> Response:
        counts.append(count)
        return answer

    server = uvicorn.Server(uvicorn.Config(app, uds=str(socket), log_config=None, timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield counts
    finally:
        server.should_exit = True
        await running


async def lines(*given: str, then_wait_s: float = 0.0) -> AsyncIterator[str]:
    """These lines, and then nothing for a while."""
    for line in given:
        yield line
    await asyncio.sleep(then_wait_s)


async def test_requests_are_recorded_and_can_be_read_again(short_tmp: Path) -> None:
    stream = StreamingResponse(lines(GET + "\n", "\n", PUT[:9], PUT[9:] + "\n"), media_type="application/x-ndjson")
    file = short_tmp / "r.ndjson"
    told: list[int] = []
    async with plane(short_tmp / "s", stream) as counts:
        found = await record(captured(short_tmp / "s", 5), file, count=5, seconds=None, tell=told.append)

    assert (found, counts, told) == (2, ["5"], [1, 2])
    entries = load(str(file)).entries
    assert [(each.request.method, each.request.path, each.request.body) for each in entries] == [
        ("GET", "/orders/7?a=1", b""),
        ("PUT", "/b", b"\x00\xff"),
    ]
    assert json.loads(file.read_text("utf-8").split("\n")[0]) == json.loads(GET)


async def test_it_ends_with_the_count_or_with_the_seconds(tmp_path: Path) -> None:
    file = tmp_path / "r"
    assert await record(lines("a", "b", "c"), file, count=2, seconds=None, tell=lambda _: None) == 2
    assert file.read_text() == "a\nb\n"
    assert await record(lines("a", then_wait_s=60), file, count=9, seconds=0.1, tell=lambda _: None) == 1
    assert file.read_text() == "a\n"


async def test_no_request_at_all_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no request came") as raised:
        await record(lines(), tmp_path / "r", count=2, seconds=None, tell=lambda _: None)
    assert "--seconds" in raised.value.remedy


async def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written: Is a directory"):
        await record(lines("a"), tmp_path, count=1, seconds=None, tell=lambda _: None)


async def test_a_line_that_is_no_request_is_not_written(short_tmp: Path) -> None:
    stream = StreamingResponse(lines(GET + "\n", '{"path": 7}\n'))
    async with plane(short_tmp / "s", stream):
        with pytest.raises(RecordError, match="'path' is 7"):
            await record(captured(short_tmp / "s", 5), short_tmp / "r", count=5, seconds=5, tell=lambda _: None)

    assert len((short_tmp / "r").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("answer", "message", "remedy"),
    [
        (JSONResponse({"detail": "no shadow runs", "remedy": "start one"}, 409), "no shadow runs", "start one"),
        (Response("odd", 500), "the control plane answered 500 when asked for requests", "see its log"),
        (JSONResponse([1], 404), "the control plane answered 404 when asked for requests", "see its log"),
    ],
)
async def test_a_refusal_is_passed_on(short_tmp: Path, answer: Response, message: str, remedy: str) -> None:
    async with plane(short_tmp / "s", answer):
        with pytest.raises(RecordError) as raised:
            await anext(captured(short_tmp / "s", 1))
    assert raised.value.message == message
    assert raised.value.remedy.startswith(remedy)


async def test_without_a_control_plane_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError, match="no abreast listens at") as raised:
        await anext(captured(tmp_path / "none", 1))
    assert raised.value.remedy == "start it with: abreast up"
