"""Other members of a release group that say what a test has them say."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abreast.model.group import Heard


@dataclass
class FakeMembers:
    """`abreast.controller.observe.Members`: ``said`` is heard; ``late`` becomes it once everybody was asked anew."""

    said: dict[str, Heard] | None = field(default_factory=dict)
    late: dict[str, Heard] = field(default_factory=dict)
    asked: int = 0

    def heard(self) -> Mapping[str, Heard] | None:
        """As the port says."""
        return None if self.said is None else dict(self.said)

    async def refreshed(self) -> None:
        """As the port says."""
        self.asked += 1
        if self.said is not None:
            self.said |= self.late
