"""All instances of one version, kept at the number that is wanted."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Generic

from abreast.drivers.ground import Ground, M
from abreast.drivers.member import Member
from abreast.drivers.plan import Copy, plan
from abreast.model.service import Instance, InstanceState, Version


class Replicas(Generic[M]):
    """The instances of the version ``name``; `want` says what should be, and every change is met by a plan."""

    def __init__(self, name: str, ground: Ground[M]) -> None:
        self.name = name
        self._ground = replace(ground, on_change=self._on_change)
        self._print = ground.fingerprint
        self._tell = ground.on_change
        self._wanted: Version | None = None
        self._instances: dict[int, M] = {}
        self._stirred = False

    @property
    def claimed(self) -> bool:
        """Whether somebody wants this version to run."""
        return self._wanted is not None

    @property
    def members(self) -> Sequence[M]:
        """The instances that exist, by number."""
        return [self._instances[number] for number in sorted(self._instances)]

    def shown(self) -> Sequence[Instance]:
        """What the instances show of themselves."""
        return [instance.shown for instance in self.members]

    def runs(self, version: Version) -> bool:
        """Whether it runs this command already, whatever else is different."""
        return self._wanted is not None and self._print(self._wanted) == self._print(version)

    def place(self, number: int, version: Version) -> M:
        """An instance of that number, to be begun or to adopt what runs already."""
        instance = self._ground.instance(number, version, self._on_gone)
        self._instances[number] = instance
        return instance

    def want(self, version: Version) -> None:
        """Run this from now on."""
        self._wanted = version
        wanted = self._print(version)
        for instance in self.members:
            if instance.fingerprint == wanted:
                instance.become(version)
            else:
                instance.renewable = False
        self._follow()

    def stop(self) -> None:
        """End all instances."""
        self._wanted = None
        for instance in self.members:
            instance.stop()

    async def gone(self) -> None:
        """Wait until no instance is left."""
        await asyncio.gather(*(instance.gone() for instance in self.members))

    async def release(self) -> None:
        """Stop looking after them, and leave them running."""
        self._wanted = None
        await asyncio.gather(*(instance.release() for instance in self.members))
        self._instances.clear()

    def _follow(self) -> None:
        """Make the next moves towards what is wanted."""
        self._stirred = False
        if self._wanted is None:
            return
        wanted = self._print(self._wanted)
        staying = [instance for instance in self.members if not instance.leaving]
        moves = plan(
            [
                Copy(
                    number=instance.number,
                    current=instance.fingerprint == wanted,
                    ready=instance.shown.ready,
                    failed=instance.shown.state is InstanceState.FAILED,
                )
                for instance in staying
            ],
            self._wanted.wanted,
        )
        for _ in range(moves.start):
            self._start(self._wanted)
        for number in moves.stop:
            instance = self._instances[number]
            instance.stop(self._ground.timing.leave_s if instance.shown.ready else 0.0)

    def _start(self, version: Version) -> None:
        number = next(number for number in range(1, len(self._instances) + 2) if number not in self._instances)
        self.place(number, version).begin()

    def _on_gone(self, instance: Member) -> None:
        self._instances.pop(instance.number, None)

    def _on_change(self) -> None:
        self._tell()
        if not self._stirred:
            # Not at once: the change may come from the midst of a move.
            self._stirred = True
            asyncio.get_running_loop().call_soon(self._follow)
