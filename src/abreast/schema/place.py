"""Where in a migration's file something was written."""

from dataclasses import dataclass, field
from typing import Final

from abreast.model.document import dotted
from abreast.model.errors import Fault


@dataclass(frozen=True)
class Place:
    """Where something was written: ``file``, 1-based ``line``, dotted ``path`` (``operations[2].alter_column``).

    ``inside`` has the places of what is below, by their dotted path from here: ``columns[0].name``.
    """

    file: str
    line: int
    path: str
    inside: tuple[tuple[str, "Place"], ...] = field(default=(), compare=False, repr=False)

    def at(self, *keys: str | int) -> "Place":
        """The place of what stands under ``keys``; of what is absent, its path and the line of what would hold it."""
        known = dict(self.inside)
        for length in range(len(keys), 0, -1):
            held = known.get(dotted(keys[:length]))
            if held:
                rest = dotted(keys[length:])
                return Place(self.file, held.line, _joined(held.path, rest))
        return Place(self.file, self.line, _joined(self.path, dotted(keys)))

    def fault(self, message: str, remedy: str) -> Fault:
        """A fault of what stands here."""
        return Fault(self.file, self.line, self.path, message, remedy)


def _joined(path: str, rest: str) -> str:
    return path + ("" if not rest or rest.startswith("[") or not path else ".") + rest


NOWHERE: Final = Place("", 0, "")
"""The place of an operation that no file holds."""
