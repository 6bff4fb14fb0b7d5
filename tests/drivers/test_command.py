"""What is executed."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.command import command, fingerprint, require_runnable
from abreast.model.errors import DriverError
from abreast.model.service import Probe, Version

VERSION = Version(
    "v1",
    run=("serve", "--port={port}", "--id", "{instance}", '{"a": 1}'),
    env=(("URL", "http://127.0.0.1:{port}/"), ("PORT", "1"), ("ABREAST_VERSION", "lie")),
    cwd="/srv",
)


def fault(version: Version, path: str = os.defpath) -> DriverError:
    with pytest.raises(DriverError) as caught:
        require_runnable(version, {"PATH": path})
    return caught.value


def test_port_and_instance_are_filled_in_and_other_braces_left_alone() -> None:
    what = command(VERSION, service="shop", instance="v1-2", port=1234, environ={})
    assert what.argv == ("serve", "--port=1234", "--id", "v1-2", '{"a": 1}')
    assert what.cwd == Path("/srv")


def test_the_environment_is_inherited_extended_and_true() -> None:
    what = command(VERSION, service="shop", instance="v1-2", port=1234, environ={"HOME": "/root", "URL": "x"})
    assert what.env == {
        "HOME": "/root",
        "URL": "http://127.0.0.1:1234/",
        "PORT": "1234",
        "ABREAST_SERVICE": "shop",
        "ABREAST_VERSION": "v1",
        "ABREAST_INSTANCE": "v1-2",
    }


def test_only_what_a_running_process_cannot_change_makes_a_difference() -> None:
    same = [
        replace(VERSION, instances=5),
        replace(VERSION, ready=Probe("http", "/other")),
        replace(VERSION, stop_timeout_s=1.0),
        replace(VERSION, env=tuple(reversed(VERSION.env))),
    ]
    other = [
        replace(VERSION, run=(*VERSION.run, "-v")),
        replace(VERSION, env=(("URL", "elsewhere"),)),
        replace(VERSION, cwd="/opt"),
    ]
    assert {fingerprint(version) for version in same} == {fingerprint(VERSION)}
    assert len({fingerprint(version) for version in [VERSION, *other]}) == 4


def test_a_command_on_the_path_can_run(tmp_path: Path) -> None:
    require_runnable(Version("v1", run=("sh",), cwd=str(tmp_path)), {"PATH": os.defpath})


def test_the_versions_own_path_counts(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.touch(mode=0o755)
    version = Version("v1", run=("tool",), cwd=str(tmp_path))
    fault(version)
    require_runnable(replace(version, env=(("PATH", str(tmp_path)),)), {"PATH": os.defpath})


def test_a_relative_path_is_taken_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "serve").touch(mode=0o755)
    require_runnable(Version("v1", run=("bin/serve",), cwd=str(tmp_path)), {})


def test_a_missing_directory_is_quoted(tmp_path: Path) -> None:
    error = fault(Version("v1", run=("sh",), cwd=str(tmp_path / "gone")))
    assert error.message == f"versions.v1.cwd: there is no directory '{tmp_path}/gone'"
    assert "relative to the spec" in error.remedy


def test_a_missing_command_is_quoted_with_where_it_was_looked_for(tmp_path: Path) -> None:
    error = fault(Version("v1", run=("gunicorm", "shop:app"), cwd=str(tmp_path)), path="/none:/nowhere")
    assert error.message == "versions.v1.run: there is no command 'gunicorm' in PATH (/none:/nowhere)"
    assert "versions.v1.env" in error.remedy


def test_a_missing_path_is_quoted_in_full(tmp_path: Path) -> None:
    error = fault(Version("v1", run=("./serve",), cwd=str(tmp_path)))
    assert f"'{tmp_path}/serve'" in error.message
    assert "cwd" in error.remedy


def test_what_cannot_be_executed_says_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "serve").touch(mode=0o644)
    error = fault(Version("v1", run=("./serve",), cwd=str(tmp_path)))
    assert error.message == f"versions.v1.run: '{tmp_path}/serve' is not executable"
    assert error.remedy == f"run: chmod +x {tmp_path}/serve"


def test_a_directory_is_no_command(tmp_path: Path) -> None:
    (tmp_path / "serve").mkdir()
    assert "there is no command" in fault(Version("v1", run=("./serve",), cwd=str(tmp_path))).message
