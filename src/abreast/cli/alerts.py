"""``abreast alerts test``: does what should be told arrive?"""

import json
import sys
import time
from dataclasses import asdict
from typing import Annotated, Any

import typer

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.model.visible import visible

app = typer.Typer(help="Whether those who should be told of what happens are told.", no_args_is_help=True)

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        envvar="ABREAST_ALERT_URL",
        help="try this address from here, instead of those of the running control plane",
    ),
]


@app.callback()
def alerts() -> None:
    """Alerts: see docs/alerts.md."""


@app.command("test")
def send_test(*, url: Url = None, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Send a test alert to every address, and say what each answered; exit code 1 if one did not take it."""
    trials: list[dict[str, Any]] = _try(url) if url else Client(file).post("/alerts/test", {})
    if as_json:
        sys.stdout.write(json.dumps(trials, indent=2, ensure_ascii=False) + "\n")
    else:
        for each in trials:
            sys.stdout.write(f"{_line(each)}\n")
        if any(each["failure"] for each in trials):
            sys.stdout.write("mend the address in `alerts` of the spec, or what is behind it, then try again\n")
    raise typer.Exit(1 if any(each["failure"] for each in trials) else 0)


def _try(url: str) -> list[dict[str, Any]]:
    from abreast.alerts.address import addresses  # its HTTP client takes a while to import
    from abreast.alerts.alert import Alert
    from abreast.alerts.trial import try_out

    return [asdict(trial) for trial in try_out(addresses((url,)), Alert.test("abreast", time.time()))]


def _line(trial: dict[str, Any]) -> str:
    if trial["failure"]:
        return f"✘ {trial['address']}: {visible(trial['failure'])}"
    return f"✔ {trial['address']}: took it within {trial['took_s']:.2f} s"
