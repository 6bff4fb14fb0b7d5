"""A database that remembers what was wished of it."""

from dataclasses import dataclass, field

from abreast.ports import DataKeeper
from abreast.rollout.observed import DataState


@dataclass
class FakeData(DataKeeper):
    """``said`` is what the test lets it say; ``wishes`` are the wishes in their order, in words."""

    said: DataState | None = None
    wishes: list[str] = field(default_factory=list)

    def state(self) -> DataState | None:
        return self.said

    def open(self, stable: str, candidate: str, *, expand: bool) -> None:
        self.wishes.append(f"open {candidate} beside {stable}" + (", expanded" if expand else ""))

    def fence(self, version: str) -> None:
        self.wishes.append(f"fence {version}")

    def contract(self, old: str, new: str) -> None:
        self.wishes.append(f"drop {old} for {new}")
