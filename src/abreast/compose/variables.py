"""Compose's ``$NAME``, ``${NAME-default}``, ``${NAME:?reason}`` and ``${NAME:+other}``, written as a spec takes them.

Facts: https://docs.docker.com/reference/compose-file/interpolation/.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_OPERATORS: Final = (":-", "-", ":?", "?", ":+", "+")


@dataclass
class Variables:
    """``known`` is what compose would take values from: its environment, and the file ``.env`` beside it.

    ``needed`` grows by the names without which the spec is no good, ``empty`` by those that compose itself finds
    nowhere and takes for "".
    """

    known: Mapping[str, str]
    needed: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)

    def translated(self, text: str) -> str:
        """The text as `run`, `env` and the keys of a container take it."""
        return self._walk(text, now=False)

    def resolved(self, text: str) -> str:
        """The text with the values that compose would put in today, for keys in which a spec has no variables."""
        return self._walk(text, now=True)

    def passed(self, name: str) -> str:
        """The variable as it is handed through by compose when it has a name and no value."""
        return self._one(name, "", "", now=False)

    def _walk(self, text: str, *, now: bool) -> str:
        done, at = "", 0
        while at < len(text):
            dollar = text.find("$", at)
            if dollar < 0 or dollar + 1 == len(text):
                return done + text[at:]
            done += text[at:dollar]
            following = text[dollar + 1]
            name = _NAME.match(text, dollar + 1)
            if following == "$":
                done, at = done + ("$" if now else "$$"), dollar + 2
            elif name:
                done, at = done + self._one(name[0], "", "", now=now), name.end()
            elif following == "{" and (end := _closing(text, dollar + 1)) is not None:
                done, at = done + self._braced(text[dollar + 2 : end], now=now), end + 1
            else:
                done, at = f"{done}$", dollar + 1
        return done

    def _braced(self, inside: str, *, now: bool) -> str:
        name = _NAME.match(inside)
        if name is None:
            return "${" + inside + "}"
        rest = inside[name.end() :]
        operator = next((each for each in _OPERATORS if rest.startswith(each)), "")
        return self._one(name[0], operator, rest.removeprefix(operator), now=now)

    def _one(self, name: str, operator: str, word: str, *, now: bool) -> str:
        value = self.known.get(name)
        if operator.endswith("+"):  # a spec has no such thing: what holds today is written
            return self._walk(word, now=True) if value or (value == "" and operator == "+") else ""
        default = self._walk(word, now=True) if operator.endswith("-") else ""
        if now:
            return value or default
        if operator.endswith("-"):
            return f"${{{name}:-{default}}}"
        if value or operator.endswith("?"):
            self.needed.add(name)
            return f"${{{name}}}"
        self.empty.add(name)
        return f"${{{name}:-}}"


def _closing(text: str, brace: int) -> int | None:
    """Where the brace at that place is closed; None if it is not."""
    depth = 0
    for at in range(brace, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return None


def read_env_file(text: str) -> dict[str, str]:
    """What a file of ``NAME=VALUE`` lines says, as compose reads it; quotes around a value are taken away."""
    found = {}
    for line in text.splitlines():
        name, sign, value = line.strip().removeprefix("export ").partition("=")
        name, value = name.strip(), value.strip()
        if not sign or not _NAME.fullmatch(name):
            continue
        if value[:1] in {"'", '"'} and value[0] in value[1:]:
            value = value[1 : value.index(value[0], 1)]
        else:
            value = re.split(r"\s+#", value, maxsplit=1)[0]
        found[name] = value
    return found
