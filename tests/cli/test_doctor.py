"""``abreast doctor``: the spec, Envoy, and the running control plane or, without one, the machine."""

import asyncio
import json
from contextlib import closing
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from tests.cli.plane import Plane, Run
from tests.cli.remote import RemoteApi
from tests.fakes.engine_api import engine_api

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


BOXED = "versions: {v1: {image: shop:1}, v2: {container: {build: {context: .}}}}"


async def test_the_container_engine_is_named(
    plane: Plane, spec: Path, abreast: Run, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text(BOXED, encoding="utf-8")
    (short_tmp / "Dockerfile").touch()
    plane.answers("/doctor", [])
    async with engine_api(short_tmp) as api:
        monkeypatch.setenv("DOCKER_HOST", api.url)
        ended = await asyncio.to_thread(abreast, "doctor")

    assert ended.code == 0
    assert f"✔ the container engine is Docker 20.10 at {api.url}\n" in ended.out


def test_without_an_engine_that_is_the_fault_and_so_is_a_missing_dockerfile(
    plane: Plane, spec: Path, abreast: Run, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text(BOXED, encoding="utf-8")
    plane.answers("/doctor", [])
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short_tmp}/gone.sock")

    ended = abreast("doctor")

    assert ended.code == 1
    assert "✘ versions.v2.container.build: there is no Dockerfile" in ended.out
    assert "gone.sock'\n  → start the engine, or correct DOCKER_HOST" in ended.out


def test_an_engine_that_does_not_answer_is_a_fault(
    plane: Plane, spec: Path, abreast: Run, short_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec.write_text("versions: {v1: {image: shop:1}}", encoding="utf-8")
    plane.answers("/doctor", [])
    with closing(socket(AF_UNIX)) as dead:
        dead.bind(str(short_tmp / "dead.sock"))
        monkeypatch.setenv("DOCKER_HOST", f"unix://{short_tmp}/dead.sock")

        ended = abreast("doctor")

    assert ended.code == 1
    assert "does not answer" in ended.out
    assert "  → start it, or say by DOCKER_HOST where another one is\n" in ended.out


def test_without_containers_no_engine_is_asked_for(
    plane: Plane, spec: Path, abreast: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    plane.answers("/doctor", [])
    monkeypatch.setenv("DOCKER_HOST", "unix:///gone.sock")

    assert "engine" not in abreast("doctor").out


def test_a_spec_in_etcd_has_no_file_to_look_at(plane: Plane, short_tmp: Path, abreast: Run) -> None:
    plane.answers("/doctor", [{"state": "ok", "what": "the store can be written", "remedy": ""}])
    (short_tmp / "abreast.yaml").unlink()
    ended = abreast("doctor")
    assert "there is no spec 'abreast.yaml'" in ended.out
    (short_tmp / ".abreast").mkdir(exist_ok=True)
    (short_tmp / ".abreast" / "spec.json").touch()
    ended = abreast("doctor")
    assert ended.code == 0
    assert "✔ the spec is in etcd;" in ended.out


def test_of_another_machine_only_it_is_examined(abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABREAST_TOKEN", "abreast_secret")
    with RemoteApi([{"state": "ok", "what": "the store is sound", "remedy": ""}]) as api:
        monkeypatch.setenv("ABREAST_URL", api.url)
        ended = abreast("doctor")
    assert (ended.code, ended.out) == (0, "✔ the store is sound\n")
    ended = abreast("doctor")
    assert ended.code == 7
    assert "is not reached" in ended.err


def test_the_clusters_of_a_spec_are_looked_at(spec: Path, abreast: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    spec.write_text("versions: {v1: {deployment: shop-v1, instances: 1}}\n", encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(spec.parent / "none"))
    ended = abreast("doctor")
    assert ended.code == 1
    assert "✘ no way to a Kubernetes cluster" in ended.out
    assert "set KUBECONFIG to one file" in ended.out
