"""What a machine lacks: by lowering what is asked of it, or raising it above what any machine has."""

from pathlib import Path

import pytest

from abreast.operations import machine
from abreast.operations.machine import Finding


def found(words: str, directory: Path) -> Finding:
    """The finding about that."""
    (finding,) = (each for each in machine.machine(directory) if words in each.what)
    return finding


def test_what_is_enough_is_said_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ENOUGH_DESCRIPTORS", 1)
    monkeypatch.setattr(machine, "ENOUGH_DISK_BYTES", 0)
    monkeypatch.setattr(machine, "SHARED_MEMORY", str(tmp_path))
    findings = list(machine.machine(tmp_path))
    assert [(each.state, each.remedy) for each in findings] == [("ok", "")] * 3


def test_too_few_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ENOUGH_DESCRIPTORS", 2**63)
    finding = found("file descriptors are allowed, too few for 10,000 users", tmp_path)
    assert (finding.state, "ulimit -Hn" in finding.remedy) == ("warning", True)


def test_no_shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = str(tmp_path / "nowhere")
    monkeypatch.setattr(machine, "SHARED_MEMORY", nowhere)
    finding = found("Envoy needs it for hot restarts", tmp_path)
    assert finding == Finding(
        "fault", f"{nowhere} is not writable; Envoy needs it for hot restarts", f"mount a tmpfs on {nowhere}"
    )


def test_too_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ENOUGH_DISK_BYTES", 2**80)
    finding = found("MiB of disk are free here", tmp_path)
    assert (finding.state, finding.remedy) == ("warning", "make room: store and logs need it")
