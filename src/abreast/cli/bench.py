"""``abreast bench``: what the gateway costs beside others, and how soon an abort is obeyed."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from abreast.model.errors import AbreastError, UsageError

app = typer.Typer(help="Measure the gateway beside others, and how soon an abort is obeyed.", no_args_is_help=True)

JsonFile = Annotated[Path | None, typer.Option("--json", help="also write every number to this file, as JSON")]


class BenchError(AbreastError):
    """Something that was to be measured did not run; the message holds its words."""


@app.command()
def gateway(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="one short round: a look, not evidence")] = False,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, max=20, help="how often each is visited")] = None,
    json_file: JsonFile = None,
) -> None:
    """Compare no proxy, raw Envoy, abreast, and nginx, HAProxy and Traefik where installed; interleaved rounds."""
    from abreast.bench import gateway as bench
    from abreast.bench.table import comparison_table

    sizes = bench.Sizes.quick() if quick else bench.Sizes()
    if rounds is not None:
        sizes = replace(sizes, rounds=rounds)

    async def measure(tell: Callable[[str], None]) -> bench.Comparison:
        async with bench.competitors(sizes) as (targets, _):
            return await bench.compare(targets, sizes, tell)

    _require_writable(json_file)
    console = Console()
    with _progress(console) as tell, _told():
        comparison = asyncio.run(measure(tell))
    console.print(comparison_table(comparison))
    _write(json_file, comparison.as_dict(), console)


@app.command()
def rollback(
    *,
    times: Annotated[int, typer.Option("--times", min=1, max=1000, help="how many aborts")] = 50,
    json_file: JsonFile = None,
) -> None:
    """Measure from an abort's order to the last request that the candidate receives, under load."""
    from abreast.bench import rollback as bench
    from abreast.bench.table import roll_back_table

    _require_writable(json_file)
    console = Console()
    with _progress(console) as tell, _told():
        found = asyncio.run(bench.measure(bench.Sizes(times=times), tell))
    console.print(roll_back_table(found))
    _write(json_file, found.as_dict(), console)


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[str], None]]:
    """On a terminal one line that changes; else a line for each, on stderr."""
    if not console.is_terminal:
        yield Console(stderr=True, highlight=False, soft_wrap=True).print
        return
    with console.status("starting") as status:
        yield status.update


@contextmanager
def _told() -> Iterator[None]:
    """What does not start, told as every error of ours. Raises BenchError."""
    from abreast.bench.target import TargetError
    from abreast.load import LoadError

    try:
        yield
    except (TargetError, LoadError) as error:
        raise BenchError(
            str(error), "mend what it names; a machine short of processor time may be the reason"
        ) from error


def _require_writable(file: Path | None) -> None:
    """Find out before minutes of measuring. Raises UsageError."""
    if file is None:
        return
    try:
        file.touch()
    except OSError as error:
        message = f"--json: {str(file)!r} cannot be written: {error.strerror}"
        raise UsageError(message, "name a file in a directory that is there and yours") from error


def _write(file: Path | None, data: dict[str, Any], console: Console) -> None:  # Any: JSON
    if file is not None:
        file.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        console.print(f"every number is in {file}", soft_wrap=True, highlight=False)
