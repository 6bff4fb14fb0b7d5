"""One driver in front of several: each version goes to the one that can run it."""

from collections.abc import Sequence

from abreast.model.service import Instance, Version
from abreast.ports import Driver


class Drivers:
    """`abreast.ports.Driver` over one for processes, one for endpoints that run elsewhere, and one for containers."""

    def __init__(self, process: Driver, external: Driver, docker: Driver | None = None) -> None:
        self._process = process
        self._external = external
        self._docker = docker
        self._all = [process, external, *([docker] if docker is not None else [])]

    async def run(self, version: Version) -> None:
        """Run or watch it; whatever another driver had under the name before is stopped. Raises DriverError."""
        chosen = self._chosen(version)
        await chosen.run(version)
        for other in self._all:
            if other is not chosen:
                await other.stop(version.name)

    async def stop(self, name: str) -> None:
        """Stop the version, wherever it runs."""
        for driver in self._all:
            await driver.stop(name)

    def instances(self) -> Sequence[Instance]:
        """Every instance of all."""
        return [instance for driver in self._all for instance in driver.instances()]

    async def close(self, *, stop: bool) -> None:
        """Close all."""
        for driver in self._all:
            await driver.close(stop=stop)

    def _chosen(self, version: Version) -> Driver:
        if version.container is not None and self._docker is not None:
            return self._docker
        return self._external if version.external else self._process
