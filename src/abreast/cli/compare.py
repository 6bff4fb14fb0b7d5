"""``abreast compare A B``: the comparison of live traffic, by requests from a file and without a gateway."""

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from abreast.cli.options import DEFAULT_FILE, SpecFile
from abreast.cli.wait import duration
from abreast.model.errors import UsageError
from abreast.model.shadow import ShadowPolicy

if TYPE_CHECKING:
    from abreast.offline.report import Report
    from abreast.offline.requests_file import RequestsFile
    from abreast.offline.run import Settings, Sides

_SOON_S = 1.0
"""What is done within this time shows no progress."""
_EACH_S = 5.0
"""How often a line tells of it where there is no terminal."""
_COLOURS = {"left": "red", "right": "green"}


def compare(  # noqa: PLR0913  # each parameter is an option
    a: Annotated[str, typer.Argument(metavar="A_URL", help="stable's side")] = "",
    b: Annotated[str, typer.Argument(metavar="B_URL", help="the candidate's side")] = "",
    *,
    requests: Annotated[str, typer.Option("--requests", "-r", help="HAR, NDJSON or curl commands; - for stdin")] = "",
    control: Annotated[str, typer.Option(help="another instance of A's version; else A is asked again")] = "",
    rules: Annotated[Path | None, typer.Option(help="a spec: its rules of comparing and redacting")] = None,
    host: Annotated[str, typer.Option("--from", help="of the file's requests, only those of this host")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="only that many of the requests, from the first on")] = None,
    repeat: Annotated[int, typer.Option(min=0, max=1000, help="ask a differing request again, at most")] = 20,
    concurrency: Annotated[int, typer.Option(min=1, max=256, help="requests at once, each of all sides")] = 8,
    timeout: Annotated[str, typer.Option(help="the longest wait for an answer")] = "10s",
    unsafe: Annotated[bool, typer.Option("--unsafe", help="also send POST and the like: to A and to B")] = False,
    insecure: Annotated[bool, typer.Option("--insecure", "-k", help="trust any certificate")] = False,
    own_host: Annotated[bool, typer.Option("--own-host", help="send each side its own name as host")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    record: Annotated[Path | None, typer.Option(help="take requests of a running gateway into this file")] = None,
    count: Annotated[int, typer.Option(min=1, help="with --record: as many requests")] = 1000,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="with --record: for at most that long")] = None,
    file: SpecFile = DEFAULT_FILE,
) -> None:
    """Ask two services for the same requests and tell where the answers differ beyond noise; exit code 13 if so."""
    from abreast.offline.requests_file import load
    from abreast.offline.run import Settings

    if record is not None:
        if a or b or requests:
            message = "--record takes requests from a running gateway, and compares nothing"
            raise UsageError(message, f"record first, then: abreast compare A_URL B_URL --requests {record}")
        _record(record, file, count, seconds)
        return
    if not (a and b and requests):
        message = "two URLs and a file of requests are needed"
        raise UsageError(message, "abreast compare http://A http://B --requests FILE; or record one with --record FILE")
    sides = _sides(a, b, control)
    policy = _policy(rules)
    asked = load(requests).of_host(host)
    asked = replace(asked, entries=asked.entries[:limit])
    settings = Settings(repeat, concurrency, unsafe=unsafe, own_host=own_host)
    wait_s = duration(timeout)
    report = asyncio.run(_compare(sides, asked, policy, settings, wait_s, insecure=insecure))
    if as_json:
        typer.echo(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2))
    else:
        for line in report.lines():
            typer.echo(
                typer.style(line.text, fg=_COLOURS.get(line.tone), bold=line.tone == "strong")
            )  # without a terminal echo leaves the colours out
    raise typer.Exit(report.exit_code)


async def _compare(
    sides: "Sides",
    requests: "RequestsFile",
    policy: ShadowPolicy,
    settings: "Settings",
    wait_s: float,
    *,
    insecure: bool,
) -> "Report":
    from abreast.offline.report import Report
    from abreast.offline.run import Run
    from abreast.offline.side import asking, require_reachable

    async with asking(wait_s, insecure=insecure) as asker:
        await require_reachable(sides.all, asker)
        run = Run(sides, asker, settings, time.time)
        with _progress() as tell:
            verdict = await run.compare(requests.entries, policy, secrets.token_bytes(16), tell)
    return Report(sides, requests, verdict)


def _sides(a: str, b: str, control: str) -> "Sides":
    from abreast.offline.run import Sides
    from abreast.offline.side import Side

    side_a = Side.of("A", a)
    return Sides(side_a, Side.of("B", b), Side.of("control", control) if control else side_a)


def _policy(rules: Path | None) -> ShadowPolicy:
    """The rules of a spec. Raises SpecError and UsageError."""
    if rules is None:
        return ShadowPolicy()
    from abreast.spec_source import load_spec

    spec = load_spec(rules)
    return spec.policy(next(reversed(spec.keys.versions))).shadow


def _record(target: Path, spec_file: Path, count: int, seconds: float | None) -> None:
    from abreast.offline.record import captured, record
    from abreast.state_dir import StateDir

    socket = StateDir.beside(spec_file.resolve().parent).api

    async def take() -> int:
        with _progress() as tell:
            async with aclosing(captured(socket, count)) as lines:
                return await record(
                    lines, target, count=count, seconds=seconds, tell=lambda done: tell("recorded", done, count)
                )

    written = asyncio.run(take())
    noun = "request" if written == 1 else "requests"
    typer.echo(f"{written} {noun} in {target}; compare with: abreast compare A_URL B_URL --requests {target}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """On a terminal a bar; else a line on stderr now and then. Nothing for what is soon done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    next_s = time.monotonic() + _SOON_S
    if not console.is_terminal:

        def line(what: str, done: int, total: int) -> None:
            nonlocal next_s
            if time.monotonic() > next_s:
                next_s = time.monotonic() + _EACH_S
                console.print(f"{what}: {done} of {total}")

        yield line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("")

    def move(what: str, done: int, total: int) -> None:
        bar.update(task, description=what, completed=done, total=total)
        if time.monotonic() > next_s:
            bar.start()  # once started, this does nothing

    try:
        yield move
    finally:
        bar.stop()
