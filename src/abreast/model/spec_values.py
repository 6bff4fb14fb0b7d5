"""How single values of a spec are written: text in, model values out, with the reason when that fails.

Each function here makes one `Written`: what pydantic calls to read a value, and what the JSON Schema says
of it. A reader raises `PydanticCustomError` through `refuse`, with what was found and what to do about it,
so that a user never meets pydantic's own words.
"""

import difflib
import ipaddress
import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, NoReturn

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from abreast.model.service import Endpoint, Probe, UserKey
from abreast.model.units import format_duration, format_weight, parse_duration, parse_weight

DURATION_PATTERN: Final = r"^([0-9]{1,12}(\.[0-9]{1,9})? ?(ms|s|m|h|d) ?)+$"
SHARE_PATTERN: Final = r"^[0-9]{1,3}(\.[0-9]{1,9})? ?%$"
VERSION_PATTERN: Final = r"^[a-z0-9][-a-z0-9.]{0,39}$"
VARIABLE_PATTERN: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
ADDRESS_PATTERN: Final = r"^(\[[0-9a-fA-F:.]+\]|[0-9.]+|localhost):[0-9]{1,5}$"
PROBE_PATTERN: Final = r"^(tcp|GET /[!-\"$-~]*)$"
USER_PATTERN: Final = r"^(header|cookie):[!#$%&'*+.^_`|~0-9A-Za-z-]+$"

_LAST_PORT: Final = 65_535
_SHOWN: Final = 60
_PLACEHOLDERS: Final = ("port", "instance")
_OPERATORS: Final = frozenset({"|", "||", "&", "&&", ";", "<", ">", ">>", "2>", "2>&1"})
_BARE_PLACEHOLDER: Final = re.compile(r"(?<!\$)\{([a-z_]+)\}")
_OWN_VARIABLES: Final = frozenset({"PORT", "ABREAST_SERVICE", "ABREAST_VERSION", "ABREAST_INSTANCE", "ABREAST_HOME"})


@dataclass(frozen=True, eq=False)
class Written:
    """Metadata for ``Annotated``: ``read`` makes the value from what YAML gave, ``schema`` is its JSON Schema.

    Compared by identity, since ``typing`` hashes metadata and a JSON Schema has no hash.
    """

    read: Callable[[object], object]
    schema: Mapping[str, object]

    def __get_pydantic_core_schema__(self, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, object]:
        return dict(self.schema)


def refuse(message: str, remedy: str) -> NoReturn:
    """Refuse a value: ``message`` quotes it and says what is allowed, ``remedy`` what to write."""
    raise PydanticCustomError("refused", "{message}", {"message": message, "remedy": remedy})


def show(value: object) -> str:
    """What was found, for a sentence: quoted, short, and for what cannot be quoted its kind."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case dict():
            return "a mapping of keys"
        case list() | tuple():
            return "a list"
        case str():
            return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
        case _:
            return f"`{value}`"


def duration(least_s: float, most_s: float) -> Written:
    """A duration in seconds between the two bounds, written with its unit."""

    def read(found: object) -> float:
        try:
            seconds = parse_duration(found)
        except ValueError as error:
            refuse_with_remedy(error, found)
        if not least_s <= seconds <= most_s:
            bounds = f"{format_duration(least_s)} to {format_duration(most_s)}"
            refuse(f"{show(found)} is outside of what is allowed", f"write a duration from {bounds}")
        return seconds

    return Written(
        read,
        {
            "anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"const": 0}],
            "examples": ["500ms", "30s", "1h30m"],
        },
    )


def share(least: int = 0) -> Written:
    """A share in hundredths of a percent, written with its sign ``%``; not below ``least``."""

    def read(found: object) -> int:
        try:
            weight = parse_weight(found)
        except ValueError as error:
            refuse_with_remedy(error, found)
        if weight < least:
            refuse(f"{show(found)} is not allowed here", f"write at least {format_weight(least)}")
        return weight

    return Written(
        read,
        {
            "anyOf": [{"type": "string", "pattern": SHARE_PATTERN}, {"const": 0}],
            "examples": ["10%", "0.25%"],
        },
    )


def refuse_with_remedy(error: ValueError, found: object) -> NoReturn:
    """Refuse with the two halves of a sentence of `abreast.model.units`: the fault; what to write."""
    fault, _, remedy = str(error).rpartition("; ")
    refuse(fault if isinstance(found, str) else show(found) + fault.removeprefix(repr(found)), remedy)


def whole(least: int, most: int) -> Written:
    """A whole number between the two bounds."""

    def read(found: object) -> int:
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        refuse(f"{show(found)} is not allowed here", f"write a whole number from {least:,} to {most:,}")

    return Written(read, {"type": "integer", "minimum": least, "maximum": most})


def truth() -> Written:
    """``true`` or ``false``."""

    def read(found: object) -> bool:
        if isinstance(found, bool):
            return found
        refuse(f"{show(found)} is not allowed here", "write `true` or `false`")

    return Written(read, {"type": "boolean"})


def only_true() -> Written:
    """``true``, where leaving the key out is the only other way."""

    def read(found: object) -> bool:
        if found is not True:
            refuse(f"{show(found)} is not allowed here", "write `true`, or remove the key")
        return True

    return Written(read, {"type": "boolean", "const": True})


def choice(*words: str) -> Written:
    """One of these words."""

    def read(found: object) -> str:
        if isinstance(found, str) and found in words:
            return found
        allowed = " or ".join(f"`{word}`" for word in words)
        near = difflib.get_close_matches(found, words, 1) if isinstance(found, str) else []
        refuse(
            f"{show(found)} is not allowed here, only {allowed}",
            f"did you mean `{near[0]}`?" if near else f"write {allowed}",
        )

    return Written(read, {"enum": list(words)})


def word(pattern: str, what: str) -> Written:
    """Text that matches ``pattern``; ``what`` says in words what that is."""
    compiled = re.compile(pattern.replace("$", r"\Z") if pattern.endswith("$") else pattern)

    def read(found: object) -> str:
        if isinstance(found, str) and compiled.match(found):
            return found
        refuse(f"{show(found)} is not allowed here", f"write {what}")

    return Written(read, {"type": "string", "pattern": pattern})


def line(what: str, *, empty: bool = False, unquoted: bool = False) -> Written:
    """Text without NUL characters (no path, argument or variable can hold one).

    ``unquoted`` tells editors that numbers and booleans need no quotes there: they are taken as written.
    """
    kind: object = ["string", "number", "boolean"] if unquoted else "string"

    def read(found: object) -> str:
        if not isinstance(found, str) or not (found or empty):
            refuse(f"{show(found)} is not allowed here", f"write {what}")
        if "\0" in found:
            refuse(f"{show(found)} holds a NUL character", "remove it")
        return found

    return Written(read, {"type": kind} if empty else {"type": kind, "minLength": 1})


def note() -> Written:
    """Text for a person, which may be left out: ``approve:`` alone is the empty text."""
    text = line("what to look at", empty=True)
    schema = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    return Written(lambda found: "" if found is None else text.read(found), schema)


def variable() -> Written:
    """The name of an environment variable that is not one of abreast's own."""
    name = word(VARIABLE_PATTERN, "a name of letters, digits and _, not starting with a digit")

    def read(found: object) -> object:
        if found in _OWN_VARIABLES:
            remedy = "remove it; to give the port another name, write for example MY_PORT: '{port}'"
            refuse(f"{show(found)} is set by abreast for each instance", remedy)
        return name.read(found)

    return Written(read, name.schema)


def command() -> Written:
    """A command as argv: one line, split as a shell would but run without one, or a list of its words."""
    argument = line("text", empty=True)

    def read(found: object) -> tuple[str, ...]:
        if isinstance(found, list):
            argv = [str(argument.read(item)) for item in found]
        elif isinstance(found, str):
            try:
                argv = shlex.split(str(argument.read(found)))
            except ValueError as error:
                refuse(f"{show(found)} cannot be split into words: {error}", "close the quote")
            _refuse_shell(argv, found)
        else:
            refuse(f"{show(found)} is no command", "write one line, or a list of its words")
        if not argv or not argv[0]:
            refuse(f"{show(found)} names no command", "write the command that starts one instance")
        _refuse_placeholders(argv)
        return tuple(argv)

    schema = {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": ["string", "number", "boolean"]}},
        ],
        "examples": ["gunicorn shop:app --bind 127.0.0.1:{port}"],
    }
    return Written(read, schema)


def _refuse_shell(argv: list[str], found: str) -> None:
    operators = [text for text in argv if text in _OPERATORS]
    if operators:
        remedy = "write: run: [sh, -c, '…'], with exec before the last command so that it gets the signals"
        refuse(f"{show(found)} holds {operators[0]!r}, but no shell runs the command", remedy)
    if argv and re.match(r"[A-Za-z_][A-Za-z0-9_]*=", argv[0]):
        name = argv[0].partition("=")[0]
        refuse(f"{show(found)} starts with a variable, but no shell runs it", f"set {name} under `env`")


def _refuse_placeholders(argv: list[str]) -> None:
    for text in argv:
        for name in _BARE_PLACEHOLDER.findall(text):
            near = difflib.get_close_matches(name, _PLACEHOLDERS, 1)
            if name not in _PLACEHOLDERS and near:
                refuse(
                    f"{show(text)} holds {{{name}}}, which abreast does not replace",
                    f"did you mean {{{near[0]}}}?",
                )


def probe(*, off: bool = False) -> Written:
    """``GET /path`` or ``tcp``; with ``off`` also that word, for no probe at all."""
    allowed = "`GET /path`, `tcp` or `off`" if off else "`GET /path` or `tcp`"

    def read(found: object) -> Probe | None:
        if off and found == "off":
            return None
        if found == "tcp":
            return Probe(kind="tcp")
        if isinstance(found, str) and re.fullmatch(PROBE_PATTERN[1:-1], found):
            return Probe(kind="http", path=found.removeprefix("GET "))
        refuse(f"{show(found)} is no probe", f"write {allowed}, such as GET /healthz")

    pattern = PROBE_PATTERN.replace("tcp|", "tcp|off|") if off else PROBE_PATTERN
    return Written(read, {"type": "string", "pattern": pattern, "examples": ["GET /healthz", "tcp"]})


def address() -> Written:
    """An IP address (or localhost) and a port: ``127.0.0.1:9001``, ``[::1]:9001``, ``localhost:9001``."""

    def read(found: object) -> Endpoint:
        remedy = "write an IP address and a port, such as 127.0.0.1:9001 or [::1]:9001"
        if not isinstance(found, str):
            refuse(f"{show(found)} is no address", remedy)
        host, colon, port = found.rpartition(":")
        if not colon or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII):
            refuse(f"{show(found)} is no address with a port", remedy)
        if not 1 <= int(port) <= _LAST_PORT:
            refuse(f"{show(found)}: {port} is no port", f"write a port from 1 to {_LAST_PORT}")
        if host == "localhost":
            return Endpoint("127.0.0.1", int(port))
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        try:
            parsed = ipaddress.ip_address(bare)
        except ValueError:
            if re.fullmatch(r"[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z][-A-Za-z0-9.]*)?", bare):
                message = f"{show(found)}: host names are not looked up here"
                refuse(message, "write an IP address or localhost; endpoints of a version can be {dns: NAME:PORT}")
            refuse(f"{show(found)}: {bare!r} is no IP address", remedy)
        if (parsed.version == 6) != (bare != host) or "%" in bare:  # noqa: PLR2004  # IPv6 wants its brackets
            refuse(f"{show(found)} is no address with a port", remedy)
        return Endpoint(str(parsed), int(port))

    return Written(read, {"type": "string", "pattern": ADDRESS_PATTERN, "examples": ["127.0.0.1:9001", "[::1]:9001"]})


def user_key() -> Written:
    """``header:NAME`` (any case; kept in lower case) or ``cookie:NAME`` (case counts)."""

    def read(found: object) -> UserKey:
        if not isinstance(found, str) or not re.fullmatch(USER_PATTERN[1:-1], found):
            refuse(f"{show(found)} does not say who a user is", "write header:NAME or cookie:NAME")
        kind, _, name = found.partition(":")
        if kind == "cookie":
            if name == "abreast-id":
                refuse(f"{show(found)} is abreast's own cookie", "leave it out: it is used when all else fails")
            return UserKey("cookie", name)
        name = name.lower()
        if name.startswith("x-abreast-"):
            refuse(f"{show(found)}: headers x-abreast-… are abreast's own", "name the service's own header")
        if name in {"x-request-id", "traceparent"}:
            remedy = "name a header that stays the same for one user"
            refuse(f"{show(found)} differs in each request: users would flip between versions", remedy)
        if name == "cookie":
            refuse(f"{show(found)} is all cookies at once", "write cookie:NAME with the name of one")
        return UserKey("header", name)

    return Written(
        read, {"type": "string", "pattern": USER_PATTERN, "examples": ["header:x-user-id", "cookie:session"]}
    )
