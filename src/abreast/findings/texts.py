"""What noisy texts look like: fixed tokens stay as they are, varying ones get a class, few values are listed.

What is told of them in words quotes nothing: shapes are learned before anything is redacted.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from abreast.findings import tokens
from abreast.findings.numbers import Latest, NumberShape, Offsets
from abreast.findings.tokens import Cut, Tokens, classes, cut, cut_word, layout, unix_time

_ENUMERATION: Final = 8
"""At most so many distinct texts are an enumeration."""

_ENUMERATION_SEEN: Final = 50
"""Observations before an enumeration is taken for complete."""

_FIXED_LENGTH_SEEN: Final = 8
"""Observations, all of one length, before the length is taken for fixed."""

_LISTED_SEEN: Final = 3
"""Observations of one of them before it matters who gave it."""

_SEVERAL: Final = 2
_DIGITS: Final = 18
_JOINTS: Final = frozenset("-._")


class Characters:
    """Kinds of characters and lengths seen."""

    __slots__ = ("kinds", "longest", "seen", "shortest")

    def __init__(self) -> None:
        self.kinds: frozenset[str] = frozenset()
        self.shortest = self.longest = self.seen = 0

    def learn(self, text: str) -> None:
        """Widen to one more text."""
        if not self.kinds.issuperset(found := classes(text)):
            self.kinds |= found
        self.shortest = min(self.shortest, len(text)) if self.seen else len(text)
        self.longest = max(self.longest, len(text))
        self.seen += 1

    def fits(self, text: str) -> bool:
        """Only kinds that were seen, and a length that was; twice or half of it where lengths vary."""
        if self.shortest == self.longest and self.seen >= _FIXED_LENGTH_SEEN:
            if len(text) != self.longest:
                return False
        elif not (self.shortest + 1) // 2 <= len(text) <= self.longest * 2:
            return False
        return self.kinds.issuperset(classes(text))

    def words(self) -> str:
        """The shape for people."""
        if self.kinds <= {tokens.DIGIT}:
            noun = "digits"
        elif tokens.DIGIT in self.kinds and self.kinds <= {tokens.DIGIT, tokens.HEX_LETTER, tokens.HEX_CAPITAL}:
            noun = "hexadecimal digits"
        elif self.kinds <= {tokens.LETTER, tokens.HEX_LETTER, tokens.CAPITAL, tokens.HEX_CAPITAL}:
            noun = "letters"
        else:
            noun = "characters"
        if self.shortest == self.longest:
            return f"{self.longest} {noun}"
        return f"{self.shortest} to {self.longest} {noun}"


class Slot:
    """One token's place in texts of one structure."""

    __slots__ = ("_characters", "_fine", "_latest", "_layouts", "_number", "_offsets", "kind", "literal")

    def __init__(self, kind: str, text: str, *, fine: bool) -> None:
        self.kind = kind
        self.literal: str | None = text
        """The token, as long as all of stable's texts have the same one here."""
        self._latest = Latest()
        self._characters = Characters()
        self._layouts: set[str] = set()
        self._offsets = Offsets()
        self._number: NumberShape | None = NumberShape() if kind == tokens.WORD else None
        self._fine = Template(cut_word) if fine and kind == tokens.WORD else None

    def fits(self, text: str, at: float) -> bool:
        """Whether ``text``, a token of this kind, could be one of stable's."""
        if self.literal is not None:
            return text == self.literal
        if self.kind == tokens.TIME:
            moment = unix_time(text)
            in_layout = moment is not None and layout(text) in self._layouts
            return in_layout and (not self._latest.varies or self._offsets.near((moment or 0.0) - at))
        if self.kind == tokens.UUID:
            return self._characters.kinds.issuperset(classes(text))
        if self.kind in {tokens.REDACTED, tokens.ADDRESS} or not self._latest.varies:
            return True
        if self._number is not None:
            return _is_number(text) and self._number.fits(int(text), at)
        return self._fine.fits(text, at) if self._fine else self._characters.fits(text)

    def learn(self, text: str, instance: str, at: float) -> None:
        """Widen to one of stable's."""
        if text != self.literal:
            self.literal = None
        if self.kind == text:
            return  # a mark: its kind is its text
        self._latest.note(instance, text)
        self._characters.learn(text)
        if self.kind == tokens.TIME:
            self._layouts.add(layout(text))
            moment = unix_time(text)
            if moment is not None:
                self._offsets.learn(moment - at)
        elif self.kind == tokens.WORD:
            if self._number is not None and _is_number(text):
                self._number.learn(int(text), instance, at)
            else:
                self._number = None
            if self._fine is not None:
                self._fine.learn(text, instance, at)

    def words(self) -> str:
        """The shape for people."""
        if self.literal is not None:
            return "a text that is always the same"
        if self.kind == tokens.TIME:
            return "a timestamp near now" if self._latest.varies else "a timestamp, other in each process"
        known = {tokens.UUID: "a UUID", tokens.ADDRESS: "an IP address", tokens.REDACTED: "a redacted value"}
        if self.kind in known:
            return known[self.kind]
        if self._number is not None:
            return self._number.words()
        if not self._latest.varies:
            return "a word, other in each process"
        return self._fine.words() if self._fine is not None else self._characters.words()


class Template:
    """The structure that all texts share, with a `Slot` for each token; where structures differ: characters only."""

    __slots__ = ("_characters", "_cut", "_kinds", "_latest", "_slots")

    def __init__(self, how: Cut) -> None:
        self._cut = how
        self._characters = Characters()
        self._latest = Latest()
        self._kinds: tuple[str, ...] = ()
        self._slots: list[Slot] | None = []

    def fits(self, text: str, at: float) -> bool:
        """Whether ``text`` could be one of stable's."""
        if self._slots is None:
            return self._fits_loosely(text)
        found = self._tokens(text)
        return self._kinds == found.kinds and all(
            token == slot.literal or slot.fits(token, at) for slot, token in zip(self._slots, found.texts, strict=True)
        )

    def _fits_loosely(self, text: str) -> bool:
        if self._latest.varies:
            return self._characters.fits(text)
        return bool(text) and classes(text) <= self._characters.kinds | tokens.ALPHANUMERIC | _JOINTS

    def learn(self, text: str, instance: str, at: float) -> None:
        """Widen to one of stable's."""
        first = not self._characters.seen
        self._characters.learn(text)
        self._latest.note(instance, text)
        if self._slots is None:
            return
        found = self._tokens(text)
        if first:
            fine = self._cut is cut
            self._kinds = found.kinds
            self._slots = [Slot(kind, token, fine=fine) for kind, token in zip(found.kinds, found.texts, strict=True)]
        if not found.kinds or self._kinds != found.kinds:
            self._slots = None
            return
        for slot, token in zip(self._slots, found.texts, strict=True):
            slot.learn(token, instance, at)

    def _tokens(self, text: str) -> Tokens:
        return self._cut(text) if len(text) <= tokens.LONGEST_TEXT else Tokens()

    def words(self) -> str:
        """The shape for people: `a UUID`, `a text with 8 hexadecimal digits in it`."""
        if self._slots is None:
            return self._characters.words() if self._latest.varies else "a text, other in each process"
        if len(self._slots) == 1:
            return self._slots[0].words()
        varying = dict.fromkeys(slot.words() for slot in self._slots if slot.literal is None)
        return f"a text with {' and '.join(varying)} in it"


@dataclass(slots=True)
class _Listed:
    """One text of few: how often it was seen, and from whom (two instances are enough to know)."""

    count: int = 0
    givers: set[str] = field(default_factory=set)

    def learn(self, instance: str) -> None:
        self.count += 1
        if len(self.givers) < _SEVERAL:
            self.givers.add(instance)


class TextShape:
    """What stable's texts at one place have in common. Fitting is asked before learning."""

    __slots__ = ("_all", "_latest", "_listed", "_template", "enumeration")

    def __init__(self) -> None:
        self._template = Template(cut)
        self._latest = Latest()
        self._all = _Listed()
        self._listed: dict[str, _Listed] | None = {}
        self.enumeration: Collection[str] = ()
        """All the texts there are, if they are few and known; else empty."""

    def _enumerated(self) -> Collection[str]:
        """Each text, but for the rarest, must come from two instances, where there are two: or it is a process's."""
        listed = self._listed
        if listed is None or self._all.count < _ENUMERATION_SEEN or not self._latest.varies:
            return ()
        wanted = len(self._all.givers)
        return (
            listed if all(len(each.givers) >= wanted for each in listed.values() if each.count >= _LISTED_SEEN) else ()
        )

    def count(self, text: str) -> int:
        """How often one of an enumeration was seen; 0 when this is none."""
        return self._listed[text].count if self._listed is not None and text in self.enumeration else 0

    def fits(self, text: str, at: float) -> bool:
        """Whether ``text``, answered about ``at`` (Unix s), could be one of stable's."""
        listed = self.enumeration
        return text in listed if listed else self._template.fits(text, at)

    def learn(self, text: str, instance: str, at: float) -> None:
        """Widen to one of stable's."""
        self._all.learn(instance)
        self._latest.note(instance, text)
        self._template.learn(text, instance, at)
        if self._listed is None:
            return
        self._listed.setdefault(text, _Listed()).learn(instance)
        if len(self._listed) > _ENUMERATION or len(text) > tokens.LONGEST_TEXT:
            self._listed = None
        self.enumeration = self._enumerated()

    def words(self) -> str:
        """The shape for people."""
        return f"one of {len(self.enumeration)} texts" if self.enumeration else self._template.words()


def _is_number(text: str) -> bool:
    return len(text) <= _DIGITS and text.isascii() and text.isdecimal()
