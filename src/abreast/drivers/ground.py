"""What all instances of one driver share, and what they report to."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Generic, TypeVar

from abreast.drivers.probe import Ask, ask
from abreast.drivers.timing import Timing
from abreast.model.service import Instance, Version
from abreast.ports import Clock

if TYPE_CHECKING:
    from abreast.drivers.member import Member

M = TypeVar("M", bound="Member")


@dataclass(frozen=True, kw_only=True)
class Ground(ABC, Generic[M]):
    """Each driver has a subclass, which knows how an instance of its kind is made."""

    service: str
    home: str
    logs: Path
    clock: Clock
    random: Random
    on_change: Callable[[], None]
    on_event: Callable[[Instance, str], None]
    timing: Timing = field(default_factory=Timing)
    ask: Ask = ask

    @abstractmethod
    def fingerprint(self, version: Version) -> str:
        """What a running instance must share with the version to be kept."""

    @abstractmethod
    def instance(self, number: int, version: Version, on_gone: Callable[["Member"], None]) -> M:
        """An instance that is not started yet; ``on_gone`` is called at its very end."""
