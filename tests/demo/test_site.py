"""The demo's directory: a valid spec, in a hurry, and gone afterwards unless its logs are needed."""

import asyncio
import socket
import sys
from pathlib import Path

import pytest

import abreast
from abreast.demo.site import PORT, example, free_port, site, spec_text
from abreast.model.errors import UsageError
from abreast.model.rollout import ErrorGate, ShadowStep, WeightStep
from abreast.spec_source import doubts, load_spec, missing_files


@pytest.mark.parametrize("name", ["shop", "httpbin"])
def test_the_spec_is_without_fault_and_in_a_hurry(name: str, tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(spec_text(example(name), 9999), "utf-8")

    spec = load_spec(file)

    assert list(missing_files(spec)) == []
    # httpbin's commands come with examples/httpbin/prepare.py, which the demo runs first.
    assert [doubt for doubt in doubts(spec) if ".versions/" not in doubt] == []
    policy = spec.policy("v4" if name == "shop" else "0.10.4")
    assert (policy.at_least_s, policy.bake_s, policy.retire_after_s) == (2.0, 2.0, 2.0)
    assert (policy.errors, policy.differences.tolerance) == (ErrorGate(budget=200, window_s=1.0), 300)
    assert policy.latency is None
    assert policy.steps[-2] == WeightStep(10_000)
    assert spec.service().gateway.listen.port == 9999


def test_the_shop_compares_before_anybody_is_there_with_its_own_rules(tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(spec_text(example("shop"), 9999), "utf-8")

    policy = load_spec(file).policy("v4")

    assert policy.steps[:2] == (ShadowStep(4000), WeightStep(100, shadow=0))
    assert [rules.ignore for rules in policy.shadow.rules] == [("header:x-shop-*",)]


def test_the_shop_runs_with_the_python_that_has_its_packages(tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(spec_text(example("shop"), 9999), "utf-8")

    versions = load_spec(file).service().versions

    assert {version.run[0] for version in versions} == {sys.executable}
    assert {version.cwd for version in versions} == {str(example("shop"))}


def test_without_a_checkout_it_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abreast, "__file__", str(tmp_path / "a" / "b" / "abreast" / "__init__.py"))

    with pytest.raises(UsageError, match="'shop'") as caught:
        example("shop")

    assert "./abreast demo" in caught.value.remedy


def test_the_directory_is_removed_after_success_and_after_an_interruption() -> None:
    with site(example("shop")) as made:
        assert made.spec_file.exists()
        assert made.url.endswith(f":{made.port}")
    assert not made.directory.exists()

    with pytest.raises(asyncio.CancelledError), site(example("shop")) as interrupted:
        raise asyncio.CancelledError
    assert not interrupted.directory.exists()


def test_the_directory_is_kept_when_its_logs_may_say_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(UsageError), site(example("shop")) as made:
        raise UsageError("it broke", "mend it")

    assert made.spec_file.exists()


def test_the_usual_port_unless_somebody_has_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]

        assert free_port(port) not in {port, 0}
    assert free_port(port) == port
    assert PORT == 8080
