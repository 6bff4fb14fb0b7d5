"""Take redacted requests of a running gateway into a file that ``abreast compare --requests`` reads."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Final

import httpx

from abreast.model.errors import AbreastError, NotRunningError, UsageError
from abreast.offline import ndjson
from abreast.offline.entry import EntryError
from abreast.shadow.recording import line_of

_NEXT: Final = "see its log: .abreast/logs/abreast.log"


class RecordError(AbreastError):
    """The control plane does not hand out requests, or not as they are agreed on."""


async def captured(socket: Path, count: int) -> AsyncGenerator[str, None]:
    """Requests of users, as lines of NDJSON, as they come in; at most ``count``. Waits for the next one.

    ``socket`` is the control plane's API (``GET /captures?count=N``). Raises NotRunningError, RecordError.
    """
    transport = httpx.AsyncHTTPTransport(uds=str(socket))
    timeout = httpx.Timeout(5.0, read=None)  # between two requests of a quiet service any time may pass
    try:
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://abreast/api/v1", timeout=timeout) as http,
            http.stream("GET", "/captures", params={"count": count}) as answer,
        ):
            if not answer.is_success:
                await answer.aread()
                raise _refused(answer)
            async for line in answer.aiter_lines():
                if line.strip():
                    yield _checked(line)
    except httpx.ConnectError as error:
        raise NotRunningError(f"no abreast listens at {str(socket)!r}", "start it with: abreast up") from error
    except httpx.TransportError as error:
        message = f"abreast ended while its requests were recorded ({error})"
        raise NotRunningError(message, "start it again with: abreast up") from error


async def record(
    lines: AsyncIterator[str], file: Path, *, count: int, seconds: float | None, tell: Callable[[int], None]
) -> int:
    """Write ``lines`` to ``file`` until there are ``count`` or ``seconds`` have passed; how many there are.

    Each line is written as it comes, so that an end by Ctrl-C loses none. ``tell`` is given the number so far.
    Raises UsageError when the file cannot be written, RecordError when no request came.
    """
    written = 0
    try:
        with file.open("w", encoding="utf-8", buffering=1) as target:
            try:
                async with asyncio.timeout(seconds):
                    async for line in lines:
                        target.write(line + "\n")
                        written += 1
                        tell(written)
                        if written >= count:
                            break
            except TimeoutError:
                pass  # the seconds that were asked for
    except OSError as error:
        message = f"--record: {str(file)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "name a file in a directory that is there and yours") from error
    if not written:
        remedy = "send the gateway requests while it records, or record for longer: --seconds 60"
        raise RecordError("no request came to be recorded", remedy)
    return written


def _checked(line: str) -> str:
    """The line as it is written: what cannot be read again is not recorded. Raises RecordError."""
    try:
        return line_of(ndjson.entry(line).request)
    except EntryError as error:
        raise RecordError(f"the control plane sent no request: {error.message}: {line[:200]!r}", _NEXT) from None


def _refused(answer: httpx.Response) -> RecordError:
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    told = problem if isinstance(problem, dict) else {}
    message = told.get("detail") or f"the control plane answered {answer.status_code} when asked for requests"
    return RecordError(str(message), str(told.get("remedy") or _NEXT))
