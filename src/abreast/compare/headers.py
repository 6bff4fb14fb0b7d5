"""Headers and trailers: what of them is compared, and how.

Left out: what belongs to one hop (RFC 9110, 7.6.1), what the gateway or chance makes (`MADE_ON_THE_WAY`), and what
follows from the body, which is compared itself: ``content-length`` (but for answers without a body, as to HEAD) and
the value of ``etag`` (not whether there is one). What is left is compared by what it means: the order in lists such
as ``vary``, the case of a charset, or a multipart boundary mean nothing; cookies are told one by one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal

from abreast.compare.model import ABSENT, Answer, Difference, Headers, Kind, Value
from abreast.compare.rules import Compiled

MADE_ON_THE_WAY: Final = ("date", "server", "via", "age", "x-request-id", "x-envoy-*", "x-abreast-*", "traceparent")
"""Headers that are never compared: gateways, caches and clocks make them."""

TELL_STATUS: Final = ("allow", "location", "retry-after", "www-authenticate")
"""Headers that say what a status means: when statuses differ, only these are compared."""

_HOP_BY_HOP: Final = ("connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-*")
_LEFT_OUT: Final = re.compile(
    "|".join(re.escape(name).replace(r"\*", ".*") for name in (*MADE_ON_THE_WAY, *_HOP_BY_HOP)), re.DOTALL
)
_SETS: Final = frozenset({"accept-ranges", "allow", "cache-control", "vary"})
"""Lists in which the order means nothing (so are all that begin with access-control-)."""

_LONGEST_LIST: Final = 4096
"""Characters of a list that is read by member; a longer one is compared as it is."""

_MEMBER: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")+', re.DOTALL)
"""A member of a comma-separated list; commas within quotes belong to it."""

Prefix = Literal["header", "trailer"]


def differences(
    left: Headers, right: Headers, rules: Compiled, prefix: Prefix = "header", *, bodiless: bool = False
) -> Iterator[Difference]:
    """The differences of two heads or two trailers, in the order of the left one's names, then the right one's.

    Paths are ``header:NAME``; for cookies ``header:set-cookie/COOKIE`` (its value) and
    ``header:set-cookie/COOKIE/ATTRIBUTE``. Values are texts, repeated headers joined by commas. ``bodiless``:
    neither answer has a body, so that ``content-length`` is worth comparing.
    """
    if left == right:
        return
    lefts, rights = _comparable(left), _comparable(right)
    for name in dict.fromkeys((*lefts, *rights)):
        mine, others = lefts.get(name, ()), rights.get(name, ())
        if mine == others or (name == "content-length" and not bodiless):
            continue
        if name == "set-cookie":
            yield from _cookie_differences(mine, others, rules, f"{prefix}:{name}")
        elif not _mean_the_same(name, mine, others, rules, prefix):
            yield from _told(f"{prefix}:{name}", _joined(mine), _joined(others), rules)


def telling(answer: Answer) -> Headers:
    """The headers that say what the status means."""
    return tuple((name, value) for name, value in answer.headers if name in TELL_STATUS)


def _comparable(headers: Headers) -> Mapping[str, tuple[str, ...]]:
    """Each name's values; without what is left out."""
    found: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        if not _left_out(name):
            found[name] = (*found[name], value) if name in found else (value,)
    for value in (value for name, value in headers if name == "connection"):
        for named in value.lower().split(","):
            found.pop(named.strip(), None)
    return found


@lru_cache(maxsize=1024)
def _left_out(name: str) -> bool:
    return _LEFT_OUT.fullmatch(name) is not None


def _joined(values: tuple[str, ...]) -> Value:
    return ", ".join(value.strip() for value in values) if values else ABSENT


def _told(path: str, left: Value, right: Value, rules: Compiled) -> Iterator[Difference]:
    if left != right and not rules.ignores(path):
        yield Difference(Kind.HEADER, path, path, left, right)


def _mean_the_same(name: str, left: tuple[str, ...], right: tuple[str, ...], rules: Compiled, prefix: Prefix) -> bool:
    if name == "content-length":
        # No body, and nothing said about its length, is a body of no bytes.
        return (left or ("0",)) == (right or ("0",))
    if not left or not right:
        return False
    if name == "etag":
        return True
    meaning = _meaning(name)
    one, other = rules.masked(meaning(left)), rules.masked(meaning(right))
    return one == other or rules.tolerates(f"{prefix}:{name}", one, other)


def _meaning(name: str) -> Callable[[tuple[str, ...]], str]:
    if name in _SETS or name.startswith("access-control-"):
        return _as_set
    return _as_type if name == "content-type" else _as_list


def _as_list(values: tuple[str, ...]) -> str:
    return ", ".join(value.strip() for value in values)


def _as_set(values: tuple[str, ...]) -> str:
    if sum(map(len, values)) > _LONGEST_LIST:
        return _as_list(values)
    return ", ".join(sorted({member.strip().lower() for member in _MEMBER.findall(",".join(values)) if member.strip()}))


def _as_type(values: tuple[str, ...]) -> str:
    media_type, *parameters = _as_list(values).split(";")
    pairs = (parameter.partition("=") for parameter in parameters if parameter.strip())
    told = sorted(
        f"{name.strip().lower()}={value.strip().strip(chr(34)).lower()}"
        for name, _, value in pairs
        if name.strip().lower() != "boundary"
    )
    return "; ".join((media_type.strip().lower(), *told))


Cookies = Mapping[str, list[tuple[str, Mapping[str, str]]]]
"""Of each name the cookies set: value and attributes."""


def _cookie_differences(
    left: tuple[str, ...], right: tuple[str, ...], rules: Compiled, at: str
) -> Iterator[Difference]:
    lefts, rights = _cookies(left), _cookies(right)
    for cookie in dict.fromkeys((*lefts, *rights)):
        path = f"{at}/{cookie}"
        mine, others = lefts.get(cookie, []), rights.get(cookie, [])
        if len(mine) != len(others):
            yield from _told(path, _values(mine), _values(others), rules)
            continue
        for (value, attributes), (other_value, other_attributes) in zip(mine, others, strict=True):
            if rules.masked(value) != rules.masked(other_value):
                yield from _told(path, value, other_value, rules)
            for name in dict.fromkeys((*attributes, *other_attributes)):
                one, other = attributes.get(name), other_attributes.get(name)
                if one is None or other is None or not rules.tolerates(f"{path}/{name}", one, other):
                    yield from _told(
                        f"{path}/{name}", ABSENT if one is None else one, ABSENT if other is None else other, rules
                    )


def _values(cookies: list[tuple[str, Mapping[str, str]]]) -> Value:
    return ", ".join(value for value, _ in cookies) if cookies else ABSENT


def _cookies(lines: tuple[str, ...]) -> Cookies:
    """Read ``set-cookie`` lines as browsers do (RFC 6265, 5.2)."""
    found: dict[str, list[tuple[str, Mapping[str, str]]]] = {}
    for line in lines:
        pair, *attributes = line.split(";")
        name, _, value = pair.partition("=")
        split = (attribute.partition("=") for attribute in attributes if attribute.strip())
        named = {key.strip().lower(): text.strip() for key, _, text in split}
        found.setdefault(name.strip(), []).append((value.strip(), named))
    return found
