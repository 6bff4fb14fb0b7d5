"""``abreast start``: by a person, or by a pipeline, which waits, is cancelled, and may be run again."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from abreast.cli.client import Client
from abreast.cli.interrupt import Interrupted, interruptible
from abreast.cli.options import DEFAULT_FILE, Alone, AsJson, Reason, SpecFile, Timeout, Wait
from abreast.cli.outcome import INTERRUPTED, Outcome, ended_by, publish, rested
from abreast.cli.plan_report import report as report_plan
from abreast.cli.plan_report import seen_load
from abreast.cli.verbs import apart, give, print_done
from abreast.cli.wait import Patience, patiently, wait_for_rest
from abreast.cli.watch import show
from abreast.model.errors import AbreastError, UsageError
from abreast.model.visible import visible
from abreast.spec_source import load_spec

Json = dict[str, Any]

HURRIED_S: Final = 6.0
"""The longest wait for an answer when interrupted: GitHub's runner kills ten seconds after its first signal."""

Join = Annotated[bool, typer.Option("--join", help="fine if it serves all users already, or its rollout is under way")]
HaltedFor = Annotated[str, typer.Option("--halted-for", help="go on waiting so long while it is paused or frozen")]
AwayFor = Annotated[str, typer.Option("--away-for", help="go on waiting so long while no control plane answers")]
OnInterrupt = Annotated[str, typer.Option("--on-interrupt", help="what a wait that is interrupted does: keep or abort")]
Report = Annotated[Path | None, typer.Option("--report", help="write how it ended into this file, as Markdown")]
GitHub = Annotated[bool, typer.Option("--github", help="annotation, summary and outputs for GitHub Actions")]


@dataclass(frozen=True)
class Order:
    """What is to be started, and how a pipeline wants it."""

    version: str
    reason: str
    alone: bool
    join: bool
    abort: bool
    as_json: bool


@dataclass
class Begun:
    """The ``rollout`` that is waited for, once it is known; ``before`` is the newest that there was until then."""

    before: int | None = None
    rollout: int | None = None


def start(  # noqa: PLR0913  # each parameter is an option
    version: Annotated[str, typer.Argument(help="the version to roll out, as the spec names it")],
    *,
    file: SpecFile = DEFAULT_FILE,
    plan: Annotated[
        bool, typer.Option("--plan", help="only print what it would do, and how long at the present rate")
    ] = False,
    alone: Alone = False,
    reason: Reason = "",
    join: Join = False,
    wait: Wait = False,
    timeout: Timeout = "24h",
    halted_for: HaltedFor = "0s",
    away_for: AwayFor = "2m",
    on_interrupt: OnInterrupt = "keep",
    report: Report = None,
    github: GitHub = False,
    as_json: AsJson = False,
) -> None:
    """Begin a rollout of VERSION beside the stable one. With --wait, for pipelines: see docs/pipelines.md."""
    if plan:
        report_plan(load_spec(file), file, version, seen_load(file), as_json=as_json)
        return
    if on_interrupt not in {"keep", "abort"}:
        raise UsageError(f"--on-interrupt: {on_interrupt!r} is neither", "one of: keep, abort")
    patience = Patience.of(timeout, halted_for, away_for, quiet=as_json)
    order = Order(version, reason, alone, join, on_interrupt == "abort", as_json)
    if not wait:
        _require_wait(join=join, report=report, github=github)
        give(Client(file), "start", _body(order), as_json=as_json)
        return
    if report is not None and not report.parent.is_dir():
        raise UsageError(f"--report: there is no directory {str(report.parent)!r}", "make it, or name another one")
    client: Client | None = None
    try:
        client = Client(file)
        outcome = _wait(client, file, order, patience)
    except AbreastError as error:
        ended = ended_by(client, error)
        if ended.state is not None and not as_json:
            sys.stderr.write(f"\n{ended.text()}")
        publish(ended, report, github=github)
        raise
    publish(outcome, report, github=github)
    raise typer.Exit(outcome.exit_code)


def _require_wait(*, join: bool, report: Path | None, github: bool) -> None:
    given = {"--join": join, "--report": report is not None, "--github": github}
    lost = [option for option, is_given in given.items() if is_given]
    if lost:
        raise UsageError(f"{' and '.join(lost)}: there is nothing to wait for", "add --wait")


def _wait(client: Client, file: Path, order: Order, patience: Patience) -> Outcome:
    """Begin, wait, and show how it ended. Raises what `_begin` and `wait_for_rest` raise."""
    begun = Begun()
    with interruptible():
        try:
            _begin(client, order, patience, begun)
            state = wait_for_rest(client, patience, begun.rollout)
        except Interrupted as stop:
            return _interrupted(stop, Client(file, HURRIED_S), order, begun)
    outcome = rested(client, state)
    show(state, as_json=order.as_json)
    sys.stdout.flush()
    if not outcome.ok and not order.as_json:
        sys.stderr.write(f"\n{outcome.text()}")
    return outcome


def _begin(client: Client, order: Order, patience: Patience, begun: Begun) -> None:
    """Start the rollout, or find that it began already; ``begun`` then says which one. Raises what the API raises.

    An order whose answer was lost is not given again if the rollout is there: who asks next time sees it.
    """

    def attempt() -> Json | None:
        state: Json = client.get("/status")
        if begun.before is None:
            begun.before = state["rollout"]
            if order.join and _there_already(state, order.version):
                begun.rollout = state["rollout"]
                patience.tell(f"rollout {state['rollout']} of {order.version} is there already: {state['phase']}")
                return None
        elif _ours(state, order, begun):
            return None
        done: Json = client.post("/commands/start", _body(order))
        return done

    done = patiently(attempt, patience)
    if done is not None and not order.as_json:
        print_done(done)
        sys.stdout.flush()  # a pipeline's log has stderr in it too, and in between
    if begun.rollout is None:
        state: Json = patiently(lambda: client.get("/status"), patience)
        begun.rollout = state["rollout"]


def _there_already(state: Json, version: str) -> bool:
    """Whether that version serves all users, or is being rolled out."""
    if state["phase"] == "completed":
        return any(each["name"] == version and each["side"] == "stable" for each in state["versions"])
    return bool(state["candidate"] == version and state["phase"] not in {"rolled-back", "rolling-back"})


def _ours(state: Json, order: Order, begun: Begun) -> bool:
    """Whether the present rollout is the one that was ordered."""
    if begun.rollout is not None:
        return bool(state["rollout"] == begun.rollout)
    return begun.before is not None and bool(state["rollout"] > begun.before and state["candidate"] == order.version)


def _interrupted(stop: Interrupted, client: Client, order: Order, begun: Begun) -> Outcome:
    """Leave the rollout, or abort it if it is ours; in a hurry, asked once."""
    said, state = "the rollout, if it began, goes on: abreast status", None
    try:
        state = client.get("/status")
        if not _ours(state, order, begun):
            said = f"no rollout of {order.version} is under way"
        elif order.abort and "abort" in state["allowed"]:
            reason = f"who waited for it was interrupted ({stop.signal.name})"
            said = client.post("/commands/abort", {"reason": reason})["message"]
        else:
            said = f"rollout {state['rollout']} stays as it is ({state['phase']}): abreast status"
    except AbreastError as error:
        said = f"{error.message}: {said}"
    outcome = Outcome(stop.exit_code, INTERRUPTED, visible(f"interrupted by {stop.signal.name}; {said}"), state=state)
    sys.stderr.write(outcome.text())
    return outcome


def _body(order: Order) -> dict[str, object]:
    return {"version": order.version, "reason": order.reason, **apart(alone=order.alone)}
