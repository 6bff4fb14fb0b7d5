"""The pipelines in deploy/pipelines: right for their CI systems, and each gives the same order."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import kubernetes_validate
import pytest
import tree_sitter_groovy
import yaml
from tree_sitter import Language, Parser

from tests.deploy.steps import (
    ACTION,
    GROOVY,
    JOB,
    KUSTOMIZATION,
    PIPELINES,
    Step,
    argocd,
    github,
    gitlab,
    gitlab_documents,
    jenkins,
    loaded,
)

BIN = Path(sysconfig.get_path("scripts"))
HOSTILE = 'it\'s $(touch hacked) `id` "quoted"'
ASKED = {"version": "v2", "reason": HOSTILE, "timeout": "1h", "halted_for": "5m", "on_interrupt": "abort"}
UPPER = {name.upper(): value for name, value in ASKED.items()}
STEPS = {
    "github": github(**ASKED, url="https://abreast.example", command="abreast"),
    "gitlab": gitlab(**ASKED, url="https://abreast.example"),
    "jenkins": jenkins(**ASKED, url="https://abreast.example"),
    "argocd": argocd(**UPPER, ABREAST_URL="https://abreast.example"),
}
each_step = pytest.mark.parametrize("name", STEPS)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    return subprocess.run(
        [str(word) for word in words], check=False, capture_output=True, text=True, env=environ, timeout=60
    )


def schema_faults(name: str, file: Path) -> str:
    """What a schema that check-jsonschema brings says of a file; empty if nothing."""
    ended = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", name, file)
    return "" if ended.returncode == 0 else ended.stdout + ended.stderr


def run_step(step: Step, directory: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a step with a program of ours in the place of abreast."""
    stand_in = directory / "abreast"
    stand_in.write_text(f"#!/bin/sh\n{program}\n", "utf-8")
    stand_in.chmod(0o755)
    environ = {"PATH": f"{directory}:/usr/bin:/bin", **step.environ}
    return subprocess.run(
        step.words, check=False, cwd=directory, env=environ, capture_output=True, text=True, timeout=30
    )


@each_step
def test_each_gives_the_same_order_whatever_is_in_its_words(tmp_path: Path, name: str) -> None:
    ended = run_step(STEPS[name], tmp_path, """printf '%s\\n' "$ABREAST_URL" "$@" > asked""")
    assert ended.returncode == 0, ended.stderr
    url, *words = (tmp_path / "asked").read_text("utf-8").splitlines()
    assert url == "https://abreast.example"
    told = [word for each in words for word in (each.split("=", 1) if each.startswith("--") else [each])]
    assert told[:3] == ["start", "--wait", "--join"]
    assert told[-2:] == ["--", "v2"]
    for option, value in (("reason", HOSTILE), ("timeout", "1h"), ("halted-for", "5m"), ("on-interrupt", "abort")):
        assert told[told.index(f"--{option}") + 1] == value
    assert not (tmp_path / "hacked").exists()


@each_step
@pytest.mark.parametrize("code", [0, 5])
def test_each_ends_as_abreast_does(tmp_path: Path, name: str, code: int) -> None:
    assert run_step(STEPS[name], tmp_path, f"exit {code}").returncode == code


def test_githubs_step_is_the_program_itself_so_that_it_hears_the_runners_signal(tmp_path: Path) -> None:
    step = STEPS["github"]
    words = ("sh", "-c", 'echo $$ > outer; exec "$@"', "sh", *step.words)
    assert run_step(Step(words, step.environ), tmp_path, "echo $$ > inner").returncode == 0
    assert (tmp_path / "inner").read_text("utf-8") == (tmp_path / "outer").read_text("utf-8")


def test_the_action_finds_the_program_of_its_own_checkout() -> None:
    step = github(**ASKED, url="https://abreast.example")
    assert "$GITHUB_ACTION_PATH/../../../../abreast" in step.script
    assert os.access(ACTION.parent / "../../../../abreast", os.X_OK)


@pytest.mark.parametrize(
    ("status", "on_interrupt", "asked"),
    [("canceled", "abort", True), ("canceled", "keep", False), ("failed", "abort", False), ("success", "abort", False)],
)
def test_a_gitlab_job_that_is_cancelled_rolls_back_its_own_version(
    tmp_path: Path, status: str, on_interrupt: str, asked: bool
) -> None:
    step = gitlab("after_script", **{**ASKED, "on_interrupt": on_interrupt}, url="https://abreast.example")
    step.environ["CI_JOB_STATUS"] = status
    assert run_step(step, tmp_path, 'echo "$@" > asked').returncode == 0
    assert (tmp_path / "asked").exists() == asked
    if asked:
        assert (tmp_path / "asked").read_text("utf-8") == "abort --only v2 --reason the job was canceled\n"


@pytest.mark.parametrize(
    ("shell", "step"),
    [("bash", STEPS["github"]), ("sh", STEPS["gitlab"]), ("sh", STEPS["jenkins"]), ("sh", gitlab("after_script"))],
)
def test_shellcheck_finds_nothing(tmp_path: Path, shell: str, step: Step) -> None:
    file = tmp_path / "step.sh"
    file.write_text(step.script, "utf-8")
    # The variables come from the CI system.
    ended = run(BIN / "shellcheck", "--shell", shell, "--exclude", "SC2154", file)
    assert ended.stdout == ""


def test_githubs_schemas_and_actionlint_find_nothing(tmp_path: Path) -> None:
    workflow = PIPELINES / "github" / "workflow.yml"
    assert schema_faults("vendor.github-actions", ACTION) == ""
    assert schema_faults("vendor.github-workflows", workflow) == ""
    assert linted(tmp_path, workflow.read_text("utf-8")) == ""


def test_actionlint_knows_the_actions_inputs(tmp_path: Path) -> None:
    """What the example gives is what the action takes; a workflow that forgets the token is found."""
    text = (PIPELINES / "github" / "workflow.yml").read_text("utf-8")
    assert "missing input" not in linted(tmp_path, text)
    told = linted(tmp_path, text.replace("          token:", "          tokn:"))
    assert 'missing input "token"' in told
    assert 'input "tokn" is not defined' in told


def linted(directory: Path, workflow: str) -> str:
    """What actionlint says of a workflow in a repository that has the action."""
    shutil.copytree(ACTION.parent, directory / "action", dirs_exist_ok=True)
    place = directory / ".github" / "workflows"
    place.mkdir(parents=True, exist_ok=True)
    (directory / ".git").mkdir(exist_ok=True)
    local = workflow.replace("OWNER/abreast/deploy/pipelines/github/abreast-rollout@main", "./action")
    assert local != workflow
    (place / "release.yml").write_text(local, "utf-8")
    ended = subprocess.run(
        [BIN / "actionlint", "-no-color", "-shellcheck", str(BIN / "shellcheck")],
        check=False,
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return ended.stdout + ended.stderr


def test_gitlabs_schema_finds_nothing(tmp_path: Path) -> None:
    job = gitlab_documents(**ASKED, url="https://abreast.example", image="abreast")[1]
    (tmp_path / "job.yml").write_text(yaml.safe_dump(job), "utf-8")
    assert schema_faults("vendor.gitlab-ci", tmp_path / "job.yml") == ""
    example = PIPELINES / "gitlab" / "example.gitlab-ci.yml"
    assert schema_faults("vendor.gitlab-ci", example) == ""
    (given,) = loaded(example)
    declared = gitlab_documents()[0]["spec"]["inputs"]
    inputs = given["include"][0]["inputs"]
    assert set(inputs) <= set(declared)
    assert {name for name, each in declared.items() if "default" not in (each or {})} <= set(inputs)


@pytest.mark.parametrize("file", [GROOVY, PIPELINES / "jenkins" / "Jenkinsfile"], ids=lambda file: file.name)
def test_groovys_grammar_finds_nothing(file: Path) -> None:
    parser = Parser(Language(tree_sitter_groovy.language()))
    assert not parser.parse(file.read_bytes()).root_node.has_error
    assert parser.parse(file.read_bytes().rstrip()[:-1]).root_node.has_error, "it finds what is wrong"


def test_kubernetes_takes_the_job() -> None:
    (job,) = loaded(JOB)
    kubernetes_validate.validate(job, "1.31", strict=True)
    pod = job["spec"]["template"]["spec"]
    assert job["metadata"]["annotations"]["argocd.argoproj.io/hook"] == "PostSync"
    assert job["spec"]["podFailurePolicy"]["rules"][1]["onExitCodes"]["containerName"] == pod["containers"][0]["name"]


def test_kustomize_makes_what_the_job_refers_to() -> None:
    (job,), (kustomization,) = loaded(JOB), loaded(KUSTOMIZATION)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (settings,), (image,) = kustomization["configMapGenerator"], kustomization["images"]
    assert kustomization["resources"] == [JOB.name]
    assert container["envFrom"] == [{"configMapRef": {"name": settings["name"]}}]
    assert container["image"] == image["name"]
