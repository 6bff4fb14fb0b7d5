"""``abreast data``: the schema of two versions at once, and what they wrote."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from abreast.cli.data_lint import as_json_text, lint
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.model.errors import UsageError
from abreast.model.units import parse_duration
from abreast.model.visible import visible

if TYPE_CHECKING:  # the driver takes a while to import, and every verb of the program imports this module
    from abreast.operations.data import Data
    from abreast.postgres.consistency import TableCheck


app: Final = typer.Typer(
    help="Two versions on one PostgreSQL: each sees its own schema over the same rows. See docs/data.md.",
    no_args_is_help=True,
    add_completion=False,
)

Named = Annotated[str | None, typer.Argument(help="the new version; left out: the one whose migration is due")]
From = Annotated[str | None, typer.Option("--from", help="the version beside it; left out: the one before it")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="do not ask, for pipelines")]
Since = Annotated[str, typer.Option("--since", help="a time, or how long ago: 2026-05-01T12:00:00Z, 2h")]
Required = Annotated[str, typer.Argument(help="a version of the spec's")]


WATCH_S: Final = 5.0
DIVERGENT: Final = 15
"""The exit code of a check that found rows whose sides contradict each other."""


@app.callback()
def data() -> None:
    """Data: see docs/data.md."""


@app.command()
def plan(
    version: Named = None, *, previous: From = None, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False
) -> None:
    """Show every statement of expand, contract and undo, what each locks and for how long at most; change nothing."""
    with _database(file) as database:
        made = database.plan(version, previous)
        lock_ms = round(database.settings.lock_timeout_s * 1000)
    if as_json:
        sys.stdout.write(as_json_text(made))
        return
    from abreast.cli import data_view

    for note in made.notes:
        sys.stdout.write(f"-- note: {visible(note)}\n")
    for title, steps in (("expand", made.expand), ("contract", made.contract), ("undo", made.undo)):
        sys.stdout.write(f"\n-- {title}: {data_view.about(made, title)}\n")
        for number, step in enumerate(steps, 1):
            sys.stdout.write(data_view.step(made, step, number, lock_ms))


@app.command()
def adopt(version: Required, *, file: SpecFile = DEFAULT_FILE) -> None:
    """Give the version that runs a role and views of its own, before the first expand."""
    with _database(file) as database:
        adopted = database.adopt(version)
        notes = database.excluded(adopted)
    from abreast.cli import data_view

    sys.stdout.write(
        f"{version} has the views {adopted.views} and the role {adopted.role}\n{data_view.connect(adopted.role)}"
    )
    for note in notes:
        sys.stdout.write(f"note: {visible(note)}\n")


@app.command()
def expand(version: Named = None, *, previous: From = None, file: SpecFile = DEFAULT_FILE) -> None:
    """Make what the new version needs beside what the old one has, and fill it; both can run then."""
    with _database(file) as database:
        migration = database.expand(version, previous)
        made = database.version(migration.plan.new_version)
        notes = database.excluded(made)
    from abreast.cli import data_view

    sys.stdout.write(
        f"{made.name} can run beside {migration.plan.old_version}: views {made.views}, role {made.role}\n"
        f"{data_view.connect(made.role)}"
    )
    for note in notes:
        sys.stdout.write(f"note: {visible(note)}\n")


@app.command()
def status(*, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show where the migration stands, who is connected, and whose writes are fenced or journalled."""
    with _database(file) as database:
        found = database.status()
    if as_json:
        sys.stdout.write(as_json_text(found))
        return
    from abreast.cli import data_view

    sys.stdout.write(f"{data_view.where(found.migration)}\n")
    for role in found.roles:
        sys.stdout.write(f"  {data_view.role(role)}\n")
    tables = ", ".join(relation.name for relation in found.journalled)
    sys.stdout.write(f"  journal  {tables or 'no table: abreast data changes and repair need `data.tags`'}\n")


@app.command()
def contract(*, yes: Yes = False, file: SpecFile = DEFAULT_FILE) -> None:
    """End with the new version alone: the old version's views and columns go, for good."""
    with _database(file) as database:
        made = database.under_way("contract").plan
        _confirm(f"This drops what only {made.old_version} sees. {made.old_version} cannot run afterwards.", yes=yes)
        ended = database.contract()
    sys.stdout.write(f"{ended.plan.new_version} is alone; what only {ended.plan.old_version} saw is dropped\n")


@app.command()
def undo(*, yes: Yes = False, file: SpecFile = DEFAULT_FILE) -> None:
    """End with the old version alone: the new version's views and columns go, for good."""
    with _database(file) as database:
        made = database.under_way("undo").plan
        _confirm(
            f"This drops what only {made.new_version} sees, with what it wrote there. It has to be expanded anew then.",
            yes=yes,
        )
        ended = database.undo()
    sys.stdout.write(f"{ended.plan.old_version} is alone; what only {ended.plan.new_version} saw is dropped\n")


@app.command()
def check(
    *,
    right: Annotated[
        str, typer.Option("--mend", help="old or new: make the other side again of this one, where they contradict")
    ] = "",
    watch: Annotated[bool, typer.Option("--watch", help="look again every few seconds, until interrupted")] = False,
    limit: Annotated[int, typer.Option("--limit", min=0, help="how many rows of a table are shown")] = 20,
    yes: Yes = False,
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Look whether the two versions' sides of each row agree; exit code 15 if one does not."""
    from abreast.cli import data_view

    if right not in {"", "old", "new"}:
        raise UsageError(
            f"--mend {right!r}: there are two sides", "say --mend old or --mend new: the one that is right"
        )
    if right and watch:
        raise UsageError("--watch only looks, --mend looks once", "leave one of them out")
    with _database(file) as database:
        found = database.check(limit)
        wrong = sum(table.divergent for table in found)
        if watch:
            wrong = _watched(database, found, limit, as_json=as_json)
        elif not as_json:
            sys.stdout.write(data_view.checks(found))
        mended = 0
        if right and wrong:
            _confirm(f"This makes {data_view.rows(wrong)} again of the {right} side.", yes=yes)
            mended = database.mend("old" if right == "old" else "new")
            wrong = sum(table.divergent for table in database.check(0))
        if as_json and not watch:
            sys.stdout.write(as_json_text({"tables": found, "mended": mended}))
        elif mended:
            sys.stdout.write(f"made {data_view.rows(mended)} again of the {right} side\n")
    raise typer.Exit(DIVERGENT if wrong else 0)


@app.command()
def changes(
    version: Required,
    *,
    since: Since = "",
    tables: Annotated[list[str] | None, typer.Option("--table", help="only this table; may be given again")] = None,
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """List what a version wrote to the tables that are journalled, oldest first."""
    from abreast.cli import data_view

    with _database(file) as database:
        nothing = True
        for change in database.changes(version, _since(since), tuple(tables or ())):
            nothing = False
            sys.stdout.write(as_json_text(change, indent=None) if as_json else data_view.change(change))
    if nothing and not as_json:
        sys.stdout.write(f"{version} wrote nothing that is journalled\n")


@app.command()
def repair(
    version: Required,
    *,
    since: Since = "",
    apply: Annotated[bool, typer.Option("--apply", help="do it; without it nothing is changed")] = False,
    yes: Yes = False,
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Propose to put back what a version wrote, row by row; with --apply do so where nobody has written since."""
    from abreast.cli import data_view
    from abreast.schema.repair import Verdict

    with _database(file) as database:
        proposal, outcome = database.propose(version, _since(since)), None
        if not as_json:
            sys.stdout.write(data_view.proposal(proposal))
        clean = proposal.counts[Verdict.CLEAN]
        if apply and clean:
            _confirm(f"This puts {data_view.rows(clean)} back to what was there before {version} wrote.", yes=yes)
            outcome = database.repair(proposal)
    if as_json:
        sys.stdout.write(as_json_text({"proposal": proposal, "outcome": outcome}))
    elif outcome:
        sys.stdout.write(data_view.outcome(outcome))
    elif clean:
        sys.stdout.write("nothing was changed; do it with --apply\n")


@app.command()
def fence(version: Required, *, file: SpecFile = DEFAULT_FILE) -> None:
    """Take a version's writes away at once; its reads go on."""
    with _database(file) as database:
        took_ms = database.fence(version) * 1000
    sys.stdout.write(
        f"{version} writes nothing any more ({took_ms:.0f} ms); abreast data unfence {version} takes it back\n"
    )


@app.command()
def unfence(version: Required, *, file: SpecFile = DEFAULT_FILE) -> None:
    """Let a fenced version write again."""
    with _database(file) as database:
        database.unfence(version)
    sys.stdout.write(f"{version} may write again\n")


def _watched(database: "Data", found: "tuple[TableCheck, ...]", limit: int, *, as_json: bool) -> int:
    """Show what is found again and again, as JSON a line each time; when interrupted, the rows wrong at last."""
    from abreast.cli import data_view

    with suppress(KeyboardInterrupt):
        while True:
            shown = {"at": datetime.now(UTC), "tables": found}
            sys.stdout.write(as_json_text(shown, indent=None) if as_json else data_view.checks(found))
            sys.stdout.flush()
            time.sleep(WATCH_S)
            found = database.check(limit)
    return sum(table.divergent for table in found)


@contextmanager
def _database(file: Path) -> "Iterator[Data]":
    from abreast.cli.data_progress import shown
    from abreast.operations.data import opened
    from abreast.spec_source import load_spec

    spec = load_spec(file)
    with shown() as tell, opened(spec, tell) as database:
        yield database


def _since(text: str) -> datetime | None:
    """A time as it is written, in UTC unless it says otherwise, or so long ago."""
    if not text:
        return None
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
    except (ValueError, OverflowError):
        raise UsageError(f"--since {text!r} is no time", "write 2026-05-01T12:00:00Z, or how long ago: 2h") from None


def _confirm(what: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{what} Nobody is there to be asked", "say --yes; nothing was changed")
    typer.confirm(f"{what} Go on?", abort=True, err=True)


app.command()(lint)
