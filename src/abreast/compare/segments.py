"""Which segments of a path name a thing (17, a UUID, a slug) and become ``{id}``, and which name a kind of thing."""

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

ID: Final = "{id}"
DISTINCT: Final = 50
"""Different values of one segment below the same prefix beyond which the segment is an identifier."""
PLACES: Final = 4_000
"""Prefixes and values that are remembered in all; beyond, an unknown segment is taken for an identifier."""
LONGEST: Final = 100
"""Characters of a segment beyond which it is an identifier."""

_IDENTIFIERS: Final = re.compile(
    r"""(?x)
      [+-]? \d+ (?: [.,] \d+ )?                                             # a number
    | [0-9a-fA-F]{8} (?: - [0-9a-fA-F]{4} ){3} - [0-9a-fA-F]{12}            # a UUID
    | \{ [0-9a-fA-F-]{36} \}                                                # a UUID as Windows says it
    | [0-7] [0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}                             # a ULID
    | (?= [a-fA-F]* \d ) [0-9a-fA-F]{8,}                                    # a hash
    | [a-z]{2,8} _ (?= [A-Za-z]* \d ) [A-Za-z0-9]{8,}                       # a prefixed id, cus_9s6XKzkNRiz8i3
    | \d{4} - \d{2} (?: - \d{2} (?: [T\ ] [0-9:.,]+ (?: Z | [+-] [0-9:]+ )? )? )?  # a date, perhaps with its time
    | [^@\s]+ @ [^@\s]+ \. [^@\s]+                                          # an e-mail address
    """
)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_~+=.-]{20,}")
_SEPARATORS: Final = re.compile(r"[_~+=.-]")
_TURNS: Final = re.compile(r"(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)")
_TURNS_OF_A_TOKEN: Final = 3


def shown(segment: str) -> str:
    """The segment percent-decoded as far as it stays one printable segment: ``%2F`` and ``%0A`` stay as they are."""
    text = unquote(segment, errors="replace") if "%" in segment else segment
    if text.isprintable() and "/" not in text and " " not in text:
        return text
    return "".join(each if each.isprintable() and each not in "/ " else _encoded(each) for each in text)


def _encoded(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def without_identifiers(segment: str) -> str:
    """``{id}`` for an identifier, ``main.{id}.js`` for one between dots, and else the segment (decoded) itself."""
    segment = segment.partition(";")[0] or segment
    if len(segment) > LONGEST or _is_identifier(segment):
        return ID
    pieces = segment.split(".")
    return ".".join(ID if _is_identifier(piece) else piece for piece in pieces) if len(pieces) > 1 else segment


def _is_identifier(text: str) -> bool:
    """Whether the text is of a form that only identifiers have.

    A long random token changes often between digits and letters; a name such as ``oauth2-authorization-server`` or
    ``getCustomerDetailsV2`` hardly ever does.
    """
    if _IDENTIFIERS.fullmatch(text):
        return True
    return bool(_TOKEN.fullmatch(text)) and len(_TURNS.findall(_SEPARATORS.sub("", text))) >= _TURNS_OF_A_TOKEN


@dataclass(slots=True)
class _Place:
    """What was seen below one prefix; ``collapsed``: too much, so that all of it is one identifier."""

    below: dict[str, "_Place"] = field(default_factory=dict)
    collapsed: bool = False

    @property
    def size(self) -> int:
        """Places below this one, however deep (as deep as a path has segments: walked with a list)."""
        waiting, count = list(self.below.values()), 0
        while waiting:
            place = waiting.pop()
            count += 1
            waiting.extend(place.below.values())
        return count


@dataclass(slots=True)
class Segments:
    """Learns which places of a path hold identifiers of no known form: those with many values.

    A place that was found to hold identifiers holds them for good. Memory: `PLACES` short strings.
    """

    _root: _Place = field(default_factory=_Place)
    _remembered: int = 0

    def learned(self, segments: tuple[str, ...]) -> tuple[str, ...]:
        """The segments with ``{id}`` wherever this path, or those before it, showed an identifier."""
        place, found = self._root, list[str]()
        for segment in map(without_identifiers, segments):
            place, name = self._below(place, segment)
            found.append(name)
        return tuple(found)

    def collapsed(self, segments: tuple[str, ...]) -> bool:
        """Whether a name given earlier is one no more: one of its segments is an identifier by now."""
        place = self._root
        for segment in segments:
            if place.collapsed and segment != ID:
                return True
            following = place.below.get(segment)
            if following is None:
                return False
            place = following
        return False

    def _below(self, place: _Place, segment: str) -> tuple[_Place, str]:
        if place.collapsed:
            segment = ID
        following = place.below.get(segment)
        if following is not None:
            return following, segment
        literals = len(place.below) - (ID in place.below)
        if segment != ID and literals >= DISTINCT:
            self._remembered -= place.size
            place.below, place.collapsed, segment = {}, True, ID
        if self._remembered >= PLACES:
            return _Place(collapsed=True), ID
        self._remembered += 1
        following = place.below[segment] = _Place()
        return following, segment
