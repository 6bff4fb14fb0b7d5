"""What exactly is executed for an instance, and whether that is hopeless."""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from abreast.model.errors import DriverError
from abreast.model.service import Version


@dataclass(frozen=True)
class Command:
    """Arguments, environment and working directory of one start."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


def fingerprint(version: Version) -> str:
    """What a running instance must share with the version to be kept: run, env and cwd, as a short hash.

    Everything else (probes, time-outs, limits) takes effect on a running instance.
    """
    essence = json.dumps([version.run, sorted(version.env), version.cwd])
    return hashlib.sha256(essence.encode()).hexdigest()[:16]


def command(version: Version, *, service: str, instance: str, port: int, environ: Mapping[str, str]) -> Command:
    """The command of one instance: ``{port}`` and ``{instance}`` are replaced, other braces left alone.

    The environment is ``environ``, then the version's own, then the facts: PORT, ABREAST_SERVICE,
    ABREAST_VERSION and ABREAST_INSTANCE always say the truth.
    """

    def filled(text: str) -> str:
        return text.replace("{port}", str(port)).replace("{instance}", instance)

    env = dict(environ)
    env.update((name, filled(value)) for name, value in version.env)
    env.update(PORT=str(port), ABREAST_SERVICE=service, ABREAST_VERSION=version.name, ABREAST_INSTANCE=instance)
    return Command(tuple(filled(part) for part in version.run), env, Path(version.cwd))


def require_runnable(version: Version, environ: Mapping[str, str]) -> None:
    """Raise DriverError if the working directory or the command is missing: no retry would mend that."""
    cwd = Path(version.cwd)
    where = f"versions.{version.name}"
    if not cwd.is_dir():
        raise DriverError(
            f"{where}.cwd: there is no directory {str(cwd)!r}",
            "create it, or correct `cwd` (it is taken relative to the spec file)",
        )
    name = version.run[0]
    path = dict(version.env).get("PATH", environ.get("PATH", os.defpath))
    # With a slash it is a path, which the child resolves after it has changed its directory.
    candidates = [cwd / name] if "/" in name else [Path(folder) / name for folder in path.split(os.pathsep) if folder]
    if any(shutil.which(candidate) for candidate in candidates):
        return
    plain = next((candidate for candidate in candidates if candidate.is_file()), None)
    if plain is not None:
        raise DriverError(f"{where}.run: {str(plain)!r} is not executable", f"run: chmod +x {plain}")
    if "/" in name:
        raise DriverError(
            f"{where}.run: there is no command {name!r} (looked for {str(cwd / name)!r})",
            "install it, or correct the path (it is taken relative to `cwd`)",
        )
    raise DriverError(
        f"{where}.run: there is no command {name!r} in PATH ({path})",
        f"install it, give its full path, or set PATH in {where}.env",
    )
