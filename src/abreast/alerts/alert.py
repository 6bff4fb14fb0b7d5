"""What is told of a finding: no value of a sample, beyond the finding's own title, which is redacted."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from abreast.compare.model import Kind
from abreast.findings.finding import Finding
from abreast.ports import Change

_WORDS: Final[dict[Change, str]] = {
    "new": "the candidate answers differently",
    "reopened": "a difference is back",
    "accepted": "a difference is accepted",
    "resolved": "a difference is gone",
}

OVER: Final[frozenset[Change]] = frozenset({"accepted", "resolved"})
"""Changes after which a finding wants nobody's attention."""


class Name(NamedTuple):
    """Which finding an alert is about: numbers begin anew with each rollout."""

    service: str
    rollout: int
    number: int


@dataclass(frozen=True)
class Alert:
    """One change of one finding. ``at`` is when it was first seen, ``told_at`` when this is said, in Unix seconds."""

    name: Name
    change: Change
    endpoint: str
    kind: Kind
    title: str
    link: str
    at: float
    told_at: float

    @classmethod
    def of(cls, service: str, finding: Finding, change: Change, link: str, now: float) -> "Alert":
        """The alert of a finding; ``{finding}`` in the link becomes its number."""
        return cls(
            name=Name(service, finding.rollout, finding.number),
            change=change,
            endpoint=finding.endpoint,
            kind=finding.leading.kind,
            title=finding.title,
            link=link.replace("{finding}", str(finding.number)),
            at=finding.first_at,
            told_at=now,
        )

    @property
    def over(self) -> bool:
        """Whether it ends what an earlier alert began."""
        return self.change in OVER

    @property
    def headline(self) -> str:
        """Service, number and what became of it, in one line."""
        return f"{self.name.service}: {_WORDS[self.change]} (finding {self.name.number})"

    @property
    def body(self) -> str:
        """The title, since when, and where to look, one a line."""
        since = timestamp(self.at)
        return "\n".join([self.title, f"since {since}, in rollout {self.name.rollout}", f"see {self.link}"])


def timestamp(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
