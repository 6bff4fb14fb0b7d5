"""Gather the facts of one cycle from the ports, once."""

from collections.abc import Mapping, Sequence

from abreast.model.rollout import Rollout
from abreast.model.service import Service
from abreast.ports import Clock, Comparisons, Counts, Driver, Gateway
from abreast.rollout.observed import Command, Observed


class Observer:
    """Looks at the world through the ports."""

    def __init__(
        self,
        service: Service,
        driver: Driver,
        gateway: Gateway,
        counts: Counts,
        clock: Clock,
        comparisons: Comparisons,
    ) -> None:
        self.service = service
        self._comparisons = comparisons
        self._driver = driver
        self._gateway = gateway
        self._counts = counts
        self._clock = clock

    def observe(
        self, rollout: Rollout, commands: Sequence[Command] = (), hopeless: Mapping[str, str] | None = None
    ) -> Observed:
        """One frozen view for this rollout; ``hopeless`` names versions that cannot be started, with the reason."""
        now = self._clock.now()
        gate = rollout.policy.errors
        return Observed(
            now=now,
            instances=tuple(self._driver.instances()),
            wanted={version.name: version.wanted for version in self.service.versions},
            nodes=tuple(self._gateway.nodes()),
            window=self._counts.tally(max(now - gate.window_s, rollout.attempt_since)),
            step=self._counts.tally(max(rollout.step_since, rollout.weight_since)),
            counting_since=self._counts.since,
            differences=self._comparisons.differences(rollout),
            commands=tuple(commands),
            hopeless=dict(hopeless or {}),
        )
