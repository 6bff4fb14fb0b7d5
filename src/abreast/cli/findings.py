"""``abreast findings``: what the candidate answers differently."""

import json
import sys
from typing import Annotated

import typer

from abreast.cli.client import Client
from abreast.cli.finding_view import list_lines
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.model.errors import UsageError

STATES = ("open", "accepted", "resolved", "all")


def findings(
    *,
    file: SpecFile = DEFAULT_FILE,
    state: Annotated[str, typer.Option("--state", help=f"one of: {', '.join(STATES)}")] = "open",
    suggest: Annotated[bool, typer.Option("--suggest", help="print rules for what is clearly noise, as YAML")] = False,
    as_json: AsJson = False,
) -> None:
    """List what the candidate answers differently, by cause, the gravest first."""
    if state not in STATES:
        message = f"--state: no finding is ever {state!r}"
        raise UsageError(message, f"one of: {', '.join(STATES)}")
    client = Client(file)
    if suggest:
        found = client.get("/findings/suggestions")
        text = found["yaml"] or "# nothing that was seen so far is clearly noise\n"
    else:
        found = client.get("/findings", state=state)
        text = "".join(f"{line}\n" for line in list_lines(found, state))
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n" if as_json else text)
