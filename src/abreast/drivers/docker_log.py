"""What a container says, written to the instance's log as it comes."""

import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, cast

from aiodocker.containers import DockerContainer

from abreast.process.logs import LogFile

_NANOSECONDS: Final = 30
"""A timestamp and its blank have no more characters: 2026-01-01T00:00:00.000000000Z."""


class Lines:
    """Where its log has been read to, so that what is read again after a break is not written twice."""

    def __init__(self, log: LogFile, since: float = 0.0) -> None:
        self._log = log
        self._since = since
        self._last = ""

    async def follow(self, container: DockerContainer) -> None:
        """Write every line until the container has ended. Raises DockerError, aiohttp.ClientError, OSError."""
        since = f"{self._since:.9f}" if self._since else "0"
        lines = container.log(stdout=True, stderr=True, follow=True, timestamps=True, since=since)
        descriptor = self._log.open()
        try:
            async with aclosing(cast("AsyncGenerator[str, None]", lines)):
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
        if stamp <= self._last:
            return None
        self._last = stamp
        return text
