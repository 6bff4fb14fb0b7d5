"""One service of a compose file as the keys of a version, and what could not be carried over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from abreast.compose.document import ComposeFile, Keys
from abreast.compose.forms import Volume, listed, pairs, volumes, words
from abreast.compose.network import Note, health, listening, neighbours, networks
from abreast.compose.reasons import BUILD, CARRIED, reason
from abreast.compose.variables import Variables
from abreast.model.spec_container_keys import LABELS
from abreast.model.units import format_duration, parse_duration

_OWN: Final = frozenset({"PORT", "ABREAST_SERVICE", "ABREAST_VERSION", "ABREAST_INSTANCE", "ABREAST_HOME"})
_PULL: Final = {"always": "always", "never": "never", "missing": "missing", "if_not_present": "missing"}
_ROUTES: Final = ("traefik.", "caddy")
_START_S: Final = 60.0
"""How long an instance may take to start where nothing is said."""
_PROBE_S: Final = 30.0
_RETRIES: Final = 3


@dataclass
class Surroundings:
    """Where the service stands: ``up`` is the way from the spec's directory to the file's, "" if it is the same.

    ``env_files`` has what the files say that `env_file` names, by their names as written; None where there is none.
    """

    variables: Variables
    env_files: Mapping[str, Mapping[str, str] | None] = field(default_factory=dict)
    up: str = ""


@dataclass
class Carried:
    """``version`` holds the keys of a version as a spec has them, ``listen`` the gateway's address or ""."""

    version: dict[str, object]
    listen: str
    notes: list[Note]


def carried(file: ComposeFile, name: str, around: Surroundings) -> Carried:
    """The service as a version."""
    keys, variables = file.services[name], around.variables
    port, listen, notes = listening(keys, variables)
    ready, of_health = health(keys, port)
    joined, of_networks = networks(file, name)
    container: dict[str, object] = {}
    version: dict[str, object] = {}
    if isinstance(keys.get("image"), str):
        version["image"] = variables.translated(str(keys["image"]))
    if keys.get("build"):
        container["build"] = _build(keys["build"], around, notes)
    if port is not None:
        version["port"] = port
    _deployed(keys, variables, version, container, notes)
    if ready:
        version["ready"] = ready
    version |= _times(keys, notes)
    env = _env(keys, around, notes)
    if env:
        version["env"] = env
    _command(keys, variables, container, notes)
    _mounts(file, keys, around, container, notes)
    if joined:
        container["networks"] = joined
    _rest(keys, variables, container, notes)
    if container:
        version["container"] = container
    notes += [*of_health, *of_networks, *neighbours(file, name)]
    notes += [(key, reason(key)) for key in keys if key not in CARRIED and not key.startswith("x-")]
    return Carried(version, listen, notes)


def _build(found: object, around: Surroundings, notes: list[Note]) -> dict[str, object]:
    told = found if isinstance(found, dict) else {"context": found}
    translated = around.variables.translated
    context = translated(str(told.get("context") or "."))
    if "://" in context or context.startswith("git@"):
        notes.append(("build", f"{context} is not a directory: fetch it, and say here where it lies"))
        context = "."
    build: dict[str, object] = {"context": _path(around, context)}
    for key in ("dockerfile", "target"):
        if told.get(key):
            build[key] = translated(str(told[key]))
    args = {}
    for name, value in pairs(told.get("args")).items():
        args[name] = around.variables.passed(name) if value is None else translated(value)
    if args:
        build["args"] = args
    unread = sorted(told.keys() - BUILD)
    notes.extend((f"build.{key}", "the engine's classic builder is asked, without it") for key in unread)
    return build


def _deployed(
    keys: Keys, variables: Variables, version: dict[str, object], container: dict[str, object], notes: list[Note]
) -> None:
    """Copies and limits, from `deploy` or from the older keys."""
    deploy = keys.get("deploy")
    told = deploy if isinstance(deploy, dict) else {}
    copies = variables.resolved(str(told.get("replicas") or keys.get("scale") or ""))
    if copies.isdigit() and int(copies) > 0:
        version["instances"] = int(copies)
    resources = told.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    limited = limits if isinstance(limits, dict) else {}
    for key, other, older in (("cpus", "cpus", "cpus"), ("memory", "memory", "mem_limit")):
        amount = limited.get(other) or keys.get(older)
        if amount:
            container[key] = variables.translated(str(amount))
    unread = sorted(limited.keys() - {"cpus", "memory"})
    notes.extend((f"deploy.resources.limits.{key}", "there is no key for it") for key in unread)
    if isinstance(resources, dict) and "reservations" in resources:
        notes.append(("deploy.resources.reservations", "one engine reserves nothing; limits are kept"))
    reasons = {"update_config": "the rollout's steps do this", "rollback_config": "the rollout's gates do this"}
    others = sorted(told.keys() - {"replicas", "resources"})
    notes.extend((f"deploy.{key}", reasons.get(key, "it is for a swarm")) for key in others)


def _times(keys: Keys, notes: list[Note]) -> dict[str, object]:
    found: dict[str, object] = {}
    grace = keys.get("stop_grace_period")
    if grace:
        found["stop_timeout"] = str(grace)
    check = keys.get("healthcheck")
    if isinstance(check, dict) and check.get("start_period"):
        try:
            start_s = parse_duration(str(check["start_period"]))
            between_s = parse_duration(str(check.get("interval") or f"{_PROBE_S:g}s"))
            needed_s = start_s + between_s * int(str(check.get("retries") or _RETRIES))
        except ValueError:
            notes.append(("healthcheck.start_period", "it is not understood; `start_timeout` is its name here"))
            return found
        if needed_s > _START_S:
            found["start_timeout"] = format_duration(needed_s).replace(" ", "")
    return found


def _env(keys: Keys, around: Surroundings, notes: list[Note]) -> dict[str, str]:
    """Variables of the container: those of files by reference, since files hold secrets and a spec does not."""
    variables = around.variables
    env: dict[str, str] = {}
    entries = keys.get("env_file")
    for entry in entries if isinstance(entries, list) else [entries] if entries else []:
        file = str(entry.get("path", "")) if isinstance(entry, dict) else str(entry)
        told = around.env_files.get(file)
        if told is None:
            notes.append(("env_file", f"{file} cannot be read: name its variables under `env`, as NAME: ${{NAME}}"))
            continue
        for name in told:
            env[name] = f"${{{name}}}"
            variables.needed.add(name)
        if told:
            notes.append(("env_file", f"{file}: there is no key for it; `env` hands its variables through"))
    for name, value in pairs(keys.get("environment")).items():
        env[name] = variables.passed(name) if value is None else variables.translated(value)
    for name in sorted(_OWN & env.keys()):
        notes.append((f"environment.{name}", "abreast sets it itself: PORT is the container's port"))
        del env[name]
    return env


def _command(keys: Keys, variables: Variables, container: dict[str, object], notes: list[Note]) -> None:
    for key in ("entrypoint", "command"):
        try:
            command = words(keys.get(key))
        except ValueError as error:
            notes.append((key, f"it cannot be split into words: {error}"))
            continue
        if command:
            container[key] = [variables.translated(word) for word in command]


def _mounts(
    file: ComposeFile, keys: Keys, around: Surroundings, container: dict[str, object], notes: list[Note]
) -> None:
    mounts = []
    for volume in volumes(keys.get("volumes")):
        if volume.kind not in {"bind", "volume"}:
            notes.append(("volumes", f"{volume.target}: {volume.kind} has no key; `/path` alone is a fresh volume"))
            continue
        source = _source(file, volume, around)
        target = around.variables.translated(volume.target)
        mounts.append(f"{source}:{target}{':ro' if volume.read_only else ''}" if source else target)
        if source and not volume.read_only:
            notes.append(("volumes", f"{target}: every instance of both versions writes there"))
    if mounts:
        container["volumes"] = mounts


def _source(file: ComposeFile, volume: Volume, around: Surroundings) -> str:
    source = around.variables.translated(volume.source)
    if not source or source.startswith("$"):
        return source
    if volume.kind == "volume":
        return file.real_name("volumes", source)
    if source.startswith("~"):
        return f"${{HOME}}{source[1:]}"
    return _path(around, source)


def _rest(keys: Keys, variables: Variables, container: dict[str, object], notes: list[Note]) -> None:
    if keys.get("user"):
        container["user"] = variables.translated(str(keys["user"]))
    labels = {}
    for name, value in pairs(keys.get("labels")).items():
        if name.startswith(_ROUTES):
            notes.append((f"labels.{name}", "it would lead users past the gateway"))
        elif name.startswith((LABELS, "com.docker.compose.")):
            notes.append((f"labels.{name}", "labels with this beginning belong to a program"))
        else:
            labels[name] = variables.translated(value or "")
    if labels:
        container["labels"] = labels
    policy = str(keys.get("pull_policy") or "")
    if policy in _PULL and _PULL[policy] != "missing" and not keys.get("build"):
        container["pull"] = _PULL[policy]
    elif policy not in {"", "build", *_PULL}:
        notes.append(("pull_policy", f"{policy} has no counterpart; `pull` is missing, always or never"))


def _path(around: Surroundings, written: str) -> str:
    """A path of the compose file's as the spec must write it."""
    if written.startswith(("/", "$")) or not around.up:
        bare = written.startswith((".", "/", "$"))
        return written if bare else f"./{written}"
    return f"{around.up}/{written.removeprefix('./')}" if written != "." else around.up


def env_files(keys: Keys) -> list[str]:
    """The files that `env_file` names, as written there."""
    entries = keys.get("env_file")
    found = entries if isinstance(entries, list) else listed(entries) if isinstance(entries, str) else []
    return [str(each.get("path", "")) if isinstance(each, dict) else str(each) for each in found]
