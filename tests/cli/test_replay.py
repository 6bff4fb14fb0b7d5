"""`abreast replay` as a user meets it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from abreast.cli.replay import replay
from abreast.model.errors import AbreastError, SpecError, StoreError, UsageError
from abreast.replay.source import load
from abreast.store.sqlite import open_store
from tests.replay.kept import keep
from tests.replay.recorder import REPLAYS

APP = typer.Typer()
APP.command()(replay)
ERRORS = REPLAYS / "rolled-back-by-errors.ndjson"
SPEC = """\
service: shop
stable: v1
versions:
  v1: {endpoints: [127.0.0.1:9001]}
  v2: {endpoints: [127.0.0.1:9002]}
rollout:
  steps: [{weight: 10%}, {weight: 25%}, {weight: 100%}]
  step_time: {at_least: 80s}
"""


def run(*words: object) -> tuple[int, str]:
    """Exit code, and what was printed. Raises what the program would print as an error."""
    result = CliRunner().invoke(APP, list(map(str, words)), env={"COLUMNS": "200"})
    if isinstance(result.exception, AbreastError):
        raise result.exception
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout


def test_the_same_course_is_exit_code_0() -> None:
    code, out = run(ERRORS)
    assert code == 0
    assert "rollout 1 of shop, v1 → v2, under its own policy" in out
    assert "verdict: worse" in out
    assert "The same course: " in out


def test_another_policy_may_be_another_course_and_exit_code_1(tmp_path: Path) -> None:
    spec = tmp_path / "abreast.yaml"
    spec.write_text(SPEC)
    found = tmp_path / "found.json"
    code, out = run(ERRORS, "--policy", spec, "--json", found)
    assert code == 1
    assert "Another course. The first difference in " in out
    assert f"written: {found}" in out
    data = json.loads(found.read_text())
    assert (data["same"], data["policy"]) == (False, "given")


def test_a_version_that_the_spec_has_no_more_is_judged_by_its_newest(tmp_path: Path) -> None:
    spec = tmp_path / "abreast.yaml"
    spec.write_text(SPEC.replace("v2:", "v9:"))
    code, out = run(ERRORS, "--policy", spec)
    assert code == 1
    assert "v1 → v2, under another policy" in out


async def in_store(directory: Path) -> None:
    """The recording as a control plane leaves it."""
    store = await open_store(directory / "abreast.db")
    await keep(store, load(ERRORS))
    await store.close()


async def test_a_state_directory_is_recorded_and_decides_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_store(tmp_path / ".abreast")
    copy = tmp_path / "copy.ndjson"
    code, out = run(tmp_path / ".abreast", "--out", copy)
    assert (code, f"written: {copy}" in out) == (0, True)
    assert load(copy) == load(ERRORS)
    monkeypatch.chdir(tmp_path)
    assert run()[0] == 0
    assert run("--file", tmp_path / "abreast.yaml", "--rollout", 1)[0] == 0
    with pytest.raises(UsageError, match="no record of rollout 2"):
        run("--rollout", 2)


def test_what_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no"):
        run(tmp_path / "nowhere")
    with pytest.raises(UsageError, match=r"there is no .*\.abreast"):
        run("--file", tmp_path / "abreast.yaml")
    with pytest.raises(StoreError, match="there is no store"):
        run(tmp_path)
    bad = tmp_path / "bad.ndjson"
    bad.write_text(ERRORS.read_text("utf-8").replace('"candidate":[', '"candidate":{', 1), "utf-8")
    with pytest.raises(UsageError, match=r"bad\.ndjson:\d+: .* is no JSON"):
        run(bad)
    with pytest.raises(UsageError, match="there is no spec"):
        run(ERRORS, "--policy", tmp_path / "abreast.yaml")
    (tmp_path / "abreast.yaml").write_text("service: shop\nversion: v1\n")
    with pytest.raises(SpecError):
        run(ERRORS, "--policy", tmp_path / "abreast.yaml")


def test_a_fleets_store_is_told_as_a_server_is_and_no_second_source(tmp_path: Path) -> None:
    spec = tmp_path / "abreast.yaml"
    spec.write_text(SPEC)
    with pytest.raises(UsageError, match="two sources"):
        run(ERRORS, "--store", "postgresql://127.0.0.1:1/x")
    with pytest.raises(UsageError, match="no address of a PostgreSQL"):
        run("--store", "mysql://db/x", "--file", spec)
    with pytest.raises(StoreError, match="not reached"):
        run("--store", "postgresql://127.0.0.1:1/x", "--file", spec)


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, option: str) -> None:
    with pytest.raises(UsageError, match=f"{option}: .*nowhere.* cannot be written"):
        run(ERRORS, option, tmp_path / "nowhere" / "file")
