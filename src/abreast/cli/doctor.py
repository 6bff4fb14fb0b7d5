"""``abreast doctor``: what is wrong with this set-up."""

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import typer

from abreast.cli.client import Client
from abreast.cli.options import DEFAULT_FILE, AsJson, SpecFile
from abreast.envoy.binary import envoy_binary
from abreast.model.errors import AbreastError, Fault, NotRunningError, SpecError
from abreast.model.service import Service, Version
from abreast.operations.machine import Finding, machine
from abreast.spec_source import doubts, load_spec, migration_faults, missing_files
from abreast.state_dir import StateDir

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
    kept = StateDir.beside(file.resolve().parent).spec
    try:
        if kept.exists() and not file.exists():
            return [*_envoy(), Finding("ok", "the spec is in etcd; a running `abreast up` says what is wrong with it")]
        spec = load_spec(file)
        faults = [*missing_files(spec), *migration_faults(spec)]
        findings += map(_fault, faults)
        findings += _engine(spec.service().versions)
        findings += _cluster(spec.service())
        findings += [Finding("fault", *doubt.split("\n  → ", 1)) for doubt in doubts(spec)]
        if all(each.state == "ok" for each in findings):
            findings.append(Finding("ok", f"{file} has no fault"))
    except SpecError as error:
        findings += map(_fault, error.faults)
    except AbreastError as error:
        findings.append(Finding("fault", error.message, error.remedy))
    return [*findings, *_envoy()]


def _envoy() -> Iterator[Finding]:
    try:
        yield Finding("ok", f"Envoy is at {envoy_binary()}")
    except AbreastError as error:
        yield Finding("fault", error.message, error.remedy)


def _engine(versions: Sequence[Version]) -> Iterator[Finding]:
    """The container engine, if some version needs one, and what such versions lack here."""
    from abreast.drivers.docker_engine import EngineAwayError, engine_name
    from abreast.drivers.docker_faults import require_sources

    boxed = [version for version in versions if version.container is not None]
    if not boxed:
        return
    for version in boxed:
        try:
            require_sources(version)
        except AbreastError as error:
            yield Finding("fault", error.message, error.remedy)
    try:
        yield Finding("ok", f"the container engine is {asyncio.run(engine_name())}")
    except AbreastError as error:
        yield Finding("fault", error.message, error.remedy)
    except EngineAwayError as error:
        yield Finding("fault", str(error), "start it, or say by DOCKER_HOST where another one is")


def _cluster(service: Service) -> list[Finding]:
    """The clusters that the spec needs, if it needs any."""
    if service.gateway.route is None and not any(version.workload for version in service.versions):
        return []
    from abreast.operations.cluster import cluster_findings

    return asyncio.run(cluster_findings(service))


def _fault(fault: Fault) -> Finding:
    where, _, _ = str(fault).partition("\n")
    return Finding("fault", where, fault.remedy)


def _show(findings: list[dict[str, Any]]) -> None:
    for each in findings:
        sys.stdout.write(f"{_MARKS[each['state']]} {each['what']}\n")
        if each["remedy"] and each["state"] != "ok":
            sys.stdout.write(f"  → {each['remedy']}\n")
