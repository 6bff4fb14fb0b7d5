"""``abreast data lint``: what the version that runs would meet from plain SQL."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from abreast.cli.options import AsJson
from abreast.model.errors import UsageError
from abreast.model.visible import visible


def lint(
    files: Annotated[list[Path], typer.Argument(help="plain SQL; - is stdin")],
    *,
    pg: Annotated[int | None, typer.Option("--pg", min=9, help="the server's major version")] = None,
    transaction: Annotated[
        bool, typer.Option("--transaction", help="the tool that runs a file does so in one transaction")
    ] = False,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="a rule to leave out, as often as you like")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what the version that runs would meet from plain SQL migrations, and what they lock; exit code 2 if any."""
    from abreast.postgres.squawk import linted

    texts = _texts(files)
    found = linted(texts, pg_version=pg, in_transaction=transaction, excluded=tuple(exclude or ()))
    if as_json:
        sys.stdout.write(as_json_text(found))
    else:
        for violation in found:
            sys.stdout.writelines(f"{visible(line)}\n" for line in str(violation).splitlines())
        files_read = f"{len(texts)} file{'s' * (len(texts) != 1)}"
        sys.stdout.write(f"{len(found) or 'nothing'} found in {files_read}\n")
    serious = any(violation.level != "notice" for violation in found)
    raise typer.Exit(UsageError.exit_code if serious else 0)


def as_json_text(value: object, indent: int | None = 2) -> str:
    """Any of our values as JSON, with a line's end."""
    from pydantic_core import to_json

    return to_json(value, indent=indent).decode() + "\n"


def _texts(files: list[Path]) -> dict[str, str]:
    """What is in them, by name. UsageError with every one that cannot be read."""
    texts: dict[str, str] = {}
    unread: list[str] = []
    for path in files:
        name = str(path)
        try:
            texts[name] = sys.stdin.read() if name == "-" else path.read_text("utf-8")
        except OSError as error:
            unread.append(f"{name!r} cannot be read: {error.strerror}")
        except UnicodeDecodeError as error:
            unread.append(f"{name!r} is no UTF-8: byte {error.object[error.start]:#04x} at {error.start}")
    if unread:
        raise UsageError("; ".join(unread), "name files of SQL, in UTF-8")
    return texts
