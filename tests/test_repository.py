"""What holds for the repository as a whole: sizes, mirrored tests, locks, and what the documents promise."""

import ast
import json
import os
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import docs_check

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "abreast"
TESTS = ROOT / "tests"
FILE_LINES = 400
FUNCTION_LINES = 60
LOCKS = ("bootstrap", "runtime", "dev")


def python_files(*folders: Path) -> list[Path]:
    """Return the folders' Python files: not those of environments, whose folders start with a dot."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return [path for path in paths if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)]


ALL_PYTHON = [*python_files(SOURCE, TESTS, ROOT / "scripts", ROOT / "examples"), ROOT / "abreast"]


def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_too_long() -> None:
    too_long = {named(path): line_count(path) for path in ALL_PYTHON if line_count(path) > FILE_LINES}
    assert too_long == {}, f"split these: {FILE_LINES} lines at most"


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_no_function_is_too_long() -> None:
    too_long = {
        f"{named(path)}:{function.lineno} {function.name}": lines
        for path in ALL_PYTHON
        for function in functions(path)
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > FUNCTION_LINES
    }
    assert too_long == {}, f"split these: about 50 lines, {FUNCTION_LINES} at most"


def test_there_are_at_least_as_many_lines_of_tests_as_of_source() -> None:
    source = sum(map(line_count, python_files(SOURCE)))
    tests = sum(map(line_count, python_files(TESTS)))
    assert tests >= source


def has_code(path: Path) -> bool:
    body = ast.parse(path.read_text("utf-8")).body
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in body)


def test_every_source_file_with_code_has_its_test_file() -> None:
    missing = []
    for path in python_files(SOURCE):
        place = path.relative_to(SOURCE)
        mirrored = TESTS / place.parent / f"test_{place.name}"
        if has_code(path) and not mirrored.exists():
            missing.append(f"{named(path)}: {named(mirrored)}")
    assert missing == []


def test_every_suppression_of_a_check_has_its_reason() -> None:
    """The reason stands behind the suppression, or in the comment above it."""
    suppression = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?::\s*[A-Z0-9, ]+|\[[a-z, -]+\])?(.*)")
    bare = []
    for path in ALL_PYTHON:
        above = ""
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            found = suppression.search(line)
            if found and len(found[1].strip(" #:-")) < len("why") and not above.startswith("#"):
                bare.append(f"{named(path)}:{number}")
            above = line.strip()
    assert bare == [], "say why"


def wanted(lock: str) -> list[Requirement]:
    """Return what pyproject.toml asks of a lock file."""
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    groups: dict[str, list[str]] = table["dependency-groups"]
    runtime: list[str] = table["project"]["dependencies"]
    texts = {"bootstrap": groups["bootstrap"], "runtime": runtime, "dev": runtime + groups["dev"]}
    return [Requirement(text) for text in texts[lock]]


def locked(lock: str) -> dict[str, str]:
    """Return the versions that a lock file pins, by name."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    return {
        canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_pyproject_asks_for(lock: str) -> None:
    pins = locked(lock)
    missing = [
        str(need)
        for need in wanted(lock)
        if not need.specifier.contains(pins.get(canonicalize_name(need.name), "0"), prereleases=True)
    ]
    assert missing == [], "run `make lock`"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_address(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    entries = re.split(r"\n(?=\S)", text.strip())
    # A name may be there twice, for different versions of Python.
    assert {canonicalize_name(entry.partition("==")[0]) for entry in entries} == set(locked(lock))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry) for entry in entries)


def test_the_lock_of_npm_pins_by_hash_and_names_no_registry() -> None:
    text = (TESTS / "fakes" / "httproute" / "package-lock.json").read_text("utf-8")
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert "node_modules/@kubernetes-models/gateway-api" in packages
    assert all(re.fullmatch(r"sha512-[\w+/]{86}==", each["integrity"]) for each in packages.values())
    assert not [name for name, each in packages.items() if "resolved" in each], "run `make lock`"


def test_the_developers_lock_includes_the_runtimes() -> None:
    """The starter counts on it: whoever has the one has the other."""
    assert locked("runtime").items() <= locked("dev").items()


def test_the_installers_are_no_dependencies_of_ours() -> None:
    assert set(locked("bootstrap")) == {"uv"}
    assert not {"pip", "uv"} & set(locked("dev"))


def test_the_licence_is_the_one_that_is_declared() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert table["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_ci_runs_the_check_and_the_tests_and_stops_at_the_first_failure() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=10)
    lines = script.read_text("utf-8").splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines.index("set -euo pipefail") < lines.index("make --keep-going check") < lines.index("./abreast test")


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("check", "mypy"),
        ("fix", "ruff format abreast"),
        ("test", "./abreast test"),
        ("demo", "./abreast demo"),
        ("bench", "./abreast bench gateway"),
        ("acceptance", "-m acceptance"),
        ("lock", "--generate-hashes --no-header --no-annotate"),
    ],
)
def test_make_has_the_targets_that_the_documents_name(target: str, command: str) -> None:
    shown = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
    )
    assert command in shown.stdout
    assert f"`{target}`" in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_the_documentation_says_what_is_so() -> None:
    assert [str(fault) for fault in docs_check.faults_of(ROOT)] == []
