"""Release groups: who belongs to one, where the others answer, and what each says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Literal

from abreast.model.rollout import Phase

FORMAT: Final = 1
"""The version of what members tell each other; a member of another one is not understood."""


class Stage(StrEnum):
    """How far a member is in the group's attempt; each stage holds all that the ones before it hold.

    - *walking*: its steps, or it has not begun them.
    - *ready*: it stands before its promotion with every gate proven, or is past it.
    - *baked*: its bake is over, or it is past that.
    - *retiring*: no gate sends its users back any more.
    - *released*: its old version has left the gateway for good: it goes back only after another one that has not.
    """

    WALKING = "walking"
    READY = "ready"
    BAKED = "baked"
    RETIRING = "retiring"
    RELEASED = "released"

    def reached(self, other: "Stage") -> bool:
        """Whether it is as far as the other one."""
        return _STAGES.index(self) >= _STAGES.index(other)


_STAGES: Final = tuple(Stage)


@dataclass(frozen=True)
class MemberAddress:
    """Where another member's API answers: ``url`` with a viewer's ``token``, or a ``path`` on this machine.

    The path is absolute: a socket (``….sock``), or the directory of the member's spec.
    """

    url: str = ""
    token: str = field(default="", repr=False)
    path: str = ""


@dataclass(frozen=True)
class GroupSettings:
    """The group as this service's spec has it: ``members`` are all others by their services' names."""

    name: str
    order: tuple[str, ...]
    members: Mapping[str, MemberAddress]


@dataclass(frozen=True)
class Standing:
    """What a member says of itself, and all that the others know of it. No time of its own clock is in it.

    - ``attempt``: which attempt of the group it has begun last; ``alone``: its present rollout is not part of it.
    - ``phase_s``: for how many seconds it has been in its phase.
    - ``because``: what it waits for; ``reason``: why it is in its phase.
    """

    format: Literal[1]
    service: str
    group: str
    order: tuple[str, ...]
    attempt: int
    alone: bool
    phase: Phase
    phase_s: float
    stage: Stage
    because: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Heard:
    """What a member said last, if ever; ``at``: when it was asked for that, in Unix seconds of this machine.

    ``trouble`` says why it has not answered since; empty if it has.
    """

    said: Standing | None = None
    at: float = 0.0
    trouble: str = ""
