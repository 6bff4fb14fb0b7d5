"""Trees of elements, from XML or HTML, in which equal things have equal numbers.

Two documents that are read with one `Numbers` can be aligned by these numbers, as if by digests, but exactly.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from abreast.compare.rules import Compiled, Place

MAX_DEPTH: Final = 128
"""Elements within each other; HTML is read flat below (browsers do so, too), XML is refused."""
MOST_CHARACTERS: Final = 1_000_000
"""Characters of a document that is read by element at all."""
TEXT: Final = "text()"
"""The step of a path that means an element's text."""

_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
_SPACES: Final = " \t\n\r\f"


class MarkupError(ValueError):
    """The text cannot be read by element; says why, and quotes nothing of it."""


@dataclass(slots=True, eq=False)
class Element:
    """``children`` are elements and texts in order; ``numbers`` are theirs, and ``number`` is its own."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element | str"] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    number: int = -1


class Numbers:
    """Gives equal things equal numbers: equal after the masks, with attributes in any order."""

    def __init__(self, asked: Compiled, *, html: bool) -> None:
        self.asked = asked
        self.html = html
        self._known: dict[tuple[object, ...], int] = {}

    def attribute(self, name: str, value: str) -> str:
        """The value of an attribute as it is compared: masked, and HTML's class as a set."""
        value = " ".join(sorted(set(value.split()))) if self.html and name == "class" else value
        return self.asked.masked(value)

    def of_text(self, text: str) -> int:
        """The number of a text."""
        return self._number((self.asked.masked(text),))

    def of_element(self, element: Element, *, unordered: bool) -> int:
        """The number of an element whose children have theirs."""
        attributes = tuple(sorted((name, self.attribute(name, value)) for name, value in element.attributes.items()))
        children = sorted(element.numbers) if unordered else element.numbers
        return self._number((element.name, attributes, tuple(children)))

    def _number(self, key: tuple[object, ...]) -> int:
        return self._known.setdefault(key, len(self._known))


@dataclass(slots=True)
class Open:
    """An element that has not ended.

    ``verbatim``: space in its texts counts. ``namespace`` is an XML element's.
    """

    element: Element
    place: Place
    verbatim: bool = False
    namespace: str = ""


class Builder:
    """Puts a tree together from starts, texts and ends. What the rules ignore is left out."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers
        self._text: list[str] = []
        self.root = Element("")
        self.open = [Open(self.root, numbers.asked.root)]

    def start(self, name: str, attributes: dict[str, str], *, verbatim: bool, namespace: str = "") -> None:
        """An element begins; ``verbatim`` also holds for all within it."""
        self._end_text()
        parent = self.open[-1]
        place = parent.place.step(name)
        kept = {key: value for key, value in attributes.items() if not place.step(f"@{key}").ignored}
        self.open.append(Open(Element(name, kept), place, parent.verbatim or verbatim, namespace))

    def data(self, text: str) -> None:
        """Text, or a piece of one."""
        self._text.append(text)

    def end(self) -> None:
        """The innermost open element ends."""
        self._end_text()
        ended = self.open.pop()
        element = ended.element
        if element.children:
            self._trim(element, verbatim=ended.verbatim)
        element.numbers = [
            self._numbers.of_text(child) if isinstance(child, str) else child.number for child in element.children
        ]
        element.number = self._numbers.of_element(element, unordered=ended.place.unordered)
        if self.open and not ended.place.ignored:
            self.open[-1].element.children.append(element)

    def finish(self) -> Element:
        """All ends. The whole document is an element without a name."""
        while self.open:
            self.end()
        return self.root

    def _end_text(self) -> None:
        if not self._text:
            return
        text, at = "".join(self._text), self.open[-1]
        self._text.clear()
        if text and not at.place.step(TEXT).ignored:
            at.element.children.append(text if at.verbatim else _SPACE.sub(" ", text))

    @staticmethod
    def _trim(element: Element, *, verbatim: bool) -> None:
        """Leaves out the space between elements, and in HTML that at an element's ends."""
        children = element.children
        if not verbatim:
            if isinstance(children[0], str):
                children[0] = children[0].lstrip(_SPACES)
            if isinstance(children[-1], str):
                children[-1] = children[-1].rstrip(_SPACES)
        if not verbatim or any(isinstance(child, Element) for child in children):
            element.children = [each for each in children if isinstance(each, Element) or each.strip(_SPACES)]


def check_size(text: str) -> None:
    """Raises MarkupError when the text is longer than `MOST_CHARACTERS`."""
    if len(text) > MOST_CHARACTERS:
        raise MarkupError(f"{len(text)} characters of markup; up to {MOST_CHARACTERS} are read by element")
