"""What `abreast init` writes: a first spec, with a command guessed from the files that lie there."""

import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from abreast.model.spec import service_name

_LARGEST_BYTES: Final = 1_000_000
_FALLBACK: Final = "python3 -m http.server {port} --bind 127.0.0.1"
_FRAMEWORKS: Final = {
    "fastapi": "uvicorn {module}:app --host 127.0.0.1 --port {{port}}",
    "starlette": "uvicorn {module}:app --host 127.0.0.1 --port {{port}}",
    "flask": "flask --app {module} run --host 127.0.0.1 --port {{port}}",
}
_MODULES: Final = ("main", "app", "api", "server", "wsgi", "asgi")

_TEMPLATE: Final = """\
# abreast runs two versions of a service side by side and moves users from one to the other.
# Every key, with its default and reason: docs/spec.md. After each change: abreast check
service: {service}

gateway:
  listen: 127.0.0.1:8080          # users' requests come in here

# Who is one user: the first that is present decides; without any of them a cookie is set.
# users:
#   by: [header:x-user-id, cookie:session]

versions:
  v1:
    run: {run}
    # instances: 2
    # ready: GET /healthz         # better than tcp, the default, if the service has such a page
    # env: {{LOG_LEVEL: info}}      # PORT is always set; {{port}} is replaced here too
  v2:
    run: {run}
    # cwd: ../v2                  # where the new version lies, when it is not here
stable: v1                        # serves all users until the first: abreast start v2

# rollout:                        # these are the defaults
#   steps:
#     - shadow: 20%               # of safe requests are copied to the candidate, the answers compared
#       for: 5m
#     - weight: 1%
#     - weight: 10%
#     - weight: 25%
#     - weight: 50%
#     - weight: 100%
#     - bake: 1h                  # the old version stays warm: undo is instant
#   approve: []                   # for example [weight 50%]: wait for a person first
#   step_time: {{at_least: 1m, at_most: 1h}}
#   gates:
#     errors: {{budget: 0.25%, window: 10s}}
#     latency: {{tolerance: 20%, window: 20s, warm_up: 1m}}
#     differences: {{tolerance: 0.1%}}
#   on_failure: roll-back
"""


@dataclass(frozen=True)
class Proposal:
    """The text of a spec, and why its command is what it is."""

    text: str
    reason: str


def proposal(directory: Path) -> Proposal:
    """A spec for the service in the directory. Files that cannot be read count as not there."""
    lookers: tuple[Callable[[Path], Iterator[tuple[str, str]]], ...] = (_procfile, _django, _python, _node)
    found = (guess for look in lookers for guess in look(directory))
    run, reason = next(found, (_FALLBACK, "no service found: it serves the files of this directory"))
    name = service_name(str(directory.absolute()))
    return Proposal(_TEMPLATE.format(service=_scalar(name), run=_scalar(run)), reason)


def _scalar(text: str) -> str:
    """The text as one YAML scalar: JSON's quotes are YAML's too."""
    plain = re.fullmatch(r"[A-Za-z][-A-Za-z0-9 ._/={}:]*", text) and ": " not in text and not text.endswith((":", " "))
    known = text.lower() in {"true", "false", "null"}
    return text if plain and not known else json.dumps(text, ensure_ascii=False)


def _procfile(directory: Path) -> Iterator[tuple[str, str]]:
    for entry in _read(directory / "Procfile").splitlines():
        kind, colon, command = entry.partition(":")
        if kind.strip() != "web" or not colon:
            continue
        run = re.sub(r"\$\{?PORT\b(?::-\d+)?\}?", "{port}", command.strip())
        if re.search(r"[|&;<>$`\\]|^\w+=", run):
            line = command.strip().replace("${", "$${")
            alone = not re.search(r"[|&;<>`]|^\w+=", line)
            # `exec` puts the service in the shell's place, so that it gets the signals.
            run = shlex.join(["sh", "-c", f"exec {line}" if alone else line])
        if run:
            yield run, "from the web line of Procfile"


def _django(directory: Path) -> Iterator[tuple[str, str]]:
    if "django" in _read(directory / "manage.py").lower():
        yield "python3 manage.py runserver --noreload 127.0.0.1:{port}", "manage.py is Django's"


def _python(directory: Path) -> Iterator[tuple[str, str]]:
    for name in ("pyproject.toml", "requirements.txt"):
        text = _read(directory / name)
        needs = "\n".join(_dependencies(text)) if name.endswith(".toml") else text
        for framework, command in _FRAMEWORKS.items():
            if re.search(rf"^\s*{framework}\b", needs, re.IGNORECASE | re.MULTILINE):
                module = next((name for name in _MODULES if (directory / f"{name}.py").is_file()), "main")
                yield command.format(module=module), f"{name} asks for {framework}"


def _dependencies(text: str) -> list[str]:
    try:
        project = tomllib.loads(text).get("project", {})
    except tomllib.TOMLDecodeError:
        return []
    needs = project.get("dependencies", []) if isinstance(project, dict) else []
    return [need for need in needs if isinstance(need, str)] if isinstance(needs, list) else []


def _node(directory: Path) -> Iterator[tuple[str, str]]:
    try:
        package = json.loads(_read(directory / "package.json") or "{}")
    except ValueError:
        return
    scripts = package.get("scripts") if isinstance(package, dict) else None
    if isinstance(scripts, dict) and "start" in scripts:
        yield "npm start", "package.json has a start script; it finds its port in the variable PORT"


def _read(file: Path) -> str:
    """The text of a small file; empty when there is none to read."""
    try:
        return file.read_text(encoding="utf-8") if file.stat().st_size <= _LARGEST_BYTES else ""
    except (OSError, UnicodeDecodeError):
        return ""
