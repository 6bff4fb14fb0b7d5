"""``abreast doctor``: the spec, Envoy, and the running control plane or, without one, the machine."""

import json
from pathlib import Path

import pytest

from tests.cli.plane import Plane, Run
from tests.cli.remote import RemoteApi

SPEC = """versions:
  v1: {run: "{python} -m http.server {port}", ready: GET /}
  v2: {run: "{python} -m http.server {port}", ready: GET /}
"""


@pytest.fixture
def spec(short_tmp: Path) -> Path:
    """A spec without a fault."""
    file = short_tmp / "abreast.yaml"
    file.write_text(SPEC.replace("{python}", "python3"), encoding="utf-8")
    return file


SILENT = {
    "state": "fault",
    "what": "v2 got no request for 12 s although its weight is 10 %: v1 got none either; no user reaches the gateway",
    "remedy": "see the cause named",
}


def test_a_silent_candidate_is_a_fault(plane: Plane, spec: Path, abreast: Run) -> None:
    plane.answers("/doctor", [SILENT])
    spec.write_text(SPEC.replace("{python}", "python3"), encoding="utf-8")
    ended = abreast("doctor")
    assert ended.code == 1
    assert ended.out.endswith(f"✘ {SILENT['what']}\n  → see the cause named\n")
    assert "✔ abreast.yaml has no fault\n✔ Envoy is at /" in ended.out


def test_all_is_well(plane: Plane, spec: Path, abreast: Run) -> None:
    plane.answers("/doctor", [{"state": "ok", "what": "the store can be written", "remedy": ""}])
    ended = abreast("doctor")
    assert ended.code == 0
    assert "✔ the store can be written\n" in ended.out
    assert "→" not in ended.out


def test_a_warning_is_no_failure(plane: Plane, spec: Path, abreast: Run) -> None:
    plane.answers("/doctor", [{"state": "warning", "what": "only 5 MiB are free", "remedy": "make room"}])
    ended = abreast("doctor")
    assert ended.code == 0
    assert ended.out.endswith("! only 5 MiB are free\n  → make room\n")


def test_without_a_control_plane_the_machine_is_looked_at(spec: Path, abreast: Run) -> None:
    ended = abreast("doctor", "--json")
    found = json.loads(ended.out)
    assert ended.code == 0, found
    assert any("file descriptors" in each["what"] for each in found)
    assert found[-1]["state"] == "warning"
    assert found[-1]["what"] == f"no abreast runs for '{spec.parent}'"


def test_every_fault_of_the_spec_is_one(spec: Path, abreast: Run) -> None:
    spec.write_text("versions:\n  v1: {rum: x}\n  v2: {instances: 0}\n", encoding="utf-8")
    ended = abreast("doctor")
    assert ended.code == 1
    assert "abreast.yaml:2: versions.v1.rum: unknown key" in ended.out
    assert "abreast.yaml:3: versions.v2.instances: " in ended.out


def test_a_missing_spec_is_a_fault(short_tmp: Path, abreast: Run) -> None:
    ended = abreast("doctor")
    assert ended.code == 1
    assert "✘ there is no spec 'abreast.yaml'\n  → write one with: abreast init" in ended.out


def test_faults_of_the_migrations_are_faults(spec: Path, abreast: Run) -> None:
    spec.write_text(
        spec.read_text("utf-8") + "data: {url: 'postgresql:///shop', migrations: {v2: [a.yaml, gone.yaml]}}\n",
        encoding="utf-8",
    )
    spec.with_name("a.yaml").write_text("operations: [{drop_indx: {name: x}}]\n", encoding="utf-8")
    ended = abreast("doctor")
    assert ended.code == 1
    assert "a.yaml:1: operations[0].drop_indx: there is no operation 'drop_indx'\n  → did you mean" in ended.out
    assert "✘ abreast.yaml:4: data.migrations.v2[1]: there is no file" in ended.out
    assert "has no fault" not in ended.out


def test_of_another_machine_only_it_is_examined(abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABREAST_TOKEN", "abreast_secret")
    with RemoteApi([{"state": "ok", "what": "the store is sound", "remedy": ""}]) as api:
        monkeypatch.setenv("ABREAST_URL", api.url)
        ended = abreast("doctor")
    assert (ended.code, ended.out) == (0, "✔ the store is sound\n")
    ended = abreast("doctor")
    assert ended.code == 7
    assert "is not reached" in ended.err
