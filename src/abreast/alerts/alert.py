"""What is told: a cause, or a finding of which no value of a sample is told beyond its title, which is redacted."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from abreast.compare.model import Kind
from abreast.findings.finding import Finding
from abreast.ports import Change

Said = Change | Literal["known", "reminder"]
"""Why it is told. ``known``: it stands since before the control plane's start; ``reminder``: it still stands."""

Severity = Literal["critical", "warning", "info"]

FINDING: Final = "finding"
"""The cause that a finding is."""

TEST: Final = "test"
"""The cause of `abreast alerts test`."""

TEST_S: Final = 60.0
"""When a test's alert is over where alerts stand."""

GRAVE: Final = Kind.STATUS.risk
"""Differences of this risk or a graver one are critical, the others a warning."""

OVER: Final[frozenset[Said]] = frozenset({"accepted", "resolved"})
"""Said when it wants nobody's attention any more."""

_LONGEST: Final = 1000
"""Characters of a title; Envoy's words about a refused snapshot may have many more."""

_FINDINGS: Final[dict[Said, str]] = {
    "new": "the candidate answers differently",
    "known": "the candidate answers differently",
    "reminder": "the candidate answers differently",
    "reopened": "a difference is back",
    "accepted": "a difference is accepted",
    "resolved": "a difference is gone",
}
_CAUSES: Final[dict[Said, str]] = {"reminder": "still: ", "resolved": "over: ", "reopened": "again: "}


class Name(NamedTuple):
    """What an alert is about. Of a finding ``subject`` is its number, which begins anew with each rollout."""

    service: str
    rollout: int
    cause: str
    subject: str


@dataclass(frozen=True)
class Alert:
    """One thing to tell. ``at`` is when it began, ``told_at`` when this is said, in Unix seconds.

    ``words`` is what is the matter in a few words, ``title`` in a sentence, ``link`` a command or an address to look
    at, ``labels`` what else tells it from others.
    """

    name: Name
    change: Said
    severity: Severity
    words: str
    title: str
    link: str
    at: float
    told_at: float
    labels: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if len(self.title) > _LONGEST:
            object.__setattr__(self, "title", f"{self.title[: _LONGEST - 1]}…")

    @classmethod
    def of(cls, service: str, finding: Finding, change: Change, link: str, now: float) -> "Alert":
        """The alert of a finding; ``{finding}`` in the link becomes its number."""
        kind = finding.leading.kind
        return cls(
            name=Name(service, finding.rollout, FINDING, str(finding.number)),
            change=change,
            severity="critical" if kind.risk <= GRAVE else "warning",
            words=_FINDINGS["new"],
            title=finding.title,
            link=link.replace("{finding}", str(finding.number)),
            at=finding.first_at,
            told_at=now,
            labels=(("finding", str(finding.number)), ("endpoint", finding.endpoint), ("kind", kind.value)),
        )

    @classmethod
    def test(cls, service: str, now: float) -> "Alert":
        """An alert that says that it is none."""
        return cls(
            name=Name(service, 0, TEST, ""),
            change="new",
            severity="info",
            words="a test of the alerts",
            title="this is a test of the alerts: nothing is wrong",
            link="abreast alerts test",
            at=now,
            told_at=now,
        )

    @property
    def over(self) -> bool:
        """Whether it ends what an earlier alert began."""
        return self.change in OVER

    @property
    def headline(self) -> str:
        """Service, what is the matter, and what became of it, in one line."""
        if self.name.cause == FINDING:
            return f"{self.name.service}: {_FINDINGS[self.change]} (finding {self.name.subject})"
        return f"{self.name.service}: {_CAUSES.get(self.change, '')}{self.words}"

    @property
    def body(self) -> str:
        """The title, since when, and where to look, one a line."""
        since = timestamp(self.at)
        where = f", in rollout {self.name.rollout}" if self.name.rollout else ""
        return "\n".join([self.title, f"since {since}{where}", f"see {self.link}"])


def timestamp(at: float) -> str:
    """Unix seconds as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
