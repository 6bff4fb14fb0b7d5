"""Two real releases of httpbin are installed side by side and answer as themselves."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml

from abreast.bench.target import answers, free_port
from abreast.spec_source import doubts, load_spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import ModuleType

HTTPBIN = Path(__file__).parents[2] / "examples" / "httpbin"


def load_prepare() -> ModuleType:
    """The example's script, as a module."""
    spec = importlib.util.spec_from_file_location("httpbin_prepare", HTTPBIN / "prepare.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


prepare = load_prepare()


@asynccontextmanager
async def release(name: str, home: Path) -> AsyncIterator[str]:
    """One release as the spec runs it, from environments under ``home``."""
    spec = yaml.safe_load((HTTPBIN / "abreast.yaml").read_text("utf-8"))
    port = free_port()
    version = spec["versions"][name]
    command = version["run"].replace("{port}", str(port)).split()
    process = await asyncio.create_subprocess_exec(*command, cwd=home, stderr=asyncio.subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        await answers(url + version["ready"].removeprefix("GET "), process)
        yield url
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.timeout(300)
async def test_both_releases_install_run_and_differ_where_no_status_tells(tmp_path: Path) -> None:
    for name in prepare.RELEASES:
        assert prepare.prepare(name, tmp_path / ".versions")
        assert not prepare.prepare(name, tmp_path / ".versions"), "the second time there is nothing to do"

    bodies = {}
    async with httpx.AsyncClient(trust_env=False) as http:
        for name in prepare.RELEASES:
            async with release(name, tmp_path) as url:
                assert (await http.get(f"{url}/status/204")).status_code == 204
                answer = await http.get(f"{url}/get?a=1")
                assert answer.status_code == 200
                assert answer.json()["args"] == {"a": "1"}
                bodies[name] = answer.text

    assert bodies["0.7.0"].count("\n") <= 1 < bodies["0.10.4"].count("\n")
    assert (tmp_path / ".versions" / ".gitignore").read_text() == "*\n"


def test_the_spec_has_no_faults_and_doubts_only_what_is_not_prepared_yet() -> None:
    spec = load_spec(HTTPBIN / "abreast.yaml")

    assert all("gunicorn" in doubt for doubt in doubts(spec, {}))


def test_the_spec_runs_what_is_prepared() -> None:
    spec = yaml.safe_load((HTTPBIN / "abreast.yaml").read_text("utf-8"))

    assert list(spec["versions"]) == list(prepare.RELEASES)
    for name, version in spec["versions"].items():
        assert version["run"].startswith(f".versions/{name}/bin/gunicorn ")
        assert f"httpbin=={name}\n" in prepare.RELEASES[name].read_text("utf-8")


def test_what_cannot_be_installed_is_told_in_the_installers_words(tmp_path: Path) -> None:
    impossible = tmp_path / "impossible.txt"
    impossible.write_text("this is not a requirement\n", "utf-8")
    prepare.RELEASES["broken"] = impossible
    try:
        with pytest.raises(prepare.PrepareError, match="broken is not prepared; mend"):
            prepare.prepare("broken", tmp_path / ".versions")
        assert not (tmp_path / ".versions" / "broken" / "prepared").exists()
    finally:
        del prepare.RELEASES["broken"]


def test_it_needs_nothing_but_the_standard_library() -> None:
    imported = {
        line.split()[1].partition(".")[0]
        for line in (HTTPBIN / "prepare.py").read_text("utf-8").splitlines()
        if line.startswith(("import ", "from "))
    }

    assert imported <= {*sys.stdlib_module_names, "__future__"}
