"""The last endpoints outlive the control plane."""

from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.registry.kept import Kept
from abreast.model.registry import ConsulService, DnsName, Registry
from abreast.model.service import Endpoint, Version

ONE, TWO = Endpoint("10.0.0.1", 80), Endpoint("fd00::1", 80)
VERSION = Version("v2", endpoints=(ONE, TWO), registry=Registry(ConsulService("shop", tag="v2", token="s3cret")))


def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    Kept(file).keep(VERSION)
    assert Kept(file).endpoints(VERSION) == (ONE, TWO)
    assert Kept(file).endpoints(replace(VERSION, name="v1")) == ()
    assert "s3cret" not in file.read_text()


def test_another_registry_did_not_tell_them(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "registry.json")
    kept.keep(VERSION)
    assert kept.endpoints(replace(VERSION, registry=Registry(DnsName("shop", 80)))) == ()
    assert kept.endpoints(replace(VERSION, registry=Registry(ConsulService("shop", tag="v1")))) == ()
    assert kept.endpoints(replace(VERSION, registry=Registry(ConsulService("shop", tag="v2"), keep_s=1.0))) == (
        ONE,
        TWO,
    )


def test_that_there_is_none_is_nothing_to_keep(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "registry.json")
    kept.keep(VERSION)
    kept.keep(replace(VERSION, endpoints=()))
    assert kept.endpoints(VERSION) == (ONE, TWO)


def test_the_same_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    kept = Kept(file)
    kept.keep(VERSION)
    file.unlink()
    kept.keep(VERSION)
    assert not file.exists()
    kept.keep(replace(VERSION, endpoints=(ONE,)))
    assert Kept(file).endpoints(VERSION) == (ONE,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"v2": 1}',
        '{"v2": {"registry": "Consul service shop with tag v2", "endpoints": 5}}',
        '{"v2": {"registry": "Consul service shop with tag v2", "endpoints": [["x", 80]]}}',
        '{"v2": {"registry": "Consul service shop with tag v2", "endpoints": [5]}}',
    ],
)
def test_a_file_that_makes_no_sense_is_as_none(tmp_path: Path, text: str) -> None:
    file = tmp_path / "registry.json"
    file.write_text(text, encoding="utf-8")
    kept = Kept(file)
    assert kept.endpoints(VERSION) == ()
    kept.keep(VERSION)
    assert Kept(file).endpoints(VERSION) == (ONE, TWO)


def test_a_file_that_cannot_be_written_is_only_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept(tmp_path / "gone" / "registry.json")
    kept.keep(VERSION)
    assert "the endpoints of v2 cannot be kept" in caplog.text
    assert kept.endpoints(VERSION) == (ONE, TWO)
