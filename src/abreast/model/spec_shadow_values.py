"""How the values are written that say what is copied and compared: places in an answer, tolerances, routes.

Places follow one grammar: a JSON Pointer (RFC 6901) in which ``*`` stands for one segment and ``**`` for any
number, or a word with a name, as ``header:x-build``.
"""

import difflib
import re
import warnings
from typing import Final, Literal, NoReturn

from abreast.model.shadow import TolerancePolicy
from abreast.model.spec_values import DURATION_PATTERN, Written, refuse, show
from abreast.model.units import parse_duration

Named = Literal["header", "trailer", "query", "body"]

POINTER_PATTERN: Final = r"^(/([^/~]|~[01])*)+$"
BODY_PATTERN: Final = r"^(/([^/~]|~[01])*)*$"
"""As POINTER_PATTERN, or empty: the whole body."""
METHOD_PATTERN: Final = r"^[!#$%&'*+.^_`|~0-9A-Z-]+$"
PREFIX_PATTERN: Final = r"^/[^?#\s]*$"
TEMPLATE_PATTERN: Final = r"^(/([^/?#{}\s]|\{[^/{}]+\})*)+$"
ENDPOINT_PATTERN: Final = r"^(\*|\S+ \S.*)$"
RATE_PATTERN: Final = r"^[0-9]{1,9}(\.[0-9]{1,9})? ?(/ ?s)?$"
RELATIVE_PATTERN: Final = r"^[0-9]{1,6}(\.[0-9]{1,9})? ?%$"
URL_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9+.-]*://[^\s]+$"
LONGEST_EXPRESSION: Final = 1000
"""Characters; a longer regular expression masks what nobody can tell."""
MOST_PER_S: Final = 1_000_000.0

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_GLOB: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z?\[\]-]+(/\S+)?"
"""A glob over names of headers; behind the slash that of one cookie, as in ``header:set-cookie/sid``."""
_NAMES: Final = {"header": _GLOB, "trailer": _GLOB, "query": r"\S+", "body": POINTER_PATTERN[1:-1]}
_NEAR: Final = 0.75
"""How alike a word must be to be taken for a misspelling; at difflib's 0.6 `date` is taken for `status`."""
_COPIED: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NEVER: Final = frozenset({"CONNECT", "TRACE"})
_HOSTED: Final = frozenset({"alertmanager", "alertmanager+http", "alertmanager+https", "webhook+http", "webhook+https"})
"""Schemes of addresses whose host is a host, and no secret."""


def place(*names: Named, whole: bool = False) -> Written:
    """A JSON Pointer pattern, or one of these words with a name; with ``whole`` also ``status`` and ``body``."""
    words = ("status", "body") if whole else ()
    pattern = f"^({'|'.join([POINTER_PATTERN[1:-1], *(f'{name}:{_NAMES[name]}' for name in names), *words])})$"
    others = "".join(f", or {word}" for word in (*(f"{name}:NAME" for name in names), *words))

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(pattern[1:-1], found):
            _refuse_place(found, (*names, *words), f"write a JSON Pointer such as /items/*/id{others}")
        return _lower(found)

    return Written(read, {"type": "string", "pattern": pattern})


def array() -> Written:
    """The JSON Pointer pattern of an array; empty: the body is the array itself."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(BODY_PATTERN[1:-1], found):
            _refuse_place(found, (), 'write a JSON Pointer such as /items, or "" for the whole body')
        return found

    return Written(read, {"type": "string", "pattern": BODY_PATTERN})


def operation_source() -> Written:
    """Where a request names its operation: ``header:NAME``, ``query:NAME`` or ``body:/POINTER``."""
    names: tuple[Named, ...] = ("header", "query", "body")
    pattern = f"^(header:{_WORD}|query:{_NAMES['query']}|body:{_NAMES['body']})$"

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(pattern[1:-1], found):
            remedy = "write header:NAME, query:NAME or body:/POINTER, such as body:/operationName"
            refuse(f"{show(found)} does not say where a request names its operation{_near(found, names)}", remedy)
        return _lower(found)

    return Written(read, {"type": "string", "pattern": pattern, "examples": ["header:x-amz-target", "query:Action"]})


def _lower(text: str) -> str:
    """Header names in lower case, as answers are read; cookies' names behind them, and all else, as written."""
    name, slash, rest = text.partition("/")
    return f"{name.lower()}{slash}{rest}" if name.startswith(("header:", "trailer:")) else text


def _refuse_place(found: object, words: tuple[str, ...], remedy: str) -> NoReturn:
    message = f"{show(found)} is no place in an answer" if words else f"{show(found)} is no JSON Pointer"
    if isinstance(found, str) and found.startswith("/") and re.search(r"~(?![01])", found):
        refuse(f"{message}: a lone ~", "write ~0 for ~, and ~1 for a / that is part of a name (RFC 6901)")
    if isinstance(found, str) and difflib.get_close_matches(found, words, 1, _NEAR):
        refuse(f"{message}{_near(found, words)}", remedy)
    if isinstance(found, str) and re.fullmatch(r"\$?\.?[A-Za-z_][\w.-]*", found):
        pointer = "/" + found.removeprefix("$").removeprefix(".").replace(".", "/")
        refuse(message, f"did you mean `{pointer}`? Else {remedy}")
    refuse(f"{message}{_near(found, words)}", remedy)


def _near(found: object, words: tuple[str, ...]) -> str:
    """A hint at a misspelt word, which a name may follow."""
    word = re.split(r"[:\s]", found)[0] if isinstance(found, str) else ""
    near = difflib.get_close_matches(word.lower(), words, 1, _NEAR)
    if not near or near[0] == found or str(found).startswith(f"{near[0]}:"):
        return ""
    return f" (did you mean `{near[0]}{':' if near[0] in _NAMES else ''}`?)"


def expression() -> Written:
    """A regular expression of Python's ``re`` that compiles and matches more than nothing."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not found:
            refuse(f"{show(found)} is no regular expression", 'write one in quotes, such as \'nonce="[^"]*"\'')
        if len(found) > LONGEST_EXPRESSION:
            refuse(f"{show(found)} has {len(found):,} characters", f"write at most {LONGEST_EXPRESSION:,}")
        if _compiled(found).search(""):
            remedy = "make it match at least one character, for example + instead of *"
            refuse(f"{show(found)} matches even the empty text", remedy)
        return found

    return Written(
        read,
        {"type": ["string", "number", "boolean"], "minLength": 1, "maxLength": LONGEST_EXPRESSION, "format": "regex"},
    )


def _compiled(text: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what Python only warns of today it reads differently tomorrow
        try:
            return re.compile(text)
        except (re.error, OverflowError, RecursionError, Warning) as error:
            refuse(f"{show(text)} is no regular expression: {error}", "mend it; in YAML put it in single quotes")


def tolerance() -> Written:
    """How far apart: a number (``0.01``), a share of the larger one (``1%``) or a time (``5s``)."""

    def read(found: object) -> TolerancePolicy:
        remedy = "write a number such as 0.01, a percentage such as 1%, or for times a duration such as 5s"
        if isinstance(found, int | float) and not isinstance(found, bool):
            policy = TolerancePolicy(absolute=float(found))
        elif isinstance(found, str) and re.fullmatch(RELATIVE_PATTERN[1:-1], found, re.ASCII):
            policy = TolerancePolicy(relative=float(found.rstrip("% ")) / 100)
        else:
            try:
                policy = TolerancePolicy(seconds=parse_duration(found))
            except ValueError:
                refuse(f"{show(found)} is no tolerance", remedy)
        if not max(policy.absolute, policy.relative, policy.seconds) > 0:
            refuse(f"{show(found)} tolerates nothing", f"remove it, or {remedy}")
        return policy

    written = [{"type": "number", "exclusiveMinimum": 0}]
    texts = [{"type": "string", "pattern": pattern} for pattern in (RELATIVE_PATTERN, DURATION_PATTERN)]
    return Written(read, {"anyOf": [*written, *texts], "examples": [0.01, "1%", "5s"]})


def rate() -> Written:
    """A number per second above 0: ``100`` or ``100/s``."""

    def read(found: object) -> float:
        number = found
        if isinstance(found, str) and re.fullmatch(RATE_PATTERN[1:-1], found, re.ASCII):
            number = float(found.rstrip("/s "))
        remedy = f"write a number per second above 0, at most {MOST_PER_S:,.0f}, such as 100"
        if isinstance(number, bool) or not isinstance(number, int | float):
            refuse(f"{show(found)} is no rate", remedy)
        if number == 0:
            refuse(f"{show(found)} would copy nothing", f"remove the shadow steps, or {remedy}")
        if not 0 < number <= MOST_PER_S:
            refuse(f"{show(found)} is not allowed here", remedy)
        return float(number)

    number = {"type": "number", "exclusiveMinimum": 0, "maximum": MOST_PER_S}
    text = {"type": "string", "pattern": RATE_PATTERN}
    return Written(read, {"anyOf": [number, text], "examples": [100, "100/s"]})


def unsafe_method() -> Written:
    """A method that may change something, and is therefore copied to an isolated candidate only."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(_WORD, found):
            refuse(f"{show(found)} is no HTTP method", "write one such as POST")
        if found != found.upper():
            refuse(f"{show(found)} is no HTTP method: upper and lower case differ", f"write {found.upper()}")
        if found in _COPIED:
            refuse(f"{show(found)} is safe: it is copied anyway, wherever it goes", "remove it")
        if found in _NEVER:
            refuse(f"{show(found)} is never copied", "remove it")
        return found

    return Written(
        read,
        {
            "type": "string",
            "pattern": METHOD_PATTERN,
            "not": {"enum": sorted(_COPIED | _NEVER)},
            "examples": ["POST", "PUT", "PATCH", "DELETE"],
        },
    )


def path_prefix() -> Written:
    """The beginning of a path, without a query."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(PREFIX_PATTERN[1:-1], found):
            refuse(f"{show(found)} is no beginning of a path", "begin with /, as in /search, without ? and #")
        return found

    return Written(read, {"type": "string", "pattern": PREFIX_PATTERN, "examples": ["/search"]})


def template() -> Written:
    """A route: a path with ``{name}`` for each part that varies."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(TEMPLATE_PATTERN[1:-1], found):
            remedy = "begin with / and put a name in braces for each part that varies, as in /orders/{id}"
            refuse(f"{show(found)} is no route", remedy)
        return found

    return Written(read, {"type": "string", "pattern": TEMPLATE_PATTERN, "examples": ["/orders/{id}"]})


def endpoint() -> Written:
    """A glob over endpoints' names: a method, a blank and a route."""

    def read(found: object) -> str:
        if not isinstance(found, str) or not re.fullmatch(ENDPOINT_PATTERN[1:-1], found):
            bare = isinstance(found, str) and found.startswith("/")
            near = f"write `* {found}` for every method, or " if bare else "write "
            remedy = f"{near}a method and a route, such as `GET /orders*`"
            refuse(f"{show(found)} fits no endpoint: their names are as `GET /orders/{{id}}`", remedy)
        return found

    return Written(read, {"type": "string", "pattern": ENDPOINT_PATTERN, "examples": ["GET /orders/{id}", "* /cart*"]})


def alert_url() -> Written:
    """A URL to send alerts to; ``${NAME}`` in it is replaced later, so that tokens need not be in the file."""

    def read(found: object) -> str:
        if isinstance(found, str) and found and "${" in found:
            return found
        return checked_alert_url(found)

    return Written(
        read,
        {"type": "string", "pattern": r"^([A-Za-z][A-Za-z0-9+.-]*://\S+|.*\$\{.*)$", "examples": ["slack://${TOKENS}"]},
    )


def checked_alert_url(found: object) -> str:
    """The URL, if it is one. A refusal shows what `without_secrets` leaves of it."""
    shown = without_secrets(found)
    if not isinstance(found, str) or not re.fullmatch(URL_PATTERN[1:-1], found):
        examples = "slack://…, mailto://…, webhook+https://… or alertmanager://127.0.0.1:9093"
        refuse(f"{shown} is no URL", f"write one such as {examples}")
    scheme, _, rest = found.partition("://")
    if scheme.lower() in _HOSTED:
        host = rest.partition("/")[0].rpartition("@")[2]
        if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?", host, re.ASCII):
            place = "HOST:9093" if scheme.lower().startswith("alertmanager") else "HOST/PATH"
            refuse(f"{shown} names no host", f"write {scheme}://{place}")
    return found


def without_secrets(found: object) -> str:
    """Of a URL its scheme, and of an Alertmanager's or a webhook's the host; of other text that there is some.

    The host's place holds a token in many of apprise's URLs, as in ``tgram://TOKEN/CHAT``.
    """
    if not isinstance(found, str):
        return show(found)
    url = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#]*@)?([^/?#:@\s]*)", found)
    if url is None:
        return "this text"
    return repr(f"{url[1]}://{url[2] if url[1].lower() in _HOSTED else ''}…")
