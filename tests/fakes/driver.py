"""A driver without processes: instances become ready, fail and stop as a test says, by its clock."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from abreast.model.errors import DriverError
from abreast.model.service import Endpoint, Instance, InstanceState, Version
from abreast.ports import Clock


@dataclass
class _Copy:
    """One instance and when its present wait ends (Unix seconds)."""

    instance: Instance
    command: tuple[object, ...]
    due: float


@dataclass
class FakeDriver:
    """`abreast.ports.Driver` in a test's hands.

    Instances are ready ``start_s`` after their start unless their version is in ``sick``; stopped ones are gone
    after ``stop_s``. A version in ``hopeless`` cannot be run. Time passes only as ``clock`` says.
    """

    clock: Clock
    start_s: float = 1.0
    stop_s: float = 1.0
    hopeless: set[str] = field(default_factory=set)
    sick: set[str] = field(default_factory=set)
    calls: list[tuple[str, str]] = field(default_factory=list)
    _wanted: dict[str, Version] = field(default_factory=dict)
    _copies: dict[str, _Copy] = field(default_factory=dict)
    _pid: int = 1000

    async def run(self, version: Version) -> None:
        """As the port says."""
        self.calls.append(("run", version.name))
        if version.name in self.hopeless:
            raise DriverError(f"there is no command for {version.name!r}", "install it")
        self._wanted[version.name] = version
        self._pass()

    async def stop(self, name: str) -> None:
        """As the port says."""
        self.calls.append(("stop", name))
        self._pass()
        self._wanted.pop(name, None)
        for copy in self._of(name):
            self._leave(copy)
        self._pass()

    def instances(self) -> Sequence[Instance]:
        """As the port says."""
        self._pass()
        return [copy.instance for copy in self._copies.values()]

    async def close(self, *, stop: bool) -> None:
        """As the port says; what is left running is simply forgotten."""
        self.calls.append(("close", "stop" if stop else "leave"))
        self._wanted.clear()
        self._copies.clear()

    def kill(self, instance: str) -> None:
        """The instance ends by itself; it is ready again after twice the time of a start."""
        self._pass()
        copy = self._copies[instance]
        copy.instance = replace(
            copy.instance, state=InstanceState.FAILED, since=self.clock.now(), detail="killed by SIGKILL"
        )
        copy.due = self.clock.now() + self.start_s

    def stopping(self, instance: Instance) -> bool:
        """Whether it is on its way out."""
        return instance.state is InstanceState.STOPPING

    def _of(self, name: str) -> Sequence[_Copy]:
        return [copy for copy in self._copies.values() if copy.instance.version == name]

    def _leave(self, copy: _Copy) -> None:
        if copy.instance.state is not InstanceState.STOPPING:
            self._turn(copy, InstanceState.STOPPING, "SIGTERM")
            copy.due = self.clock.now() + self.stop_s

    def _turn(self, copy: _Copy, state: InstanceState, detail: str) -> None:
        copy.instance = replace(copy.instance, state=state, since=self.clock.now(), detail=detail)

    def _pass(self) -> None:
        """Let happen what was due by now, and what follows from it."""
        for copy in list(self._copies.values()):
            self._pass_one(copy)
        for version in list(self._wanted.values()):
            self._follow(version)

    def _pass_one(self, copy: _Copy) -> None:
        instance = copy.instance
        due = self.clock.now() >= copy.due
        sick = instance.version in self.sick
        if instance.state is InstanceState.STOPPING and due:
            del self._copies[instance.id]
        elif instance.state is InstanceState.FAILED and due:
            self._pid += 1
            copy.instance = replace(instance, pid=self._pid, restarts=instance.restarts + 1)
            self._turn(copy, InstanceState.STARTING, "started again")
            copy.due = self.clock.now() + self.start_s
        elif instance.state is InstanceState.READY and sick:
            self._turn(copy, InstanceState.UNREADY, "GET / answered 503, 3 times in a row")
        elif (instance.state is InstanceState.UNREADY and not sick) or (
            instance.state is InstanceState.STARTING and due and not sick
        ):
            self._turn(copy, InstanceState.READY, "GET / answered 200")

    def _follow(self, version: Version) -> None:
        """Start what is missing, and stop what is outdated once that is ready, or is too many."""
        command = (version.run, version.env, version.cwd)
        staying = [copy for copy in self._of(version.name) if copy.instance.state is not InstanceState.STOPPING]
        current = [copy for copy in staying if version.external or copy.command == command]
        if version.external:
            self._follow_endpoints(version, current)
            return
        for _ in range(version.wanted - len(current)):
            self._start(version, self._free_id(version.name), Endpoint("127.0.0.1", 20_000 + self._pid))
        for copy in current[version.wanted :]:
            self._leave(copy)
        if sum(copy.instance.ready for copy in current) >= version.wanted:
            for copy in staying:
                if copy not in current:
                    self._leave(copy)

    def _follow_endpoints(self, version: Version, staying: Sequence[_Copy]) -> None:
        for copy in staying:
            if copy.instance.endpoint not in version.endpoints:
                self._leave(copy)
        known = [copy.instance.endpoint for copy in staying]
        for endpoint in version.endpoints:
            if endpoint not in known:
                self._start(version, f"{version.name}@{endpoint}", endpoint)

    def _free_id(self, name: str) -> str:
        numbers = range(1, len(self._copies) + 2)
        return next(f"{name}-{number}" for number in numbers if f"{name}-{number}" not in self._copies)

    def _start(self, version: Version, id_: str, endpoint: Endpoint) -> None:
        self._pid += 1
        now = self.clock.now()
        pid = None if version.external else self._pid
        instance = Instance(id_, version.name, endpoint, InstanceState.STARTING, now, "started", pid=pid)
        self._copies[id_] = _Copy(instance, (version.run, version.env, version.cwd), now + self.start_s)
