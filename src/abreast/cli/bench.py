"""``abreast bench``: what the gateway, comparing, copying and data cost, and how soon an abort is obeyed."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer
from rich.console import Console, Group, RenderableType

from abreast.cli.json_file import require_writable, write
from abreast.model.errors import AbreastError, UsageError
from abreast.model.units import format_duration, parse_duration

app = typer.Typer(
    help="Measure the gateway, comparing, copying, data, open dashboards, and how soon an abort is obeyed.",
    no_args_is_help=True,
)

_SHORTEST_SOAK_S: Final = 5.0
_LONGEST_SOAK_S: Final = 86_400.0

JsonFile = Annotated[Path | None, typer.Option("--json", help="also write every number to this file, as JSON")]


class Found(Protocol):
    """What a bench has measured."""

    def as_dict(self) -> dict[str, Any]:  # Any: JSON
        """Every number of it."""


Tell = Callable[[str], None]
F = TypeVar("F", bound=Found)


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

    async def measure(tell: Tell) -> bench.Comparison:
        async with bench.competitors(sizes) as (targets, _):
            return await bench.compare(targets, sizes, tell)

    _report(json_file, lambda tell: asyncio.run(measure(tell)), comparison_table)


@app.command()
def rollback(
    *,
    times: Annotated[int, typer.Option("--times", min=1, max=1000, help="how many aborts")] = 50,
    json_file: JsonFile = None,
) -> None:
    """Measure from an abort's order to the last request that the candidate receives, under load."""
    from abreast.bench import rollback as bench
    from abreast.bench.table import roll_back_table

    sizes = bench.Sizes(times=times)
    _report(json_file, lambda tell: asyncio.run(bench.measure(sizes, tell)), roll_back_table)


@app.command()
def dashboard(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="one short round: a look, not evidence")] = False,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, max=20, help="how often each is visited")] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure what 1 and 50 open dashboards cost, how old their figures are, and aborts beside them."""
    from abreast.bench import dashboard as bench
    from abreast.bench.table import dashboard_table

    sizes = bench.Sizes.quick() if quick else bench.Sizes()
    if rounds is not None:
        sizes = replace(sizes, rounds=rounds)
    _report(json_file, lambda tell: asyncio.run(bench.measure(sizes, tell)), dashboard_table)


@app.command()
def compare(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="one short round: a look, not evidence")] = False,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, max=100, help="how often each is measured")] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure how many JSON answers one core compares in a second, alike and different, small and large."""
    from abreast.bench import compare as bench
    from abreast.bench.shadow_table import comparing_table

    sizes = bench.Sizes.quick() if quick else bench.Sizes()
    if rounds is not None:
        sizes = replace(sizes, rounds=rounds)
    _report(json_file, lambda tell: bench.measure(sizes, tell), comparing_table)


@app.command()
def data(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="few rows: a look, not evidence")] = False,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, max=100, help="how often each is written")] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure what data for two versions cost: triggers beside pgroll's way, a backfill, finding differences."""
    from abreast.bench import data as bench
    from abreast.bench.data_table import data_table

    sizes = bench.Sizes.quick() if quick else bench.Sizes()
    if rounds is not None:
        sizes = replace(sizes, rounds=rounds)
    _report(json_file, lambda tell: bench.measure(sizes, tell), data_table)


@app.command()
def shadow(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="one short round: a look, not evidence")] = False,
    rounds: Annotated[int | None, typer.Option("--rounds", min=1, max=50, help="how often each is visited")] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=10, max=5000, help="GETs a second; POSTs are a fifth of it")
    ] = 300,
    service_ms: Annotated[
        float, typer.Option("--service-ms", min=0, max=1000, help="how long the versions take; 0: the worst case")
    ] = 10,
    seconds: Annotated[float | None, typer.Option("--seconds", min=2, max=600, help="how long a visit takes")] = None,
    soak: Annotated[
        str | None, typer.Option("--soak", metavar="TIME", help="instead: memory with a hung candidate, such as 10m")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure what users notice when their requests are copied, also to what hangs or dies."""
    from abreast.bench import shadow as bench
    from abreast.bench import soak as soaking
    from abreast.bench.shadow_case import Sizes
    from abreast.bench.shadow_table import copies_table, shadowing_table, soak_table

    sizes = replace(
        Sizes.quick() if quick else Sizes(), rate_per_s=rate, post_rate_per_s=rate / 5, service_s=service_ms / 1e3
    )
    if rounds is not None:
        sizes = replace(sizes, rounds=rounds)
    if seconds is not None:
        sizes = replace(sizes, visit_s=seconds)
    if soak is not None:
        lasting = soaking.Sizes(_soak_s(soak), rate)
        _report(json_file, lambda tell: asyncio.run(soaking.measure(lasting, tell)), soak_table)
    else:
        _report(
            json_file,
            lambda tell: asyncio.run(bench.measure(sizes, tell)),
            lambda found: Group(shadowing_table(found), copies_table(found)),
        )


def _soak_s(text: str) -> float:
    """Raises UsageError."""
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        message = f"--soak: {error}"
        raise UsageError(message, "write it such as 10m") from error
    if not _SHORTEST_SOAK_S <= seconds <= _LONGEST_SOAK_S:
        shortest, longest = format_duration(_SHORTEST_SOAK_S), format_duration(_LONGEST_SOAK_S)
        message = f"--soak: {text!r} is not between {shortest} and {longest}"
        raise UsageError(message, "write it such as 10m")
    return seconds


def _report(json_file: Path | None, measure: Callable[[Tell], F], drawn: Callable[[F], RenderableType]) -> None:
    """Measure, tell of it meanwhile, and show what was found. Raises UsageError before, BenchError."""
    require_writable(json_file)
    console = Console()
    with _progress(console) as tell, _told():
        found = measure(tell)
    console.print(drawn(found))
    write(json_file, found.as_dict(), console)


@contextmanager
def _progress(console: Console) -> Iterator[Tell]:
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
