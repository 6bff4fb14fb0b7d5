"""A driver's surroundings for tests: directories, hurried timing, and a memory of what it told."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from abreast.drivers.instance import ProcessGround
from abreast.drivers.process import ProcessDriver
from abreast.drivers.record import Records
from abreast.drivers.timing import Timing
from abreast.model.service import Instance, InstanceState, Probe, Version
from abreast.ports import Clock, Driver
from abreast.process.identity import home_id
from abreast.process.port import PortPool
from tests.process.programs import PYTHON, SERVER, WallClock

HURRIED = Timing(
    starting_s=0.02,
    backoff_first_s=0.05,
    backoff_most_s=0.2,
    steady_s=60.0,
    leave_s=0.05,
    rotate_s=0.05,
    first_answer_s=1.0,
)

READY = Probe("http", "/ready", interval_s=0.02, timeout_s=0.5)
LIVE = Probe("http", "/live", interval_s=0.02, timeout_s=0.5)


@dataclass
class Stage:
    """``events`` holds (instance id, state, reason) in the order they were told."""

    folder: Path
    timing: Timing = HURRIED
    clock: Clock = field(default_factory=WallClock)
    events: list[tuple[str, InstanceState, str]] = field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        (self.folder / "state").mkdir(exist_ok=True)
        (self.folder / "health").mkdir(exist_ok=True)

    def heard(self, instance: Instance, reason: str) -> None:
        """The driver's ``on_event``."""
        self.events.append((instance.id, instance.state, reason))

    def changed(self) -> None:
        """The driver's ``on_change``."""
        self.changes += 1

    def driver(self) -> ProcessDriver:
        """A driver of this state directory."""
        return ProcessDriver(
            self.folder / "state",
            self.folder / "run",
            self.clock,
            self.changed,
            self.heard,
            "shop",
            random=Random(),
            timing=self.timing,
        )

    def ground(self) -> ProcessGround:
        """What a driver would give its instances."""
        return ProcessGround(
            service="shop",
            home=home_id(self.folder / "state"),
            logs=self.folder / "state" / "logs",
            records=Records(self.folder / "run" / "instances"),
            clock=self.clock,
            random=Random(1),
            ports=PortPool(Random()),
            environ={},
            on_change=self.changed,
            on_event=self.heard,
            timing=self.timing,
        )

    def program(self, text: str, *arguments: object, name: str = "v1") -> Version:
        """A version that runs a Python program with these arguments; ready when something accepts."""
        return Version(
            name,
            run=(*PYTHON, text, *map(str, arguments)),
            cwd=str(self.folder),
            ready=replace(READY, kind="tcp"),
            stop_timeout_s=5.0,
        )

    def server(self, name: str = "v1", instances: int = 1, mark: str = "") -> Version:
        """A version whose health the test sets; another ``mark`` makes another command of it."""
        version = self.program(SERVER, "{port}", self.folder / "health", mark, name=name)
        return replace(version, ready=READY, instances=instances)

    def health(self, name: str, status: int) -> None:
        """Every server answers ``GET /name`` with that status from now on."""
        (self.folder / "health" / name).write_text(str(status))

    def states(self, instance: str) -> list[str]:
        """The states that were told of one instance."""
        return [state.value for id_, state, _ in self.events if id_ == instance]

    def reasons(self, state: InstanceState) -> list[str]:
        """The reasons told with one state."""
        return [reason for _, told, reason in self.events if told is state]


def ready(driver: Driver, name: str = "v1") -> Sequence[Instance]:
    """The ready instances of a version."""
    return [instance for instance in driver.instances() if instance.version == name and instance.ready]


def only(driver: Driver) -> Instance:
    """The one instance there is."""
    (instance,) = driver.instances()
    return instance
