"""Gather the facts of one cycle from the ports, once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from abreast.model.rollout import Rollout
from abreast.model.service import Service
from abreast.ports import Checks, Clock, Comparisons, Counts, Driver, Gateway, Verdicts
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
        verdicts: Verdicts,
        checks: Checks,
    ) -> None:
        self.service = service
        self._comparisons = comparisons
        self._verdicts = verdicts
        self._checks = checks
        self._driver = driver
        self._gateway = gateway
        self._counts = counts
        self._clock = clock

    def observe(
        self, rollout: Rollout, commands: Sequence[Command] = (), hopeless: Mapping[str, str] | None = None
    ) -> Observed:
        """One frozen view for this rollout; ``hopeless`` names versions that cannot be started, with the reason."""
        now = self._clock.now()
        instances = tuple(self._driver.instances())
        wanted = {version.name: version.wanted for version in self.service.versions}
        ready = sum(each.ready for each in instances if each.version == rollout.candidate)
        self._checks.follow(rollout, ready=ready >= max(1, wanted.get(rollout.candidate or "", 1)))
        observed = Observed(
            now=now,
            instances=instances,
            wanted=wanted,
            nodes=tuple(self._gateway.nodes()),
            step=self._counts.tally(max(rollout.step_since, rollout.weight_since)),
            counting_since=self._counts.since,
            differences=self._comparisons.differences(rollout),
            checks=self._checks.results(),
            commands=tuple(commands),
            hopeless=dict(hopeless or {}),
        )
        return replace(observed, assessment=self._verdicts.assess(rollout, observed))
