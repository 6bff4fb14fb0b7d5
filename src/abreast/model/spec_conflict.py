"""One disagreement between values that are each sound by themselves."""

from dataclasses import dataclass

from abreast.model.document import Path


@dataclass(frozen=True)
class Conflict:
    """What is wrong at ``path``, what to do, and on which other values (``hangs_on``) that judgement rests.

    When one of those is at fault itself the conflict may vanish with it, so it is not reported.
    """

    path: Path
    message: str
    remedy: str
    hangs_on: tuple[Path, ...] = ()
