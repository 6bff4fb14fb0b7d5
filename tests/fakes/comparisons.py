"""What comparing has shown, as a test says."""

from abreast.model.rollout import Rollout
from abreast.rollout.observed import Differences


class FakeComparisons:
    """Implements `abreast.ports.Comparisons`: ``seen`` is the same for every rollout."""

    def __init__(self, seen: Differences | None = None) -> None:
        self.seen = seen or Differences()

    def differences(self, rollout: Rollout) -> Differences:
        """What the test put there."""
        del rollout
        return self.seen
