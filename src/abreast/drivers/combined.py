"""One driver in front of several: each version goes to the one that can run it."""

from collections.abc import Sequence

from abreast.model.service import Instance, Version
from abreast.ports import Driver


class Drivers:
    """`abreast.ports.Driver` over one each for processes, containers, Deployments, and what runs elsewhere."""

    def __init__(
        self, process: Driver, external: Driver, *, docker: Driver | None = None, kubernetes: Driver | None = None
    ) -> None:
        self._process = process
        self._external = external
        self._docker = docker
        self._kubernetes = kubernetes
        self._all = [driver for driver in (process, external, docker, kubernetes) if driver is not None]

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
        if version.workload is not None and self._kubernetes is not None:
            return self._kubernetes
        return self._external if version.external else self._process
