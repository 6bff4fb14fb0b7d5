"""How the values are written that say whom to ask about a rollout: addresses, queries, bounds."""

import difflib
import re
from typing import Final
from urllib.parse import urlsplit

from abreast.model.checks import PLACEHOLDERS, placeholders, public_address
from abreast.model.spec_values import Written, refuse, show

HTTP_PATTERN: Final = r"^([Hh][Tt][Tt][Pp][Ss]?://\S+|.*\$\{.*)$"
NAME_PATTERN: Final = r"^[A-Za-z0-9][-A-Za-z0-9_. ]{0,59}$"
LONGEST_QUERY: Final = 10_000
LARGEST: Final = 1e300

_SCHEMES: Final = frozenset({"http", "https"})
_PLAIN: Final = 20
"""Characters of a text that is no URL and yet shown: a word, a host."""


def http_url(example: str) -> Written:
    """An http or https URL; ``${NAME}`` in it is replaced later, so that tokens need not be in the file."""

    def read(found: object) -> str:
        if isinstance(found, str) and "${" in found:
            return found
        return checked_http_url(found, example)

    return Written(read, {"type": "string", "pattern": HTTP_PATTERN, "examples": [example]})


def checked_http_url(found: object, example: str = "https://HOST/path") -> str:
    """The URL, if it is one. A refusal shows no more of it than scheme, host and port."""
    remedy = f"write one such as {example}"
    if not isinstance(found, str) or re.search(r"\s", found) or "://" not in found:
        refuse(f"{_shown(found)} is no URL", remedy)
    try:
        parts = urlsplit(found)
        port = parts.port
    except ValueError:
        refuse(f"{_shown(found)} is no URL: its host or port makes no sense", remedy)
    if parts.scheme.lower() not in _SCHEMES:
        refuse(f"{_shown(found)} is no URL of http or https", remedy)
    if not parts.hostname or port == 0:
        refuse(f"{_shown(found)} names no host", remedy)
    if parts.fragment:
        refuse(f"{_shown(found)}: what follows # is never sent", "leave it out")
    return found


def _shown(found: object) -> str:
    """What may be told of it: its path and its user may be secret."""
    if not isinstance(found, str):
        return show(found)
    if "://" not in found:
        return show(found) if len(found) <= _PLAIN and "@" not in found else "this text"
    try:
        return repr(f"{public_address(found)}…")
    except ValueError:
        return repr(f"{found.partition('://')[0]}://…")


def promql_query() -> Written:
    """A query in PromQL; of ``{{NAME}}`` only those that stand for something."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not found.strip():
            refuse(f"{show(found)} is no query", "write one in PromQL, such as rate(errors_total[1m])")
        if len(found) > LONGEST_QUERY or "\0" in found:
            refuse(f"{show(found)} has {len(found):,} characters", f"write at most {LONGEST_QUERY:,}, none of them NUL")
        for name in placeholders(found):
            if name not in PLACEHOLDERS:
                near = difflib.get_close_matches(name, PLACEHOLDERS, 1)
                known = ", ".join(f"{{{{{each}}}}}" for each in PLACEHOLDERS)
                remedy = f"did you mean {{{{{near[0]}}}}}?" if near else f"write one of {known}"
                refuse(f"{{{{{name}}}}} stands for nothing", remedy)
        return found

    return Written(
        read,
        {
            "type": "string",
            "minLength": 1,
            "examples": ['sum(rate(errors_total{version="{{candidate}}"}[1m]))'],
        },
    )


def number() -> Written:
    """Any finite number, up to `LARGEST`."""

    def read(found: object) -> float:
        if isinstance(found, int | float) and not isinstance(found, bool) and abs(found) <= LARGEST:
            return float(found)
        return refuse(f"{show(found)} is not allowed here", "write a number, such as 0.25")

    return Written(read, {"type": "number"})
