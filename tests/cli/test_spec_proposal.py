"""What `init` proposes for what it finds; whatever it finds, the result passes `check`."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abreast.cli.spec_proposal import proposal
from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec

FASTAPI = "uvicorn main:app --host 127.0.0.1 --port {port}"


@pytest.mark.parametrize(
    ("files", "run", "reason"),
    [
        ({}, "python3 -m http.server {port} --bind 127.0.0.1", "no service found"),
        ({"Procfile": "release: x\nweb: gunicorn a:b -b :$PORT\n"}, "gunicorn a:b -b :{port}", "web line of Procfile"),
        ({"Procfile": "web: a --port ${PORT:-80}"}, "a --port {port}", "Procfile"),
        ({"Procfile": "web: a --to $DB"}, "sh -c 'exec a --to $DB'", "Procfile"),
        ({"Procfile": "web: cd x && a"}, "sh -c 'cd x && a'", "Procfile"),
        (
            {"Procfile": "worker: a", "manage.py": "import django"},
            "python3 manage.py runserver --noreload 127.0.0.1:{port}",
            "Django",
        ),
        ({"pyproject.toml": '[project]\ndependencies = ["FastAPI>=0.1"]'}, FASTAPI, "pyproject.toml asks for fastapi"),
        ({"requirements.txt": "# x\nfastapi[standard]==0.1\n"}, FASTAPI, "requirements.txt asks for fastapi"),
        ({"requirements.txt": "flask\n", "app.py": ""}, "flask --app app run --host 127.0.0.1 --port {port}", "flask"),
        ({"requirements.txt": "flask-not\n"}, "flask --app main run --host 127.0.0.1 --port {port}", "flask"),
        ({"package.json": '{"scripts": {"start": "node ."}}'}, "npm start", "variable PORT"),
        (
            {"package.json": "{", "pyproject.toml": "[", "Procfile": "web"},
            "python3 -m http.server {port} --bind 127.0.0.1",
            "no service",
        ),
        (
            {"package.json": "[]", "pyproject.toml": "project = 1"},
            "python3 -m http.server {port} --bind 127.0.0.1",
            "no service",
        ),
    ],
)
def test_the_command_fits_what_is_there(tmp_path: Path, files: dict[str, str], run: str, reason: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    found = proposal(tmp_path)
    assert reason in found.reason
    expected = parse_spec("versions: {v1: {run: " + json.dumps(run) + "}}").service().versions[0].run
    versions = parse_spec(found.text).service().versions
    assert [(version.name, version.run) for version in versions] == [("v1", expected), ("v2", expected)]


def test_the_service_is_named_after_the_directory(tmp_path: Path) -> None:
    (tmp_path / "My Shop").mkdir()
    assert parse_spec(proposal(tmp_path / "My Shop").text).service().name == "my-shop"
    (tmp_path / "true").mkdir()
    assert parse_spec(proposal(tmp_path / "true").text).service().name == "true"


def test_files_that_cannot_be_read_count_as_not_there(tmp_path: Path) -> None:
    (tmp_path / "Procfile").mkdir()
    (tmp_path / "requirements.txt").write_bytes(b"\xff")
    (tmp_path / "package.json").write_text(" " * 1_000_001, encoding="utf-8")
    assert "no service found" in proposal(tmp_path).reason


def test_what_is_commented_out_are_the_defaults(tmp_path: Path) -> None:
    text = proposal(tmp_path).text
    head, rollout = text.split("# rollout:", 1)
    shown = head + "rollout:" + "\n".join(line.removeprefix("# ") for line in rollout.split("\n"))
    assert parse_spec(shown).policy("v2") == parse_spec(text).policy("v2")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=30))
def test_whatever_procfile_says_the_spec_is_sound_yaml(tmp_path: Path, command: str) -> None:
    (tmp_path / "Procfile").write_text(f"web: {command}", encoding="utf-8")
    text = proposal(tmp_path).text
    assert text.startswith("# abreast")
    try:
        versions = parse_spec(text).service().versions
    except SpecError as refusal:
        found = refusal.faults
    else:
        assert versions[0].run
        return
    assert {fault.path for fault in found} == {"versions.v1.run", "versions.v2.run"}
