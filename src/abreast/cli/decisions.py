"""``abreast accept`` and ``abreast reopen``: people's decisions on findings."""

import json
import sys
import time
from datetime import datetime
from typing import Annotated, Any

import typer

from abreast.cli.client import Client
from abreast.cli.finding import Number
from abreast.cli.options import DEFAULT_FILE, AsJson, Reason, SpecFile
from abreast.model.errors import UsageError
from abreast.model.units import parse_duration
from abreast.model.visible import visible

Rollout = Annotated[int | None, typer.Option("--rollout", min=0, help="refuse if another rollout has begun since")]


def accept(
    number: Number,
    *,
    reason: Annotated[str, typer.Option("--reason", "-m", help="why it is meant, for the audit log")],
    until: Annotated[str, typer.Option("--until", help="open it again then: 14d, 2026-12-01; default: never")] = "",
    rollout: Rollout = None,
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Say that a difference is meant: it no longer counts against the candidate."""
    body: dict[str, object] = {"reason": reason, "rollout": rollout}
    body["until"] = _moment(until, time.time()) if until else None
    _decide(Client(file), f"/findings/{number}/accept", body, as_json=as_json)


def reopen(
    number: Number,
    *,
    reason: Reason = "",
    rollout: Rollout = None,
    file: SpecFile = DEFAULT_FILE,
    as_json: AsJson = False,
) -> None:
    """Have a difference that was accepted or resolved count again."""
    body: dict[str, object] = {"reason": reason, "rollout": rollout}
    _decide(Client(file), f"/findings/{number}/reopen", body, as_json=as_json)


def _decide(client: Client, path: str, body: dict[str, object], *, as_json: bool) -> None:
    done: dict[str, Any] = client.post(path, body)
    if as_json:
        sys.stdout.write(json.dumps(done, indent=2, ensure_ascii=False) + "\n")
        return
    sys.stdout.write(f"{visible(done['message'])}\n{done['finding']['next']}\n")


def _moment(text: str, now: float) -> float:
    """Unix seconds of a duration from ``now``, or of a date or time, local unless it says otherwise (ISO 8601)."""
    try:
        return now + parse_duration(text)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError):
        message = f"--until: {text!r} is neither a duration nor a date"
        raise UsageError(message, "such as: --until 14d, --until 2026-12-01, --until 2026-12-01T09:00+01:00") from None
