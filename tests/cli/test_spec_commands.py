"""`check`, `schema` and `init` as a user meets them."""

import json
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from abreast.cli.spec_commands import check, init, schema
from abreast.model.spec_schema import schema as spec_schema

APP = typer.Typer()
for verb in (check, schema, init):
    APP.command()(verb)

GOOD = f"service: shop\nversions: {{v1: {{run: '{sys.executable} -V'}}, v2: {{run: '{sys.executable} -V'}}}}\n"
FAULTY = "versions: {v1: {run: a, foo: 1}}\nstable: v2\n"


@pytest.fixture(autouse=True)
def _in_a_directory_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, what was printed, and what was printed to stderr."""
    result = CliRunner().invoke(APP, list(words))
    return result.exit_code, result.stdout, result.stderr


def write(text: str) -> None:
    """Write the spec of the present directory."""
    Path("abreast.yaml").write_text(text, encoding="utf-8")


def test_check_prints_the_plan() -> None:
    write(GOOD)
    code, out, err = run("check", "--rate", "1000")
    assert code == 0
    assert err == ""
    assert out.startswith("abreast.yaml: no faults\n\nshop: gateway http://127.0.0.1:8080")
    assert "A rollout of v2" in out
    assert "needs about 167 candidate requests for errors: 17 s" in out


def test_check_prints_every_fault_to_stderr() -> None:
    write(FAULTY)
    code, out, err = run("check")
    assert code == 2
    assert out == ""
    assert err.splitlines()[::2] == [
        (
            "abreast.yaml:1: versions.v1.foo: unknown key 'foo'; allowed here: run, endpoints, instances, image, port, "
            "container, deployment, kubernetes, env, cwd, ready, live, start_timeout, stop_timeout, "
            "timeout, keep_alive, protocol, capacity, isolated"
        ),
        "abreast.yaml:2: stable: no version is called 'v2'; `versions` has: v1",
        "abreast.yaml: 2 faults",
    ]


def test_check_prints_faults_as_json() -> None:
    write(FAULTY)
    code, out, err = run("check", "--json")
    found = json.loads(out)
    assert (code, err, found["ok"]) == (2, "", False)
    assert [(fault["line"], fault["path"]) for fault in found["faults"]] == [(1, "versions.v1.foo"), (2, "stable")]
    assert all(fault["remedy"] and fault["message"] and fault["file"] for fault in found["faults"])


def test_check_prints_the_plan_as_json() -> None:
    write(GOOD)
    code, out, _ = run("check", "--json", "--rate", "1")
    found = json.loads(out)
    assert code == 0
    assert (found["ok"], found["service"], found["stable"], found["candidate"]) == (True, "shop", "v1", "v2")
    assert [row["kind"] for row in found["plan"]] == ["shadow", *["weight"] * 5, "bake"]
    assert found["rate_per_s"] == 1.0
    assert [(row["gate"], row["fits"]) for row in found["plan"]] == [
        ("differences", False),
        *[("errors", False)] * 2,
        ("errors", True),
        ("latency", False),
        ("", True),
        ("", True),
    ]
    assert [warning.partition(":")[0] for warning in found["warnings"]] == [
        *("shadow 20 %", "weight 1 %", "weight 10 %", "weight 50 %")
    ]
    assert "the errors gate needs 167 candidate requests, which takes 4 h 38 m" in found["warnings"][1]


def test_check_warns_of_what_cannot_be_proven_in_time() -> None:
    write(GOOD)
    code, _, err = run("check", "--rate", "1")
    assert code == 0
    assert err.count("\nwarning: ") == 4
    assert "\nwarning: weight 1 %: the errors gate needs 167 candidate requests" in err
    assert "\n  → raise step_time.at_most to 4 h 38 m, or rollout.gates.errors.budget to " in err


def test_check_without_a_rate_says_how_to_give_one() -> None:
    write(GOOD)
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert out.endswith("  how long the evidence takes depends on the requests: abreast check --rate 50\n")


def test_check_tells_faults_of_migrations_together_with_missing_ones() -> None:
    write(f"{GOOD}data: {{url: 'postgresql:///shop', migrations: {{v2: [a.yaml, gone.yaml]}}}}\n")
    Path("a.yaml").write_text("operations:\n  - drop_indx: {name: x}\n  - drop_table: {nam: x}\n", encoding="utf-8")
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert "a.yaml:2: operations[0].drop_indx: there is no operation 'drop_indx'\n  → did you mean `drop_index`?" in err
    assert "a.yaml:3: operations[1].drop_table.nam: unknown key 'nam'" in err
    assert "abreast.yaml:3: data.migrations.v2[1]: there is no file" in err
    assert err.splitlines()[-1].endswith("4 faults in 2 files")
    code, out, _ = run("check", "--json")
    found = json.loads(out)
    assert code == 2
    assert sorted({(Path(fault["file"]).name, fault["line"]) for fault in found["faults"]}) == [
        ("a.yaml", 2),
        ("a.yaml", 3),
        ("abreast.yaml", 3),
    ]


def test_check_finds_missing_files_and_doubts_missing_commands() -> None:
    write("versions: {v1: {run: no-such-command-here}}")
    code, out, err = run("check")
    assert code == 0
    assert "A rollout of v1" in out
    assert err.startswith("\nwarning: versions.v1.run: ")
    write(GOOD + "gateway: {tls: {certificate: a.crt, key: a.key}}")
    code, _, err = run("check")
    assert code == 2
    assert "abreast.yaml:3: gateway.tls.key: there is no file" in err


@pytest.mark.parametrize("words", [("check",), ("check", "other.yaml"), ("check", "."), ("init", "nowhere")])
def test_what_is_not_there_is_one_sentence_and_a_next_move(words: tuple[str, ...]) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2
    assert "→" in err


def test_check_without_a_file_as_json_is_json_too() -> None:
    code, out, _ = run("check", "--json")
    found = json.loads(out)
    assert code == 2
    assert found["faults"] == []
    assert "there is no spec" in found["message"]
    assert found["remedy"]


def test_schema_prints_the_schema() -> None:
    code, out, _ = run("schema")
    assert code == 0
    assert json.loads(out) == spec_schema()


def test_init_writes_a_spec_that_passes_check() -> None:
    code, out, _ = run("init")
    assert code == 0
    assert "wrote abreast.yaml" in out
    assert run("check")[0] == 0


def test_init_does_not_overwrite_unless_told_to() -> None:
    write("mine")
    code, _, err = run("init")
    assert code == 2
    assert "'abreast.yaml' exists already" in err
    assert "--force" in err
    assert Path("abreast.yaml").read_text(encoding="utf-8") == "mine"
    assert run("init", "--force")[0] == 0
    assert "versions:" in Path("abreast.yaml").read_text(encoding="utf-8")


def test_init_that_cannot_write_says_why() -> None:
    Path("abreast.yaml").mkdir()
    code, _, err = run("init", "--force")
    assert code == 2
    assert "cannot be written: Is a directory" in err
