"""What the starter `./abreast` decides and says while it sets up."""

import ast
import errno
import io
import os
import sys
from pathlib import Path

import pytest

from tests.bootstrap.checkouts import (
    SCRIPT,
    Site,
    starter,
)


def test_the_first_set_up_installs_uv_by_pip_and_the_rest_by_uv(site: Site) -> None:
    starter.set_up(site.checkout, "runtime")
    assert site.calls() == ["pip bootstrap", "uv runtime"]
    assert site.checkout.is_current("runtime")
    assert not site.checkout.is_current("dev")


def test_a_set_up_that_is_current_runs_nothing(site: Site) -> None:
    starter.set_up(site.checkout, "runtime")
    site.calls()
    starter.set_up(site.checkout, "runtime")
    assert site.calls() == []


def test_every_installation_asks_for_hashes(site: Site) -> None:
    starter.set_up(site.checkout, "dev")
    lines = (site.bin / "calls").read_text("utf-8").splitlines()
    assert len(lines) == 2
    assert all("--require-hashes -r" in line for line in lines)


def test_a_new_lock_file_is_installed_without_the_rest(site: Site) -> None:
    starter.set_up(site.checkout, "runtime")
    site.calls()
    (site.root / "requirements" / "runtime.txt").write_text("# newer\n", "ascii")
    assert not site.checkout.is_current("runtime")
    starter.set_up(site.checkout, "runtime")
    assert site.calls() == ["uv runtime"]


def test_the_developers_packages_include_those_of_the_runtime(site: Site) -> None:
    starter.set_up(site.checkout, "dev")
    assert site.calls() == ["pip bootstrap", "uv dev"]
    assert site.checkout.is_current("runtime")


def test_pip_takes_over_where_uv_fails(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    (site.bin / "uv-says").write_text("error: no such platform\n", "ascii")
    starter.set_up(site.checkout, "runtime")
    assert site.calls() == ["pip bootstrap", "uv runtime", "pip runtime"]
    assert site.checkout.is_current("runtime")
    assert "with pip, which takes longer" in capsys.readouterr().err


def test_pip_takes_over_where_there_is_no_uv(site: Site) -> None:
    (site.bin / "no-uv").write_text("ERROR: No matching distribution found for uv\n", "ascii")
    starter.set_up(site.checkout, "runtime")
    assert site.calls() == ["pip bootstrap", "pip runtime"]
    assert site.checkout.is_current("runtime")


@pytest.mark.parametrize(
    ("file", "words", "asked"),
    [
        ("no-uv", "Failed to establish a new connection: [Errno -3]", ["pip bootstrap"]),
        ("uv-says", "error: dns error: failed to lookup address", ["pip bootstrap", "uv runtime"]),
    ],
)
def test_without_a_network_one_error_says_so_at_once(site: Site, file: str, words: str, asked: list[str]) -> None:
    (site.bin / file).write_text(words + "\n", "ascii")
    with pytest.raises(starter.SetupError) as raised:
        starter.set_up(site.checkout, "runtime")
    assert words in str(raised.value)
    assert "check the network" in str(raised.value)
    assert "then run this again" in str(raised.value)
    assert site.calls() == asked
    assert not site.checkout.is_current("runtime")


def test_when_pip_fails_too_its_last_words_and_the_log_are_named(site: Site) -> None:
    (site.bin / "uv-says").write_text("uv's reason\n", "ascii")
    said = [f"line {number}" for number in range(20)]
    (site.bin / "pip-says").write_text("\n\n".join(said) + "long" * 100 + "\n", "ascii")
    with pytest.raises(starter.SetupError) as raised:
        starter.set_up(site.checkout, "runtime")
    quoted = [line.strip() for line in str(raised.value).splitlines() if line.startswith("    ")]
    assert quoted[:-1] == said[-starter.QUOTED_LINES : -1]
    assert quoted[-1].startswith("line 19long")
    assert len(quoted[-1]) == starter.QUOTED_LETTERS
    assert site.checkout.log in str(raised.value)
    assert "uv's reason" in Path(site.checkout.log).read_text("utf-8")


def test_an_environment_left_busy_is_not_trusted(site: Site) -> None:
    starter.set_up(site.checkout, "runtime")
    assert site.checkout.is_whole()
    Path(site.checkout.busy).touch()
    assert not site.checkout.is_whole()
    assert not site.checkout.is_current("runtime")


def test_a_failed_set_up_leaves_the_environment_busy(site: Site) -> None:
    (site.bin / "no-uv").write_text("network is unreachable\n", "ascii")
    with pytest.raises(starter.SetupError):
        starter.set_up(site.checkout, "runtime")
    assert Path(site.checkout.busy).exists()


def test_an_environment_whose_python_is_gone_is_not_trusted(site: Site) -> None:
    starter.set_up(site.checkout, "runtime")
    (site.bin / "python").unlink()
    (site.bin / "python").symlink_to("/nonexistent/python3")
    assert not site.checkout.is_current("runtime")


def test_a_moved_checkout_is_set_up_again(site: Site, tmp_path: Path) -> None:
    starter.set_up(site.checkout, "runtime")
    site.root.rename(tmp_path / "elsewhere")
    moved = starter.Checkout(str(tmp_path / "elsewhere"), str(tmp_path / "elsewhere" / ".venv"))
    assert not moved.is_current("runtime")


def test_another_python_is_set_up_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    starter.set_up(site.checkout, "runtime")
    monkeypatch.setattr(starter, "python_version", lambda: "3.99")
    assert not site.checkout.is_current("runtime")


def test_a_directory_of_somebody_else_is_left_alone(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    Path(site.checkout.owner).unlink()
    Path(site.checkout.stamp("venv")).unlink()
    before = sorted(Path(site.checkout.venv).rglob("*"))
    assert starter.prepare(site.checkout, "runtime") == 1
    assert "was not made by ./abreast" in capsys.readouterr().err
    assert sorted(Path(site.checkout.venv).rglob("*")) == before


def test_a_python_without_ensurepip_names_the_package(
    site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(site.checkout.stamp("venv")).unlink()
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    assert starter.prepare(site.checkout, "runtime") == 1
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"apt-get install python{version}-venv" in capsys.readouterr().err


def test_a_python_that_is_too_old_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(starter, "OLDEST_PYTHON", (3, 99))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as raised:
        starter.main(["demo"])
    assert raised.value.code == 1
    said = capsys.readouterr().err
    assert "Python 3.99 or newer is needed" in said
    assert "Install a newer one." in said
    (tmp_path / "python3.14").write_text("#!/bin/sh\n", "ascii")
    (tmp_path / "python3.14").chmod(0o755)
    assert "python3.14 " in starter.old_python_message()


def test_an_old_python_can_parse_it_and_it_needs_only_the_standard_library() -> None:
    tree = ast.parse(SCRIPT.read_text("utf-8"), feature_version=(3, 7))
    imported = {
        name.partition(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert {"os", "hashlib", "fcntl"} <= imported <= set(sys.stdlib_module_names)
    first = SCRIPT.read_text("utf-8").splitlines()[0]
    assert first == "#!/usr/bin/env python3"
    assert os.access(SCRIPT, os.X_OK)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (OSError(errno.EROFS, "Read-only file system", "/ro/.venv"), "set ABREAST_VENV to a directory"),
        (OSError(errno.ENOSPC, "No space left on device"), "Put that right"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/ro/requirements/dev.txt"), "git checkout"),
    ],
)
def test_a_file_that_fails_is_named_with_what_to_do(error: OSError, remedy: str) -> None:
    checkout = starter.Checkout("/ro", "/ro/.venv")
    said = starter.file_failure_message(checkout, error)
    assert (error.filename or "/ro/.venv") in said
    assert str(error.strerror) in said
    assert remedy in said


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_counts_the_seconds(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with starter.locked(site.checkout) as lock_fd:
        starter.Steps(site.checkout, lock_fd).run("waiting", ["sleep", "0.3"])
    assert screen.getvalue().startswith("\rabreast: waiting … 0 s \rabreast: waiting … 0 s ")
    assert screen.getvalue().endswith("s\n")


def test_pip_and_uv_keep_the_users_settings_but_not_another_place() -> None:
    settings = {"PIP_TARGET": "/x", "PIP_PREFIX": "/y", "PIP_USER": "1", "UV_CACHE_DIR": "/c", "PIP_PROXY": "p"}
    kept = starter.installer_environment(settings)
    assert kept == {"UV_CACHE_DIR": "/c", "PIP_PROXY": "p", "PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
