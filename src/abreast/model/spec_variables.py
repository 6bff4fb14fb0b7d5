"""``${NAME}`` in commands, variables and alerts: replaced from the environment, or a fault for each that cannot be."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic_core import PydanticCustomError

from abreast.model.document import Document, Path
from abreast.model.errors import Fault
from abreast.model.spec_keys import SpecKeys, VersionKeys
from abreast.model.spec_shadow_values import checked_alert_url, without_secrets

_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\{))", re.ASCII)


def expanded(keys: SpecKeys, document: Document, environment: Mapping[str, str]) -> tuple[SpecKeys, list[Fault]]:
    """The keys with each variable replaced, and a fault at its line for each that is not set or leaves no URL."""
    faults: list[Fault] = []
    versions: dict[str, VersionKeys] = {}

    def expand(text: str, path: Path, shown: str) -> str:
        result, problems = _replaced(text, shown, environment)
        faults.extend(document.fault(path, message, remedy) for message, remedy in problems)
        return result

    for name, version in keys.versions.items():
        place: Path = ("versions", name)
        run = tuple(expand(text, (*place, "run"), repr(text)) for text in version.run)
        env = {key: expand(text, (*place, "env", key), repr(text)) for key, text in version.env.items()}
        versions[name] = version.model_copy(update={"run": run, "env": env})
    alerts: list[str] = []
    for index, text in enumerate(keys.alerts):
        path: Path = ("alerts", index)
        before = len(faults)
        url = expand(text, path, without_secrets(text))
        if len(faults) == before:
            faults.extend(document.fault(path, message, remedy) for message, remedy in _no_url(url))
        alerts.append(url)
    return keys.model_copy(update={"versions": versions, "alerts": tuple(alerts)}), faults


def _replaced(text: str, shown: str, environment: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    """The text with its variables replaced, and message and remedy of each that cannot be; ``shown`` is quoted."""
    problems: list[tuple[str, str]] = []

    def replace(match: re.Match[str]) -> str:
        dollar, name, default, brace = match.groups()
        if dollar:
            return "$"
        found = environment.get(name or "") or default
        if brace or found is None:
            message = f"{shown} needs {name}, which is not set" if name else f"{shown}: ${{ without a name"
            remedy = f"set {name}, or write ${{{name}:-DEFAULT}}" if name else "write ${NAME}, or $${ for ${"
            problems.append((message, remedy))
            return ""
        return found

    return _VARIABLE.sub(replace, text), problems


def _no_url(url: str) -> Iterator[tuple[str, str]]:
    """Why this is no URL for alerts, and what to do; nothing when it is one."""
    try:
        checked_alert_url(url)
    except PydanticCustomError as error:
        context = error.context or {}
        yield str(context["message"]), str(context["remedy"])
