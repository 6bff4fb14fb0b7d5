"""Alerts that are only written down."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from abreast.findings.finding import Finding
from abreast.ports import AlertTrial, Change


@dataclass
class FakeAlerts:
    """`abreast.ports.Alerts` in memory: what was ``told``, as (service, number, change)."""

    told: list[tuple[str, int, Change]] = field(default_factory=list)
    open: dict[str, list[int]] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ("well://…",)

    def finding(self, service: str, finding: Finding, change: Change) -> None:
        """Write it down."""
        self.told.append((service, finding.number, change))

    def standing(self, service: str, findings: Sequence[Finding]) -> None:
        """Write down which."""
        self.open[service] = [finding.number for finding in findings]

    @property
    def failures(self) -> Mapping[str, str]:
        """What a test says."""
        return self.failing

    def test(self) -> Sequence[AlertTrial]:
        """Every address that is well, then those that fail."""
        well = [AlertTrial(address, "", 0.01) for address in self.addresses]
        return [*well, *(AlertTrial(*each, 0.02) for each in self.failing.items())]
