"""What a decision asks for: wishes about the world's state, each of which may safely be carried out twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abreast.model.event import Event
from abreast.model.rollout import Rollout
from abreast.model.traffic import Split


@dataclass(frozen=True)
class SetSplit:
    """Every gateway shall split users like this. ``urgent``: publish before anything else is done."""

    split: Split
    urgent: bool = False


@dataclass(frozen=True)
class RunVersion:
    """The wanted number of instances of this version shall run."""

    version: str


@dataclass(frozen=True)
class StopVersion:
    """No instance of this version shall run; no acknowledged snapshot routes to it any more."""

    version: str


@dataclass(frozen=True)
class OpenData:
    """The candidate's side of the data shall be there and may be written; ``expand``: make it if it is not."""

    stable: str
    candidate: str
    expand: bool


@dataclass(frozen=True)
class FenceData:
    """This version shall write nothing any more."""

    version: str


@dataclass(frozen=True)
class ContractData:
    """The old version's side of the data shall be dropped."""

    old: str
    new: str


Action = SetSplit | RunVersion | StopVersion | OpenData | FenceData | ContractData


@dataclass(frozen=True)
class Reply:
    """The answer to one command: whether it was accepted, and one sentence; ``remedy`` when refused.

    ``conflict``: refused because the rollout changed since the writer read it. ``idle``: accepted, and nothing
    had to change for it.
    """

    accepted: bool
    message: str
    remedy: str = ""
    conflict: bool = False
    idle: bool = False


@dataclass(frozen=True)
class Decision:
    """The outcome of one cycle.

    ``wake_at`` is the latest Unix time at which to look again even if nothing happens (None: only when
    something does); ``because`` says in words what it waits for.
    """

    rollout: Rollout
    events: tuple[Event, ...] = ()
    actions: tuple[Action, ...] = ()
    wake_at: float | None = None
    because: str = ""
    replies: Mapping[str, Reply] = field(default_factory=dict)
