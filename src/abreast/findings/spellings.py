"""Finds secrets in text however they are spelled: as they are, escaped, encoded, or several of these."""

import html
import json
import re
from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Final, NamedTuple
from urllib.parse import unquote, unquote_to_bytes

SHORTEST: Final = 4
"""Characters of a secret that is searched for: shorter ones are found everywhere."""

_SHORTEST_CODE: Final = 5
"""Characters of a secret's encoding that is searched for."""

_ORDINARY: Final = frozenset({"true", "false", "null"})
"""Words of JSON: they give nothing away, and stand everywhere."""

_LAYERS: Final = 3
"""Escapings within each other that are undone, as of JSON within JSON within HTML."""

_ESCAPE: Final = re.compile(
    r"""(?x)
      (?:%[0-9A-Fa-f]{2})+                                       # percent-encoding
    | (?:\\u[0-9A-Fa-f]{4})+ | \\x[0-9A-Fa-f]{2} | \\[^ux]       # JSON and its like
    | &(?:\#[0-9]{1,7} | \#[xX][0-9A-Fa-f]{1,6} | [A-Za-z]{2,8});  # HTML
    """
)
_HALF_ESCAPE: Final = re.compile(r"(?:%[0-9A-Fa-f]?|\\(?:u[0-9A-Fa-f]{0,3}|x[0-9A-Fa-f]?)?|&[#0-9A-Za-z]{0,8})\Z")
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_CODE: Final = re.compile(r"[A-Za-z0-9+/_=-]*")
_DOCUMENT: Final = re.compile(r"[A-Za-z0-9+/_-]{8,}=*")
_STANDARD: Final = str.maketrans("-_", "+/", "=")


class Needle(NamedTuple):
    """One spelling of a secret: ``code`` when it is an encoding, in which the secret may be only a part."""

    text: str
    secret: str
    code: bool = False


class Span(NamedTuple):
    """Where a secret was found; ``end`` is after it."""

    start: int
    end: int
    secret: str


class Layer(NamedTuple):
    """A text with its escapes undone: piece i begins at ``starts[i]``, and at ``origins[i]`` of the escaped text.

    Both have one more element, for the end. A piece is either unchanged or one escape.
    """

    text: str
    starts: tuple[int, ...]
    origins: tuple[int, ...]

    def origin(self, span: Span) -> Span:
        """The span in the escaped text; an escape that is partly in it is in it."""
        first = bisect_right(self.starts, span.start) - 1
        last = bisect_right(self.starts, span.end - 1) - 1
        start, end = self.origins[first], self.origins[last + 1]
        if self._unchanged(first):
            start += span.start - self.starts[first]
        if self._unchanged(last):
            end -= self.starts[last + 1] - span.end
        return Span(start, end, span.secret)

    def _unchanged(self, piece: int) -> bool:
        length = self.starts[piece + 1] - self.starts[piece]
        return length == self.origins[piece + 1] - self.origins[piece]


def needles(secrets: Iterable[str]) -> tuple[Needle, ...]:
    """All that is to be searched for, the longest first."""
    found: dict[str, Needle] = {}
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) < SHORTEST or secret in _ORDINARY:
            continue
        for text in _readings(secret):
            if len(text) >= SHORTEST:
                found.setdefault(text, Needle(text, secret))
            for code in _codes(text):
                found.setdefault(code, Needle(code, secret, code=True))
    return tuple(sorted(found.values(), key=lambda needle: len(needle.text), reverse=True))


def spans(text: str, wanted: tuple[Needle, ...], *, cut: bool = False) -> list[Span]:
    """Where ``wanted`` are in the text, in order, not overlapping: what overlaps is one, named by the first.

    With ``cut`` the text was cut off somewhere, and its end may be the beginning of a secret.
    """
    found: list[Span] = []
    layers: list[Layer] = []
    for depth in range(_LAYERS + 1):
        if depth:
            layer = _unescaped(text)
            if layer is None:
                break
            layers.append(layer)
            text = layer.text
        for span in _found(text, wanted, cut=cut):
            whole = span
            for below in reversed(layers):
                whole = below.origin(whole)
            found.append(whole)
    return _merged(found)


def _readings(secret: str) -> Iterator[str]:
    """The secret as whoever received it may understand it."""
    for text in (secret, secret.strip(), secret.strip('"')):
        yield text
        yield unquote(text)
        yield unquote(text.replace("+", " "))
        yield text.replace(" ", "+")
        layer = _unescaped(text)
        if layer is not None:
            yield layer.text
    # A header's bytes are read as latin-1 here, but its sender may have meant UTF-8, and the other way round.
    for sent, meant in (("latin-1", "utf-8"), ("utf-8", "latin-1")):
        try:
            yield secret.encode(sent).decode(meant)
        except UnicodeError:
            continue


def _codes(text: str) -> Iterator[str]:
    """Its spellings in base64, wherever in the encoded bytes it stands, and in hexadecimal."""
    raw = text.encode("utf-8", "surrogatepass")
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + raw).decode()
        # Only the characters that depend on nothing but the secret.
        certain = encoded[(0, 2, 3)[shift] : (shift + len(raw)) * 8 // 6]
        if len(certain) >= _SHORTEST_CODE:
            yield certain
            yield certain.replace("+", "-").replace("/", "_")
    yield raw.hex()
    yield raw.hex().upper()


def _found(text: str, wanted: tuple[Needle, ...], *, cut: bool) -> Iterator[Span]:
    for needle in wanted:
        at = text.find(needle.text)
        while at >= 0:
            end = at + len(needle.text)
            if needle.code:
                yield _whole_code(text, at, end, needle.secret)
            elif not _within_number(text, at, end):
                yield Span(at, end, needle.secret)
            at = text.find(needle.text, at + 1)
        if cut:
            yield from _begun(text, needle)
    for document in _DOCUMENT.finditer(text):
        secret = _escaped_within(document.group().translate(_STANDARD), wanted)
        if secret is not None:
            yield Span(document.start(), document.end(), secret)


def _escaped_within(encoded: str, wanted: tuple[Needle, ...]) -> str | None:
    """The first secret that base64 holds with escapes in it, as of a document of JSON; those without are found above.

    What stands before the encoded text may look as if it belonged to it.
    """
    for begin in range(4):
        part = encoded[begin : len(encoded) - ((len(encoded) - begin) % 4 == 1)]
        layer = _unescaped(b64decode(part + "=" * (-len(part) % 4)).decode("utf-8", "replace"))
        for _ in range(_LAYERS):
            if layer is None:
                break
            found = next((each.secret for each in wanted if not each.code and each.text in layer.text), None)
            if found is not None:
                return found
            layer = _unescaped(layer.text)
    return None


def _whole_code(text: str, start: int, end: int, secret: str) -> Span:
    """With all of the encoded text around it: the neighbouring characters hold some of its bits."""
    before = _CODE.match(text[:start][::-1])
    after = _CODE.match(text, end)
    return Span(start - (before.end() if before else 0), after.end() if after else end, secret)


def _within_number(text: str, start: int, end: int) -> bool:
    """Whether digits only happen to stand within a longer number."""
    if not _NUMBER.fullmatch(text, start, end):
        return False
    return text[start - 1 : start].isdigit() or text[end : end + 1].isdigit()


def _begun(text: str, needle: Needle) -> Iterator[Span]:
    """The beginning of it at the end of the text, before half an escape if there is one."""
    half = _HALF_ESCAPE.search(text)
    for end in (len(text), half.start()) if half else (len(text),):
        for length in range(min(len(needle.text) - 1, end), SHORTEST - 1, -1):
            if text.endswith(needle.text[:length], 0, end):
                yield Span(end - length, len(text), needle.secret)
                return


def _merged(found: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged


def _unescaped(text: str) -> Layer | None:
    """The text with one layer of every kind of escape undone; None: there are none."""
    pieces: list[str] = []
    origins: list[int] = []
    end = 0
    for match in _ESCAPE.finditer(text):
        if match.start() > end:
            pieces.append(text[end : match.start()])
            origins.append(end)
        pieces.append(_meant(match.group()))
        origins.append(match.start())
        end = match.end()
    if not end:
        return None
    if end < len(text):
        pieces.append(text[end:])
        origins.append(end)
    starts = accumulate((len(piece) for piece in pieces), initial=0)
    return Layer("".join(pieces), tuple(starts), (*origins, len(text)))


def _meant(escape: str) -> str:
    if escape.startswith("%"):
        raw = unquote_to_bytes(escape)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    if escape.startswith("&"):
        return html.unescape(escape)
    if escape.startswith("\\u"):
        return str(json.loads(f'"{escape}"'))
    return chr(int(f"0{escape[1:]}", base=16)) if escape.startswith("\\x") else _CONTROLS.get(escape[1], escape[1])
