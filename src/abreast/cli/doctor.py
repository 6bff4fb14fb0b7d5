"""``abreast doctor``: what is wrong with this set-up."""

import json
import sys
from dataclasses import asdict
from typing import Any

import typer

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.envoy.binary import envoy_binary
from abreast.model.errors import AbreastError, Fault, NotRunningError, SpecError
from abreast.operations.machine import Finding, machine
from abreast.spec_source import doubts, load_spec, migration_faults, missing_files

_MARKS = {"ok": "✔", "warning": "!", "fault": "✘"}


def doctor(*, file: SpecFile = DEFAULT_FILE, as_json: AsJson = False) -> None:
    """Look for what is wrong with this set-up; exit code 1 if something endangers users or the rollout."""
    client = Client(file)
    findings = [] if client.remote else [asdict(each) for each in _spec(file)]
    try:
        findings += client.get("/doctor")
    except NotRunningError as error:
        if client.remote:
            raise
        findings += [asdict(each) for each in machine(file.resolve().parent)]
        findings.append(asdict(Finding("warning", error.message, error.remedy)))
    if as_json:
        sys.stdout.write(json.dumps(findings, indent=2, ensure_ascii=False) + "\n")
    else:
        _show(findings)
    raise typer.Exit(1 if any(each["state"] == "fault" for each in findings) else 0)


def _spec(file: SpecFile) -> list[Finding]:
    findings: list[Finding] = []
    try:
        spec = load_spec(file)
        faults = [*missing_files(spec), *migration_faults(spec)]
        findings += map(_fault, faults)
        findings += [Finding("fault", *doubt.split("\n  → ", 1)) for doubt in doubts(spec)]
        if not findings:
            findings.append(Finding("ok", f"{file} has no fault"))
    except SpecError as error:
        findings += map(_fault, error.faults)
    except AbreastError as error:
        findings.append(Finding("fault", error.message, error.remedy))
    try:
        findings.append(Finding("ok", f"Envoy is at {envoy_binary()}"))
    except AbreastError as error:
        findings.append(Finding("fault", error.message, error.remedy))
    return findings


def _fault(fault: Fault) -> Finding:
    where, _, _ = str(fault).partition("\n")
    return Finding("fault", where, fault.remedy)


def _show(findings: list[dict[str, Any]]) -> None:
    for each in findings:
        sys.stdout.write(f"{_MARKS[each['state']]} {each['what']}\n")
        if each["remedy"] and each["state"] != "ok":
            sys.stdout.write(f"  → {each['remedy']}\n")
