"""What one instance shows of itself, and who is told when that changes."""

from collections.abc import Callable
from dataclasses import replace

from abreast.model.service import Endpoint, Instance, InstanceState
from abreast.ports import Clock


class Status:
    """The present `Instance`, replaced whole at each change.

    ``on_event`` hears of changes of state, each with its reason; ``on_change`` of these and of new endpoints.
    """

    def __init__(
        self,
        instance: Instance,
        clock: Clock,
        on_change: Callable[[], None],
        on_event: Callable[[Instance, str], None],
    ) -> None:
        self.instance = instance
        self.ready_s: float | None = None
        """The longest it has been ready without a break since its last start; None if it has not been."""
        self._clock = clock
        self._on_change = on_change
        self._on_event = on_event

    @property
    def state(self) -> InstanceState:
        """The present state."""
        return self.instance.state

    @property
    def age_s(self) -> float:
        """Since when it is in that state."""
        return self._clock.now() - self.instance.since

    def turn(self, state: InstanceState, detail: str) -> None:
        """Enter a state, for the reason ``detail``; being in it already only the detail changes."""
        if state is self.state:
            self.note(detail)
            return
        if self.state is InstanceState.READY:
            self.ready_s = max(self.ready_s or 0.0, self.age_s)
        self.instance = replace(self.instance, state=state, detail=detail, since=self._clock.now())
        self._on_event(self.instance, detail)
        self._on_change()

    def start(self, endpoint: Endpoint, pid: int | None, restarts: int, detail: str) -> None:
        """A new process stands behind it."""
        self.ready_s = None
        self.instance = replace(self.instance, endpoint=endpoint, pid=pid, restarts=restarts)
        if self.state is InstanceState.STARTING:
            self.instance = replace(self.instance, detail=detail, since=self._clock.now())
            self._on_event(self.instance, detail)
            self._on_change()
        else:
            self.turn(InstanceState.STARTING, detail)

    def note(self, detail: str) -> None:
        """Say more about the present state."""
        self.instance = replace(self.instance, detail=detail)

    def vanish(self, reason: str) -> None:
        """It is gone."""
        self._on_event(self.instance, reason)
        self._on_change()
