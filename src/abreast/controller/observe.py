"""Gather the facts of one cycle from the ports, once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from abreast.model.group import Heard
from abreast.model.rollout import Rollout
from abreast.model.service import Instance, Service, Version
from abreast.ports import Checks, Clock, Comparisons, Counts, Driver, Gateway, Verdicts
from abreast.rollout.observed import Command, DataState, Observed


class DataFacts(Protocol):
    """The database of both versions: who has the hand in it, or who only knows what it said."""

    def state(self) -> DataState | None:
        """What it says; None before it has answered."""


class Members(Protocol):
    """The other members of the release group, asked in the background."""

    def heard(self) -> Mapping[str, Heard] | None:
        """What each said last, by its service's name; None without a group."""

    async def refreshed(self) -> None:
        """Ask everybody now, and wait a moment until they have answered or failed to."""


@dataclass
class Observer:
    """Looks at the world through the ports.

    ``data`` is None for a service without data of its own, ``members`` where nobody asks for a release group.
    """

    service: Service
    driver: Driver
    gateway: Gateway
    counts: Counts
    clock: Clock
    comparisons: Comparisons
    verdicts: Verdicts
    checks: Checks
    data: DataFacts | None = None
    members: Members | None = None

    def observe(
        self, rollout: Rollout, commands: Sequence[Command] = (), hopeless: Mapping[str, str] | None = None
    ) -> Observed:
        """One frozen view for this rollout; ``hopeless`` names versions that cannot be started, with the reason."""
        now = self.clock.now()
        instances = tuple(self.driver.instances())
        wanted = {version.name: _wanted(version, instances) for version in self.service.versions}
        ready = sum(each.ready for each in instances if each.version == rollout.candidate)
        self.checks.follow(rollout, ready=ready >= max(1, wanted.get(rollout.candidate or "", 1)))
        observed = Observed(
            now=now,
            instances=instances,
            wanted=wanted,
            nodes=tuple(self.gateway.nodes()),
            silent=tuple(self.gateway.silent()),
            step=self.counts.tally(max(rollout.step_since, rollout.weight_since)),
            counting_since=self.counts.since,
            differences=self.comparisons.differences(rollout),
            checks=self.checks.results(),
            data=self.data.state() if self.data else None,
            group=self.members.heard() if self.members else None,
            commands=tuple(commands),
            hopeless=dict(hopeless or {}),
        )
        return replace(observed, assessment=self.verdicts.assess(rollout, observed))


def _wanted(version: Version, instances: Sequence[Instance]) -> int:
    """How many should be ready; of a version whose endpoints are looked up all that were found."""
    found = sum(each.version == version.name for each in instances) if version.registry else 0
    return max(version.wanted, found)
