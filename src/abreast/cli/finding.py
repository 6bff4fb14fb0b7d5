"""``abreast finding N``: one finding, with both answers side by side."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from abreast.cli.client import Client
from abreast.cli.finding_view import facts
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.cli.terminal import moment
from abreast.model.errors import UsageError
from abreast.model.visible import visible

Number = Annotated[int, typer.Argument(min=1, help="the finding's number, see: abreast findings")]


def finding(
    number: Number,
    *,
    file: SpecFile = DEFAULT_FILE,
    sample: Annotated[int, typer.Option("--sample", "-s", min=1, help="which exchange; 1 is the first seen")] = 1,
    as_curl: Annotated[bool, typer.Option("--curl", help="print the request as a curl command")] = False,
    as_json: AsJson = False,
) -> None:
    """Show one finding: what is known of it, and both answers side by side."""
    detail: dict[str, Any] = Client(file).get(f"/findings/{number}")
    if as_json:
        sys.stdout.write(json.dumps(detail, indent=2, ensure_ascii=False) + "\n")
        return
    samples = detail["samples"]
    if sample > max(len(samples), 1) or (as_curl and not samples):
        message = f"finding {number} has no sample {sample}; {len(samples)} are kept"
        raise UsageError(message, f"see the rest of it: abreast finding {number}")
    if as_curl:
        from abreast.cli.curl import curl

        sys.stdout.write(curl(samples[sample - 1], detail["gateway"]))
        return
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(Text(f"finding {number} of rollout {detail['finding']['rollout']}", style="bold"))
    for name, text in facts(detail["finding"]):
        console.print(Text(f"  {name:<10}{text}"), soft_wrap=True)
    console.print()
    if not samples:
        console.print(Text("no sample is kept: they go after a while, the counts stay"))
        return
    from abreast.cli.side_by_side import show

    chosen = samples[sample - 1]
    asked = f"sample {sample} of {len(samples)}   {moment(chosen['at'])}   {chosen['method']} {visible(chosen['path'])}"
    console.print(Text(asked, style="bold"), soft_wrap=True)
    show(console, chosen)
