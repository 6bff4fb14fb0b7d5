"""``abreast flag``: what feature flags are, and their kill switch."""

import json
import re
import sys
from typing import Annotated, Any, Final

import typer

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, AsJson, Reason, SpecFile
from abreast.cli.terminal import moment
from abreast.model.errors import UsageError
from abreast.model.spec_flag_keys import NAME_PATTERN
from abreast.model.visible import visible

app: Final = typer.Typer(help="List feature flags, and switch them.", no_args_is_help=True, add_completion=False)

Name = Annotated[str, typer.Argument(help="the flag's name in the spec")]


@app.command("list")
def list_(*, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show every flag: whether it is on, since when and why, and its rules."""
    rows: list[dict[str, Any]] = Client(file).get("/flags")
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
        return
    if not rows:
        sys.stdout.write("there is no flag; name one under `flags` in the spec\n")
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        since = f"since {moment(row['at'])} by {row['actor']}: {row['reason']}"
        sys.stdout.write(f"{row['name']:<{width}}  {'on ' if row['on'] else 'off'}  {visible(since)}\n")
        for told in row["rules"]:
            sys.stdout.write(f"{'':<{width}}    {visible(told)}\n")


@app.command()
def off(
    name: Name,
    *,
    reason: Annotated[str, typer.Option("--reason", "-m", help="why, for the audit log")],
    file: SpecFile = DEFAULT_FILE,
) -> None:
    """Switch a flag off at once: everybody gets its default variant."""
    _switch(name, "off", reason, Client(file))


@app.command()
def on(name: Name, *, reason: Reason = "", file: SpecFile = DEFAULT_FILE) -> None:
    """Have a flag's rules decide again."""
    _switch(name, "on", reason, Client(file))


def _switch(name: str, word: str, reason: str, client: Client) -> None:
    if not re.fullmatch(NAME_PATTERN[1:-1], name):
        raise UsageError(f"{name!r} is no name of a flag", "see: abreast flag list")
    if word == "off" and not reason.strip():
        raise UsageError("--reason: nothing is written", "say why: abreast flag off NAME -m '…'")
    said = client.post(f"/flags/{name}/{word}", {"reason": reason})["message"]
    sys.stdout.write(f"{visible(said)}\n")
