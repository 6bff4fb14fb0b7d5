"""What a container says, written to the instance's log as it comes."""

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import aiohttp
from aiodocker import Docker
from aiodocker.exceptions import DockerError

from abreast.process.logs import LogFile

_NANOSECONDS: Final = 30
"""A timestamp and its blank have no more characters: 2026-01-01T00:00:00.000000000Z."""


_OK: Final = 200
_HEAD_BYTES: Final = 8
"""Before each frame: the stream, three zeros, and the frame's size."""
_SIZE_BYTES: Final = 4
_DIGITS: Final = 9

Since = Callable[[str], AsyncGenerator[str]]
"""The lines since a Unix second, each with its timestamp."""


async def said(docker: Docker, container: str, since: str) -> AsyncGenerator[str]:
    """What a container says from then on, until it has ended. Raises DockerError, aiohttp.ClientError, OSError.

    Through the session itself: aiodocker 0.27 does not close an answer that is left half read.
    """
    params = {"stdout": "1", "stderr": "1", "follow": "1", "timestamps": "1", "since": since}
    url, timeout = f"{docker.docker_host}/containers/{container}/logs", aiohttp.ClientTimeout(total=None)
    async with docker.session.get(url, params=params, timeout=timeout) as response:
        if response.status != _OK:
            raise DockerError(response.status, (await response.text())[:400])
        while True:
            try:
                head = await response.content.readexactly(_HEAD_BYTES)
                text = await response.content.readexactly(int.from_bytes(head[-_SIZE_BYTES:], "big"))
            except asyncio.IncompleteReadError:
                return
            yield text.decode(errors="replace")


class Lines:
    """Where its log has been read to, so that what is read again after a break is not written twice."""

    def __init__(self, log: LogFile, since: float = 0.0) -> None:
        self._log = log
        self._since = since
        self._last = ("", "")
        self._written = 0
        """How many lines of the last moment are written."""
        self._seen = 0
        """How many of them this reading has met."""

    async def follow(self, since: Since) -> None:
        """Write every line until there are no more. Raises what reading them raises, and OSError."""
        self._seen = 0
        descriptor = self._log.open()
        try:
            async with aclosing(since(f"{self._since:.9f}" if self._since else "0")) as lines:
                async for line in lines:
                    text = self._new(line)
                    if text is not None:
                        os.write(descriptor, text.encode())
        finally:
            os.close(descriptor)

    def _new(self, line: str) -> str | None:
        """The line without its timestamp; None if it was there already."""
        stamp, blank, text = line.partition(" ")
        if not blank or len(stamp) > _NANOSECONDS or not stamp[:4].isdigit():
            return line
        moment = _comparable(stamp)
        if moment < self._last:
            return None
        if moment > self._last:
            self._last, self._written, self._seen = moment, 1, 1
            return text
        # Podman gives what it read at once the same time, and a line that was written in parts comes in parts.
        self._seen += 1
        if self._seen <= self._written:
            return None
        self._written = self._seen
        return text


def _comparable(stamp: str) -> tuple[str, str]:
    """A timestamp that sorts by its time: Podman leaves out zeros at the end of the fraction."""
    second, _, fraction = re.split(r"[Z+]", stamp, maxsplit=1)[0].partition(".")
    return second, fraction.ljust(_DIGITS, "0")
