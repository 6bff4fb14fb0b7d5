"""The real clock."""

import asyncio
import time


class SystemClock:
    """Implements `abreast.ports.Clock`."""

    def now(self) -> float:
        """Unix seconds."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait that long."""
        await asyncio.sleep(max(seconds, 0.0))
