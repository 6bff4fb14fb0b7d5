"""Answers of queries and webhooks that a test gives itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abreast.model.checks import Check
from abreast.model.rollout import Rollout


@dataclass
class FakeChecks:
    """`abreast.ports.Checks`: ``answers`` are what was answered last, ``followed`` every state that was told."""

    answers: dict[str, Check] = field(default_factory=dict)
    followed: list[tuple[Rollout, bool]] = field(default_factory=list)

    def follow(self, rollout: Rollout, *, ready: bool) -> None:
        """As the port says."""
        self.followed.append((rollout, ready))

    def results(self) -> Mapping[str, Check]:
        """As the port says."""
        return dict(self.answers)
