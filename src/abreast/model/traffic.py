"""What one gateway is told: which versions get which users, and where their instances are."""

from dataclasses import dataclass

from abreast.model.service import Endpoint, GatewaySettings, UserKey, Version
from abreast.model.units import FULL_WEIGHT


@dataclass(frozen=True)
class Split:
    """Which share of users goes to the candidate: the pure part of `Traffic` that the rollout decides.

    ``weight`` is in hundredths of a percent; ``salt`` moves users' buckets, one per rollout, so that the
    same users are not always the first. Without a candidate everything goes to ``stable``.
    """

    stable: str
    candidate: str | None = None
    weight: int = 0
    salt: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= FULL_WEIGHT:
            message = f"weight {self.weight} is outside 0..{FULL_WEIGHT}"
            raise ValueError(message)
        if self.candidate is None and self.weight:
            message = f"weight {self.weight} without a candidate"
            raise ValueError(message)
        if self.candidate == self.stable:
            message = f"{self.stable!r} on both sides"
            raise ValueError(message)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version that this split can route to, also at weight 0 (testers can force a side)."""
        return (self.stable,) if self.candidate is None else (self.stable, self.candidate)


@dataclass(frozen=True)
class Backend:
    """One version as the gateway sees it: its settings and the endpoints that are ready."""

    version: Version
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True)
class Traffic:
    """Everything a snapshot is made from."""

    service: str
    split: Split
    stable: Backend
    candidate: Backend | None
    gateway: GatewaySettings
    users: tuple[UserKey, ...] = ()
    tester_secret: str = ""

    def __post_init__(self) -> None:
        names = (self.stable.version.name,) + ((self.candidate.version.name,) if self.candidate else ())
        if names != self.split.versions:
            message = f"backends {names} do not match the split's versions {self.split.versions}"
            raise ValueError(message)
