"""Versions that run elsewhere: abreast only asks whether they are well, and routes to them."""

import asyncio
from collections.abc import Callable, Sequence

from abreast.drivers.probe import Ask, ask
from abreast.drivers.status import Status
from abreast.drivers.timing import Timing
from abreast.drivers.watch import Watch
from abreast.model.service import Endpoint, Instance, InstanceState, Version
from abreast.ports import Clock


class _Place:
    """One endpoint under watch."""

    def __init__(self, watch: Watch, status: Status) -> None:
        self.watch = watch
        self.status = status
        self.probing: asyncio.Task[str] | None = None


class ExternalDriver:
    """`abreast.ports.Driver` for versions with ``endpoints``; instances are named ``v1@127.0.0.1:9001``.

    Nothing is started or stopped, so `stop` only forgets, and a liveness probe has nobody to restart.
    """

    def __init__(
        self,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[Instance, str], None],
        *,
        timing: Timing | None = None,
        ask: Ask = ask,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._on_event = on_event
        self._timing = timing or Timing()
        self._ask = ask
        self._places: dict[str, dict[Endpoint, _Place]] = {}

    async def run(self, version: Version) -> None:
        """Watch the version's endpoints; new ones have been asked once when this returns."""
        places = self._places.setdefault(version.name, {})
        for endpoint in set(places) - set(version.endpoints):
            await self._forget(places.pop(endpoint))
        for known in places.values():
            known.watch.version = version
        new = [endpoint for endpoint in version.endpoints if endpoint not in places]
        for endpoint in new:
            places[endpoint] = self._place(version, endpoint)
        await asyncio.gather(*(places[endpoint].watch.first(self._timing.first_answer_s) for endpoint in new))
        for endpoint in new:
            place = places.get(endpoint)
            if place is not None and place.probing is None:
                place.probing = asyncio.create_task(place.watch.readiness(None))

    async def stop(self, name: str) -> None:
        """Forget the version."""
        for place in self._places.pop(name, {}).values():
            await self._forget(place)

    def instances(self) -> Sequence[Instance]:
        """Every endpoint that is watched."""
        return [place.status.instance for places in self._places.values() for place in places.values()]

    async def close(self, *, stop: bool) -> None:  # noqa: ARG002  # there is nothing that could be stopped
        """Forget everything."""
        for name in list(self._places):
            await self.stop(name)

    def _place(self, version: Version, endpoint: Endpoint) -> _Place:
        instance = Instance(
            id=f"{version.name}@{endpoint}",
            version=version.name,
            endpoint=endpoint,
            state=InstanceState.STARTING,
            since=self._clock.now(),
            detail="not asked yet",
        )
        status = Status(instance, self._clock, self._on_change, self._on_event)
        return _Place(Watch(version, status, self._clock, self._timing, self._ask), status)

    async def _forget(self, place: _Place) -> None:
        if place.probing is not None:
            place.probing.cancel()
            await asyncio.wait({place.probing})
        place.status.vanish("not watched any more")
