"""The plan as `abreast check` and `abreast start --plan` print it, at the rate given or seen."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from abreast.cli.client import Client, RemoteError
from abreast.cli.spec_plan import plan_rows, summary, unprovable
from abreast.model.errors import NotRunningError
from abreast.model.spec import Spec
from abreast.model.units import percent
from abreast.spec_source import doubts


@dataclass(frozen=True)
class Load:
    """Users' requests per second, the share of them that fails on stable, and whether that was seen just now."""

    rate_per_s: float
    bad: float = 0.0
    seen: bool = False

    def __str__(self) -> str:
        if not self.seen:
            return f"at {self.rate_per_s:g} requests/s"
        return f"at the {self.rate_per_s:.3g} requests/s of just now, of which {percent(self.bad, 1)} fail"


def seen_load(file: Path) -> Load | None:
    """What a running control plane of the spec sees; None if none runs, or nobody asks it anything."""
    try:
        status: dict[str, Any] = Client(file).get("/status")
    except (NotRunningError, RemoteError):
        return None
    rate_per_s = sum(version["rps"] for version in status["versions"])
    failing = [version["error_share"] or 0.0 for version in status["versions"] if version["side"] == "stable"]
    return Load(rate_per_s, failing[0] if failing else 0.0, seen=True) if rate_per_s else None


def report(spec: Spec, file: Path, candidate: str, load: Load | None, *, as_json: bool) -> None:
    """Print the plan of a rollout of that version, and warn of what cannot be proven in time."""
    service, policy = spec.service(), spec.policy(candidate)
    rate_per_s, bad = (load.rate_per_s, load.bad) if load is not None else (None, 0.0)
    warnings = [*doubts(spec), *unprovable(policy, rate_per_s, bad)]
    if as_json:
        found = {
            "ok": True,
            "service": service.name,
            "stable": service.stable,
            "versions": [version.name for version in service.versions],
            "candidate": candidate,
            "rate_per_s": rate_per_s,
            "flags": {flag.name: flag.lines() for flag in spec.flags},
            "plan": plan_rows(policy, rate_per_s, bad),
            "warnings": warnings,
        }
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{file}: no faults\n")
    for text in summary(service, policy, candidate, rate_per_s, bad):
        typer.echo(text)
    if load is None:
        typer.echo("  how long the evidence takes depends on the requests: abreast check --rate 50")
    elif load.seen:
        typer.echo(f"  all of this {load}")
    for flag in spec.flags:
        typer.echo(f"\nflag {flag.name}{'' if flag.on else ' (begins switched off)'}:")
        for text in flag.lines():
            typer.echo(f"  {text}")
    for warning in warnings:
        typer.echo(f"\nwarning: {warning}", err=True)
