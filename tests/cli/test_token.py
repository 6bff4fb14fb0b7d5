"""``abreast token``: what is sent to a control plane, and what is done where none runs."""

import json
import os
import re
from pathlib import Path

import pytest

from abreast.bench.target import free_port
from abreast.model.errors import RefusedError, UsageError
from abreast.state_dir import StateDir
from tests.cli.plane import Plane, Run, runner

SPEC = "service: shop\nversions: {v1: {endpoints: ['127.0.0.1:9001']}}\n"
TOKEN = {
    "id": "0" * 12,
    "name": "ada",
    "role": "operator",
    "created_at": 1_763_000_000.0,
    "created_by": "root",
    "expires_at": 1_770_000_000.0,
    "used_at": None,
}


class TestRunning:
    """A control plane answers."""

    def test_create_sends_what_was_asked_and_prints_the_secret_alone(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/tokens", {"token": TOKEN, "secret": "abreast_x"}, status=201)
        ended = abreast("token", "create", "ada", "--role", "operator", "--expires", "90d")
        assert (ended.code, ended.out) == (0, "abreast_x\n")
        assert ended.err.startswith("ada is a token of the role operator, until 2026-02-")
        (asked,) = plane.asked
        assert asked.body is not None
        assert asked.body.pop("actor")
        assert asked.body == {"name": "ada", "role": "operator", "valid_s": 90 * 86_400.0}

    def test_as_json_it_is_one_document(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/tokens", {"token": TOKEN, "secret": "abreast_x"}, status=201)
        ended = abreast("token", "create", "ada", "--role", "operator", "--json")
        assert (json.loads(ended.out)["secret"], ended.err) == ("abreast_x", "")

    def test_list_shows_one_on_each_line(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/tokens", [TOKEN, {**TOKEN, "name": "ci", "expires_at": None, "used_at": 1_763_002_800.0}])
        ada, ci = abreast("token", "list").out.splitlines()
        assert ada.split()[:2] == ["ada", "operator"]
        assert "never used" in ada
        assert "no end" in ci
        assert re.search(r"used 2025-11-1\d \d\d h", ci)

    def test_revoke_says_what_the_control_plane_says(self, plane: Plane, abreast: Run) -> None:
        plane.answers("/tokens/ada/revoke", {"message": "ada is revoked"})
        assert abreast("token", "revoke", "ada").out == "ada is revoked\n"

    def test_a_refusal_ends_with_its_exit_code(self, plane: Plane, abreast: Run) -> None:
        problem = {"detail": "there is a token 'ada' already", "remedy": "choose another", "exit_code": 6}
        plane.answers("/tokens", problem, status=409)
        ended = abreast("token", "create", "ada", "--role", "viewer")
        assert (ended.code, ended.out) == (6, "")
        assert "already" in ended.err


class TestAlone:
    """No control plane runs: the store is changed itself, and its log knows who did it."""

    @pytest.fixture
    def abreast(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
        (tmp_path / "abreast.yaml").write_text(SPEC, encoding="utf-8")
        return runner(tmp_path, monkeypatch, capsys)

    def test_a_token_is_made_listed_and_revoked(self, abreast: Run) -> None:
        assert abreast("token", "list").out.startswith("there is no token; make one with: abreast token create")
        made = abreast("token", "create", "ada", "--role", "admin")
        assert made.code == 0
        assert made.out.startswith("abreast_")
        (row,) = json.loads(abreast("token", "list", "--json").out)
        assert (row["name"], row["role"], row["expires_at"]) == ("ada", "admin", None)
        assert made.out.strip() not in str(row)
        again = abreast("token", "create", "ada", "--role", "viewer")
        assert (again.code, again.out) == (RefusedError.exit_code, "")
        assert abreast("token", "revoke", "ada").out.startswith("ada is revoked")
        assert json.loads(abreast("token", "list", "--json").out) == []

    def test_a_state_directory_that_somebody_holds_is_left_alone(self, abreast: Run, tmp_path: Path) -> None:
        state = StateDir.beside(tmp_path)
        state.make()
        lock = state.lock()
        ended = abreast("token", "create", "ada", "--role", "admin")
        os.close(lock)
        assert ended.code == 8
        assert not state.store.exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("create", "a b", "--role", "viewer"), "'a b' is no name of a token"),
        (("create", "ada", "--role", "root"), "there is no role 'root'"),
        (("create", "ada", "--role", "viewer", "--expires", "90"), "--expires"),
        (("create", "ada", "--role", "viewer", "--expires", "0s"), "is over at once"),
        (("revoke", "../x"), "'../x' is no name of a token"),
    ],
)
def test_what_makes_no_sense_is_told_before_anybody_is_asked(
    plane: Plane, abreast: Run, words: tuple[str, ...], told: str
) -> None:
    ended = abreast("token", *words)
    assert ended.code == UsageError.exit_code
    assert told in ended.err
    assert plane.asked == []


@pytest.mark.parametrize("words", [["create", "ci", "--role", "viewer"], ["list"], ["revoke", "ci"]])
def test_of_another_machine_nothing_is_made_up_here(
    abreast: Run, short_tmp: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Without its API the store beside the spec is not the one that is meant."""
    (short_tmp / "abreast.yaml").write_text("versions: {v1: {run: sleep 1}}\n", "utf-8")
    monkeypatch.setenv("ABREAST_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("ABREAST_TOKEN", "abreast_secret")
    ended = abreast("token", *words)
    assert ended.code == 7
    assert "is not reached" in ended.err
    assert not (short_tmp / ".abreast").exists()


@pytest.mark.parametrize("words", [["create", "ci", "--role", "viewer"], ["list"], ["revoke", "ci"]])
def test_with_a_fleets_store_no_control_plane_is_asked(
    plane: Plane, abreast: Run, short_tmp: Path, words: list[str]
) -> None:
    (short_tmp / "abreast.yaml").write_text(SPEC, "utf-8")
    ended = abreast("token", *words, "--store", "mysql://db/x")
    assert ended.code == UsageError.exit_code
    assert "--store: that is no address of a PostgreSQL" in ended.err
    assert plane.asked == []
