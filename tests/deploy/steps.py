"""What each pipeline in deploy/pipelines runs, taken out of its file as its CI system does it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
PIPELINES: Final = ROOT / "deploy" / "pipelines"
ACTION: Final = PIPELINES / "github" / "abreast-rollout" / "action.yml"
TEMPLATE: Final = PIPELINES / "gitlab" / "abreast-rollout.yml"
GROOVY: Final = PIPELINES / "jenkins" / "vars" / "abreastRollout.groovy"
JOB: Final = PIPELINES / "argocd" / "rollout.yaml"
KUSTOMIZATION: Final = PIPELINES / "argocd" / "kustomization.yaml"

Json = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """A command and the variables that its CI system sets for it; ``script`` is the shell's text, if there is any."""

    words: tuple[str, ...]
    environ: dict[str, str]
    script: str = ""


def loaded(path: Path) -> list[Json]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text("utf-8")))


def github(**inputs: str) -> Step:
    """The composite action's step with these inputs."""
    (action,) = loaded(ACTION)
    (step,) = action["runs"]["steps"]
    values = {name: str(each.get("default", "")) for name, each in action["inputs"].items()} | _spelled(inputs, "-")
    environ = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: values[found[1]], text)
        for name, text in step["env"].items()
    }
    environ["GITHUB_ACTION_PATH"] = str(ACTION.parent)
    return Step(("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]), environ, step["run"])


def gitlab(part: str = "script", **inputs: str) -> Step:
    """The template's job with these inputs; ``part`` may be after_script."""
    spec, job = gitlab_documents(**inputs)
    assert set(inputs) <= set(spec["spec"]["inputs"])
    script = "\n".join(job["abreast-rollout"][part])
    return Step(("sh", "-e", "-c", script), dict(job["abreast-rollout"]["variables"]), script)


def gitlab_documents(**inputs: str) -> list[Json]:
    """The template's two documents, with these inputs and the defaults of the others put in."""
    spec, jobs = loaded(TEMPLATE)
    values = {name: str((each or {}).get("default", "")) for name, each in spec["spec"]["inputs"].items()} | inputs
    return [spec, {name: _interpolated(job, values) for name, job in jobs.items()}]


def _interpolated(value: object, inputs: Mapping[str, str]) -> Any:  # noqa: ANN401  # YAML
    """GitLab puts inputs into the values of a parsed file."""
    if isinstance(value, dict):
        return {key: _interpolated(each, inputs) for key, each in value.items()}
    if isinstance(value, list):
        return [_interpolated(each, inputs) for each in value]
    if isinstance(value, str):
        return re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda found: inputs[found[1]], value)
    return value


def jenkins(**settings: str) -> Step:
    """The library's step with these settings."""
    text = GROOVY.read_text("utf-8")
    defaults = dict(re.findall(r"^        (\w+): '(.*)',?$", text, re.MULTILINE))
    values = defaults | {"reason": "build 7"} | _spelled(settings, "")
    environ = {
        name: values[setting]
        for name, setting in re.findall(r'"(\w+)=\$\{settings\.(\w+)\}"', text)
        if setting in values
    }
    quoted = re.search(r"script: '''(.*?)'''", text, re.DOTALL)
    assert quoted is not None
    script = quoted[1].replace("\\\\", "\\")
    return Step(("sh", "-xe", "-c", script), environ, script)


def argocd(**literals: str) -> Step:
    """The Job's container with these values in its ConfigMap."""
    (job,), (kustomization,) = loaded(JOB), loaded(KUSTOMIZATION)
    pairs = (each.partition("=") for each in kustomization["configMapGenerator"][0]["literals"])
    environ = {name: value for name, _, value in pairs} | literals
    (container,) = job["spec"]["template"]["spec"]["containers"]
    words = [*container["command"], *container["args"]]
    return Step(tuple(_expanded(word, environ) for word in words), environ)


def _expanded(word: str, environ: Mapping[str, str]) -> str:
    """A container's argument as the kubelet reads it."""
    return re.sub(r"\$\((\w+)\)", lambda found: environ[found[1]], word)


def _spelled(values: Mapping[str, str], between: str) -> dict[str, str]:
    """Names in the spelling of another system: halted-for (``-``), or haltedFor (empty)."""
    if between:
        return {name.replace("_", between): value for name, value in values.items()}
    return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): value for name, value in values.items()}
