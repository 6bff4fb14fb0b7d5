"""``abreast simulate``: what a policy would do to services whose truth is known, beside the rules of others."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from abreast.cli.json_file import require_writable, write
from abreast.model.errors import AbreastError, UsageError

if TYPE_CHECKING:
    from abreast.model.rollout import Policy
    from abreast.simulate.course import Way
    from abreast.simulate.truth import Truth

MISSED_EXIT_CODE: Final = 1
"""A bar of the acceptance was missed."""

_SEEDS: Final = 200
_QUICK_SEEDS: Final = 20


class SimulationError(AbreastError):
    """The simulation itself broke down."""


def simulate(  # noqa: PLR0913  # a verb's options
    *,
    policy: Annotated[Path | None, typer.Option("--policy", metavar="FILE", help="a spec, for its policy")] = None,
    truth: Annotated[
        list[str] | None, typer.Option("--truth", metavar="NAME", help="only this one; may be given again; see --list")
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, max=100_000, help="runs of each truth")] = None,
    rate: Annotated[float | None, typer.Option("--rate", min=0.01, max=5000, help="requests/s of all users")] = None,
    weight: Annotated[
        str | None, typer.Option("--weight", metavar="SHARE", help="stay at this share, such as 5%, not up the steps")
    ] = None,
    rules: Annotated[str | None, typer.Option("--rules", metavar="A,B,…", help="only these; see --list")] = None,
    acceptance: Annotated[
        bool, typer.Option("--acceptance", help="instead: every figure to hold, and its bar")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="few runs: a look, not evidence")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="also draw it: .png or .svg")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="also write every number here, as JSON")] = None,
    list_truths: Annotated[bool, typer.Option("--list", help="name the truths and the rules")] = False,
) -> None:
    """Try a policy on made-up services whose truth is known, beside Flagger's and Argo Rollouts' rules and a z-test."""
    console = Console()
    if list_truths:
        _list(console)
        return
    if acceptance:
        given = {"--policy": policy, "--truth": truth, "--seeds": seeds, "--rate": rate, "--weight": weight}
        _refuse_beside_acceptance({**given, "--rules": rules, "--plot": plot})
        require_writable(json_file)
        _accept(console, json_file, quick=quick)
        return
    from abreast.simulate.plot import require_plottable

    way = _way(policy, weight)
    truths, names = _truths(truth or (), rate), _rules(rules)
    if plot is not None:
        require_plottable(plot)
    require_writable(json_file)
    _compare(console, truths, names, way, seeds or (_QUICK_SEEDS if quick else _SEEDS), plot, json_file)


def _compare(
    console: Console,
    truths: "Sequence[Truth]",
    names: tuple[str, ...],
    way: "Way",
    seeds: int,
    plot: Path | None,
    json_file: Path | None,
) -> None:
    from abreast.simulate.batch import Batch, run_all
    from abreast.simulate.plot import draw
    from abreast.simulate.summary import Summary
    from abreast.simulate.table import characteristics_table

    batches = [Batch(each, way, names, seeds) for each in truths]
    with _progress(console, seeds * len(batches)) as tell, _told():
        found = run_all(batches, os.cpu_count() or 1, tell)
    summaries = [
        Summary.of(each.name, [outcomes[place] for outcomes in runs])
        for each, runs in zip(truths, found, strict=True)
        for place in range(len(names))
    ]
    shares = " – ".join(f"{share:.4g} %" for share in (100 * weight for weight in way.ladder))
    where = f"at {shares}" if way.stay else f"up {shares} – promoted"
    console.print(characteristics_table(summaries, f"{seeds} {'run' if seeds == 1 else 'runs'} of each, {where}"))
    if plot is not None:
        draw(plot, list(zip(truths, found, strict=True)), way)
        console.print(f"the picture is {plot}", soft_wrap=True, highlight=False)
    data = {"ladder": way.ladder, "stay": way.stay, "seeds": seeds}
    write(json_file, {**data, "summaries": [summary.as_dict() for summary in summaries]}, console)


def _accept(console: Console, json_file: Path | None, *, quick: bool) -> None:
    from abreast.simulate.acceptance import claims, judge, runs_of
    from abreast.simulate.table import figures_table

    held = claims(quick=quick)
    with _progress(console, runs_of(held)) as tell, _told():
        figures = judge(held, os.cpu_count() or 1, tell)
    console.print(figures_table(figures))
    write(json_file, {"quick": quick, "figures": [figure.as_dict() for figure in figures]}, console)
    if not all(figure.met for figure in figures):
        raise typer.Exit(MISSED_EXIT_CODE)


def _list(console: Console) -> None:
    from abreast.simulate.course import RULES
    from abreast.simulate.table import truths_table
    from abreast.simulate.truth import TRUTHS

    console.print(truths_table(tuple(TRUTHS.values())))
    for name, told in RULES.items():
        console.print(f"{name:10} {told}", soft_wrap=True, highlight=False)


def _refuse_beside_acceptance(given: dict[str, object]) -> None:
    """Raises UsageError."""
    wrong = ", ".join(name for name, value in given.items() if value is not None)
    if wrong:
        message = f"{wrong}: the acceptance has its own truths, weights and seeds"
        raise UsageError(message, "leave it out, or leave out --acceptance")


def _way(file: Path | None, weight: str | None) -> "Way":
    """Raises UsageError, and SpecError for a faulty spec."""
    from abreast.model.rollout import Policy
    from abreast.model.units import FULL_WEIGHT, parse_weight
    from abreast.simulate.course import Way

    way = Way.of(Policy() if file is None else _policy(file))
    if weight is not None:
        try:
            share = parse_weight(weight)
        except ValueError as error:
            raise UsageError(f"--weight: {error}", "write it such as 5%") from error
        if not 0 < share < FULL_WEIGHT:
            raise UsageError(f"--weight: {weight!r} leaves one version without users", "write it such as 5%")
        return replace(way, ladder=(share / FULL_WEIGHT,), stay=True)
    if not way.ladder:
        raise UsageError(f"{str(file)!r} has no step in which users are on both versions", "try --weight 5%")
    return way


def _policy(file: Path) -> "Policy":
    """Of the version that would most likely be rolled out. Raises UsageError and SpecError."""
    from abreast.spec_source import load_spec

    spec = load_spec(file)
    service = spec.service()
    others = [version.name for version in service.versions if version.name != service.stable]
    return spec.policy(others[-1] if others else service.stable)


def _truths(names: Sequence[str], rate_per_s: float | None) -> "tuple[Truth, ...]":
    """Raises UsageError."""
    from abreast.simulate.truth import TRUTHS

    unknown = ", ".join(repr(name) for name in names if name not in TRUTHS)
    if unknown:
        raise UsageError(f"--truth: there is no {unknown}", f"there are {', '.join(TRUTHS)}")
    chosen = [TRUTHS[name] for name in dict.fromkeys(names or TRUTHS)]
    return tuple(each if rate_per_s is None else replace(each, rate_per_s=rate_per_s) for each in chosen)


def _rules(text: str | None) -> tuple[str, ...]:
    """Raises UsageError."""
    from abreast.simulate.course import RULES

    names = tuple(RULES) if text is None else tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    unknown = ", ".join(repr(name) for name in names if name not in RULES)
    if unknown:
        raise UsageError(f"--rules: there is no {unknown}", f"there are {', '.join(RULES)}")
    return names


@contextmanager
def _progress(console: Console, runs: int) -> Iterator[Callable[[int], None]]:
    """On a terminal a bar with the time left; else nothing."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TextColumn("runs,"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=runs)

        def tell(ended: int) -> None:
            progress.advance(task, ended)

        yield tell


@contextmanager
def _told() -> Iterator[None]:
    """A worker that was killed, told as every error of ours. Raises SimulationError."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool as error:
        remedy = "try again with fewer --seeds; a machine short of memory may be the reason"
        raise SimulationError("a process of the simulation was killed", remedy) from error
