"""``abreast import``: a first spec from a compose file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from abreast.model.errors import AbreastError, UsageError


def import_compose(
    compose: Annotated[Path, typer.Argument(metavar="FILE", help="the compose file")] = Path("docker-compose.yml"),
    *,
    service: Annotated[str, typer.Option("--service", help="which of its services; left out: the only one")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="the spec to write; left out: it is printed")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="overwrite what is there")] = False,
) -> None:
    """Propose a spec for a service of a compose file; what cannot be carried over is in its comments.

    Databases, caches and queues stay with compose.
    """
    try:
        if output is not None and output.exists() and not force:
            raise UsageError(f"{str(output)!r} exists already", "name another file, or overwrite it with --force")
        text = _proposed(compose, service, output)
        if output is None:
            typer.echo(text, nl=False)
            return
        _write(output, text)
    except AbreastError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None
    typer.echo(f"wrote {output}; look through it, then run: abreast check {output}", err=True)


def _proposed(compose: Path, service: str, output: Path | None) -> str:
    from abreast.compose.carried import Surroundings, env_files
    from abreast.compose.choice import application
    from abreast.compose.document import read_compose
    from abreast.compose.proposal import proposal
    from abreast.compose.variables import Variables

    directory = compose.absolute().parent
    file = read_compose(_read(compose), str(compose), str(directory))
    name = application(file, service)
    files = {written: _variables(directory / written) for written in env_files(file.services[name])}
    # As in compose, the environment goes before the file.
    known = {**(_variables(directory / ".env") or {}), **os.environ}
    up = "" if output is None else os.path.relpath(directory, output.absolute().parent)
    return proposal(file, name, Surroundings(Variables(known), files, "" if up == "." else up))


def _variables(file: Path) -> Mapping[str, str] | None:
    """What a file of variables says; None if there is none to be read."""
    from abreast.compose.variables import read_env_file

    try:
        return read_env_file(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _read(compose: Path) -> str:
    try:
        return compose.read_text("utf-8")
    except FileNotFoundError:
        raise UsageError(f"there is no compose file {str(compose)!r}", "name it: abreast import compose.yaml") from None
    except UnicodeDecodeError:
        raise UsageError(f"{str(compose)!r} is no text", "name a compose file, in UTF-8") from None
    except OSError as error:
        message = f"{str(compose)!r} cannot be read: {error.strerror}"
        raise UsageError(message, "correct its permissions, or name another file") from None


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        message = f"{str(output)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "correct its permissions, or name another file") from None
