"""One driver in front of several: each version goes to the one that can run it."""

from collections.abc import Sequence

from abreast.model.service import Instance, Version
from abreast.ports import Driver


class Drivers:
    """`abreast.ports.Driver` over one for processes and one for endpoints that run elsewhere."""

    def __init__(self, process: Driver, external: Driver) -> None:
        self._process = process
        self._external = external

    async def run(self, version: Version) -> None:
        """Run or watch it; whatever the other driver had under the name before is stopped. Raises DriverError."""
        chosen, other = (self._external, self._process) if version.external else (self._process, self._external)
        await chosen.run(version)
        await other.stop(version.name)

    async def stop(self, name: str) -> None:
        """Stop the version, wherever it runs."""
        await self._process.stop(name)
        await self._external.stop(name)

    def instances(self) -> Sequence[Instance]:
        """Every instance of both."""
        return [*self._process.instances(), *self._external.instances()]

    async def close(self, *, stop: bool) -> None:
        """Close both."""
        await self._process.close(stop=stop)
        await self._external.close(stop=stop)
