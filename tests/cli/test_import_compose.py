"""`abreast import` as a user meets it."""

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from abreast.cli.main import app

COMPOSE = """
services:
  web:
    image: "web:${TAG}"
    env_file: app.env
    volumes: ["./data:/data"]
  db: {image: postgres}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a compose file; the working directory is it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAG", raising=False)
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    (tmp_path / ".env").write_text("TAG=7\n")
    (tmp_path / "app.env").write_text("KEY=hidden\n")
    (tmp_path / "data").mkdir()
    return tmp_path


def run(*words: str, **env: str) -> tuple[int, str, str]:
    """Exit code, what was printed, and what was printed to stderr."""
    result = CliRunner().invoke(app, list(words), env=env)
    return result.exit_code, result.stdout, result.stderr


def test_the_proposal_is_printed_and_nothing_is_written(project: Path) -> None:
    before = sorted(project.iterdir())

    code, out, error = run("import")

    assert (code, error) == (0, "")
    spec = yaml.safe_load(out)
    assert spec["versions"]["v1"]["image"] == "web:${TAG}"
    assert spec["versions"]["v1"]["env"] == {"KEY": "${KEY}"}
    assert sorted(project.iterdir()) == before


def test_what_is_written_passes_the_check(project: Path) -> None:
    code, out, error = run("import", "docker-compose.yml", "--output", "abreast.yaml")
    checked, plan, _ = run("check", TAG="7", KEY="k")

    assert (code, out) == (0, "")
    assert "wrote abreast.yaml" in error
    assert checked == 0
    assert "1 instance of the image web:7" in plan
    assert run("check")[0] == 2, "without its variables it is refused"
    assert project.joinpath("abreast.yaml").read_text().count("hidden") == 0


def test_paths_are_kept_where_the_spec_lies_elsewhere(project: Path) -> None:
    (project / "deploy").mkdir()

    assert run("import", "--output", "deploy/abreast.yaml")[0] == 0

    spec = yaml.safe_load((project / "deploy/abreast.yaml").read_text())
    assert spec["versions"]["v1"]["container"]["volumes"] == ["../data:/data"]


def test_what_is_there_is_overwritten_only_when_told(project: Path) -> None:
    (project / "abreast.yaml").write_text("mine")

    code, _, error = run("import", "-o", "abreast.yaml")

    assert code == 2
    assert "'abreast.yaml' exists already" in error
    assert run("import", "-o", "abreast.yaml", "--force")[0] == 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("gone.yml",), "there is no compose file 'gone.yml'"),
        ((".",), "cannot be read"),
        (("--service", "db"), "db keeps data"),
        (("--service", "x"), "no service 'x'"),
        (("-o", "no/where.yaml"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_one_message_with_a_remedy(words: tuple[str, ...], error: str) -> None:
    code, out, told = run("import", *words)

    assert (code, out) == (2, "")
    assert error in told
    assert "\n  → " in told


def test_a_file_with_faults_names_their_lines(project: Path) -> None:
    (project / "docker-compose.yml").write_text("services:\n  web:\n    extends: base\n")

    code, _, told = run("import")

    assert code == 2
    assert "docker-compose.yml:3: services.web.extends" in told


def test_no_text_is_no_compose_file(project: Path) -> None:
    (project / "docker-compose.yml").write_bytes(b"\xff\xfe")

    assert "is no text" in run("import")[2]
