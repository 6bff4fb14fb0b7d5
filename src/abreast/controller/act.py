"""Carry out a decision's wishes; each may safely be carried out twice."""

from collections.abc import Sequence

from abreast.model.errors import DriverError
from abreast.model.service import Instance, InstanceState, Service, Version
from abreast.model.traffic import Backend, Shadowing, Split, Traffic
from abreast.ports import DataKeeper, Driver, Gateway
from abreast.rollout.actions import Action, ContractData, FenceData, OpenData, RunVersion, SetSplit, StopVersion


class Actor:
    """Turns actions into calls of the ports.

    ``hopeless`` remembers versions that the driver refused, and why; ``recording`` is what is copied beside the
    rollout's own wish, for somebody who records requests.
    """

    def __init__(
        self,
        service: Service,
        driver: Driver,
        gateway: Gateway,
        tester_secret: str,
        data: DataKeeper | None = None,
    ) -> None:
        self.service = service
        self._data = data
        self.hopeless: dict[str, str] = {}
        self.recording: Shadowing | None = None
        self._driver = driver
        self._gateway = gateway
        self._tester_secret = tester_secret

    def publish(self, split: Split) -> None:
        """Tell the gateways this split, with the endpoints that are there now."""
        self._gateway.publish(self.traffic(split))

    async def act(self, actions: Sequence[Action]) -> None:
        """All of them in their order: first traffic, then what runs."""
        for action in actions:
            if isinstance(action, SetSplit):
                self.publish(action.split)
            elif isinstance(action, RunVersion):
                await self._run(self._version(action.version))
            elif isinstance(action, StopVersion):
                await self._driver.stop(action.version)
            elif self._data is not None:
                self._keep(self._data, action)

    @staticmethod
    def _keep(data: DataKeeper, action: OpenData | FenceData | ContractData) -> None:
        match action:
            case OpenData():
                data.open(action.stable, action.candidate, expand=action.expand)
            case FenceData():
                data.fence(action.version)
            case ContractData():
                data.contract(action.old, action.new)

    def traffic(self, split: Split) -> Traffic:
        """The split with everything a gateway needs to know."""
        instances = self._driver.instances()
        stable = self._backend(split.stable, instances)
        candidate = self._backend(split.candidate, instances) if split.candidate is not None else None
        service = self.service
        return Traffic(
            service.name,
            split,
            stable,
            candidate,
            service.gateway,
            service.users,
            self._tester_secret,
            self.recording,
        )

    async def _run(self, version: Version) -> None:
        try:
            await self._driver.run(version)
        except DriverError as error:
            self.hopeless[version.name] = error.message
        else:
            self.hopeless.pop(version.name, None)

    def _backend(self, name: str, instances: Sequence[Instance]) -> Backend:
        """The version with its ready instances; with those that were ready if none is, for they may yet answer."""
        own = [each for each in instances if each.version == name]
        ready = [each.endpoint for each in own if each.ready]
        fallback = [each.endpoint for each in own if each.state is InstanceState.UNREADY]
        return Backend(self._version(name), tuple(sorted(ready or fallback)))

    def _version(self, name: str) -> Version:
        """The version of the spec; `abreast up` has made sure that it has every version of the rollout."""
        version = self.service.version(name)
        if version is None:
            message = f"the spec has no version {name!r}"
            raise LookupError(message)
        return version
