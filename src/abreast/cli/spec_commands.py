"""The verbs for the spec: `check`, `schema` and `init`. None of them needs a running control plane."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from abreast.cli.plan_report import Load, report, seen_load
from abreast.cli.spec_proposal import proposal
from abreast.model.errors import AbreastError, SpecError, UsageError
from abreast.model.service import Service
from abreast.model.spec import FILE_NAME
from abreast.model.spec_schema import schema as spec_schema
from abreast.spec_source import load_spec, migration_faults, missing_files


def check(
    file: Annotated[Path, typer.Argument(help="the spec")] = Path(FILE_NAME),
    *,
    rate: Annotated[
        float | None,
        typer.Option(help="users' requests per second; else what a running `abreast up` sees", min=0.001),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check the spec: every fault with its line and remedy, or the plan of a rollout."""
    try:
        spec = load_spec(file)
        faults = (*missing_files(spec), *migration_faults(spec))
        if faults:
            raise SpecError(faults)  # reported just like the faults of the text
    except AbreastError as error:
        if as_json:
            _print_json({"ok": False, "message": error.message, "remedy": error.remedy, "faults": _faults(error)})
        else:
            typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None
    load = Load(rate) if rate is not None else seen_load(file)
    report(spec, file, _candidate(spec.service()), load, as_json=as_json)


def _candidate(service: Service) -> str:
    """The version that would most likely be rolled out: the last one that is not stable."""
    others = [version.name for version in service.versions if version.name != service.stable]
    return others[-1] if others else service.stable


def _faults(error: AbreastError) -> list[dict[str, str | int]]:
    if not isinstance(error, SpecError):
        return []
    return [
        {
            "file": fault.file,
            "line": fault.line,
            "path": fault.path,
            "message": fault.message,
            "remedy": fault.remedy,
        }
        for fault in error.faults
    ]


def _print_json(value: object) -> None:
    typer.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2))


def schema() -> None:
    """Print the JSON Schema of the spec, for editors and pipelines."""
    _print_json(spec_schema())


def init(
    directory: Annotated[Path, typer.Argument(help="where the service lies")] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="overwrite what is there")] = False,
) -> None:
    """Write a commented abreast.yaml, with a command that fits what is found in the directory."""
    target = directory / FILE_NAME
    try:
        _write(directory, target, force=force)
    except AbreastError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(error.exit_code) from None


def _write(directory: Path, target: Path, *, force: bool) -> None:
    if not directory.is_dir():
        raise UsageError(f"there is no directory {str(directory)!r}", f"create it: mkdir -p {directory}")
    if target.exists() and not force:
        raise UsageError(f"{str(target)!r} exists already", "edit it, or overwrite it with --force")
    found = proposal(directory)
    try:
        target.write_text(found.text, encoding="utf-8")
    except OSError as error:
        message = f"{str(target)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "correct its permissions, or name another directory") from None
    typer.echo(f"wrote {target} ({found.reason})")
    typer.echo(f"next: say in it where v2 lies, then run: abreast check {target}, and: abreast up")
