"""``${NAME}`` in commands, variables and addresses: replaced from the environment, or a fault if it cannot be."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pydantic_core import PydanticCustomError

from abreast.model.document import Document, Path
from abreast.model.errors import Fault
from abreast.model.service import Endpoint
from abreast.model.spec_container_keys import image_name
from abreast.model.spec_container_variables import expanded_container
from abreast.model.spec_data_keys import URL
from abreast.model.spec_data_values import checked_database_url
from abreast.model.spec_gate_keys import PROMQL, WEBHOOKS
from abreast.model.spec_gate_values import checked_http_url
from abreast.model.spec_group_keys import checked_member_url, expanded_members
from abreast.model.spec_keys import GatesKeys, SpecKeys, VersionKeys
from abreast.model.spec_registry_keys import RegistryKeys
from abreast.model.spec_shadow_values import checked_alert_url, without_secrets

_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|(\{))", re.ASCII)


Expand = Callable[[str, Path, str], str]
"""A text with its variables replaced; told of as what stands last."""

Check = Callable[[object], object]


def expanded(keys: SpecKeys, document: Document, environment: Mapping[str, str]) -> tuple[SpecKeys, list[Fault]]:
    """The keys with each variable replaced, and a fault at its line for each that is not set or leaves no URL."""
    faults: list[Fault] = []
    versions: dict[str, VersionKeys] = {}

    def expand(text: str, path: Path, shown: str) -> str:
        result, problems = replaced(text, shown, environment)
        faults.extend(document.fault(path, message, remedy) for message, remedy in problems)
        return result

    def url(text: str, path: Path, check: Check) -> str:
        before = len(faults)
        result = expand(text, path, without_secrets(text))
        if len(faults) == before:
            faults.extend(document.fault(path, message, remedy) for message, remedy in _no_url(result, check))
        return result

    def value(text: str, path: Path, read: Check) -> object:
        before = len(faults)
        result = expand(text, path, repr(text))
        if len(faults) > before:
            return text
        try:
            return read(result)
        except PydanticCustomError as error:
            faults.append(document.fault(path, *_why(error)))
            return text

    for name, version in keys.versions.items():
        place: Path = ("versions", name)
        run = tuple(expand(text, (*place, "run"), repr(text)) for text in version.run)
        env = {key: expand(text, (*place, "env", key), repr(text)) for key, text in version.env.items()}
        image = version.image and value(version.image, (*place, "image"), image_name().read)
        container = version.container and expanded_container(version.container, (*place, "container"), value)
        kubernetes = version.kubernetes
        if kubernetes is not None and kubernetes.image is not None:
            of_pods = expand(kubernetes.image, (*place, "kubernetes", "image"), repr(kubernetes.image))
            kubernetes = kubernetes.model_copy(update={"image": of_pods})
        endpoints = _endpoints(version, (*place, "endpoints"), expand, url)
        update = {"run": run, "env": env, "image": image, "container": container, "kubernetes": kubernetes}
        versions[name] = version.model_copy(update=update | {"endpoints": endpoints})
    alerts = tuple(url(text, ("alerts", index), checked_alert_url) for index, text in enumerate(keys.alerts))
    gates = _gates(keys.rollout.gates, expand, lambda text, path: url(text, path, checked_http_url))
    rollout = keys.rollout.model_copy(update={"gates": gates})
    data = keys.data and keys.data.model_copy(update={"url": url(keys.data.url, URL, checked_database_url)})
    group = keys.group
    if group is not None:
        members = expanded_members(group, expand, lambda text, path: url(text, path, checked_member_url))
        group = group.model_copy(update={"members": members})
    changed = {"versions": versions, "alerts": alerts, "rollout": rollout, "data": data, "group": group}
    return keys.model_copy(update=changed), faults


def _endpoints(
    version: VersionKeys, place: Path, expand: Expand, url: Callable[[str, Path, Check], str]
) -> tuple[Endpoint, ...] | RegistryKeys:
    """With the variables in a registry's address and secrets replaced."""
    keys = version.registry
    if keys is None:
        return version.listed
    secrets = {name: getattr(keys, name) for name in ("user", "token", "password")}
    found = {name: expand(text, (*place, name), f"`{name}`") for name, text in secrets.items() if text is not None}
    if keys.address is not None:
        found["address"] = url(keys.address, (*place, "address"), checked_http_url)
    return keys.model_copy(update=found)


def _gates(keys: GatesKeys, expand: Expand, url: Callable[[str, Path], str]) -> GatesKeys:
    """With the variables in addresses and metadata replaced: both may hold secrets."""
    promql = tuple(
        gate.model_copy(update={"server": url(gate.server, (*PROMQL, index, "server"))})
        for index, gate in enumerate(keys.promql)
    )
    webhooks = []
    for index, webhook in enumerate(keys.webhooks):
        place: Path = (*WEBHOOKS, index)
        metadata = {
            name: expand(text, (*place, "metadata", name), f"`{name}`") for name, text in webhook.metadata.items()
        }
        told = {"url": url(webhook.url, (*place, "url")), "metadata": metadata}
        webhooks.append(webhook.model_copy(update=told))
    return keys.model_copy(update={"promql": promql, "webhooks": tuple(webhooks)})


def replaced(text: str, shown: str, environment: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
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


def _no_url(url: str, check: Check) -> Iterator[tuple[str, str]]:
    """Why this is no URL of the kind that ``check`` lets through, and what to do; nothing when it is one."""
    try:
        check(url)
    except PydanticCustomError as error:
        yield _why(error)


def _why(error: PydanticCustomError) -> tuple[str, str]:
    context = error.context or {}
    return str(context["message"]), str(context["remedy"])
