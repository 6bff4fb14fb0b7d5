"""Records of instances."""

from dataclasses import replace
from pathlib import Path

import pytest

from abreast.drivers.record import Record, Records
from abreast.model.service import Probe, Version
from abreast.process.supervised import Mark

VERSION = Version(
    "v1",
    run=("serve", "{port}"),
    env=(("PASSWORD", "hunter2"),),
    ready=Probe("http", "/healthz", 0.5, 1.5),
    protocol="h2c",
)
RECORD = Record("v1-1", 1, "b1", 12345, "f1", VERSION, restarts=3, mark=Mark(77, 88, "boot"))


def test_a_record_comes_back_without_the_environment(tmp_path: Path) -> None:
    Records(tmp_path / "instances").write(RECORD)
    (loaded,) = Records(tmp_path / "instances").load()
    assert loaded == replace(RECORD, version=replace(VERSION, env=()))


def test_secrets_are_not_written_and_only_the_user_may_read(tmp_path: Path) -> None:
    Records(tmp_path / "instances").write(RECORD)
    file = tmp_path / "instances" / "v1-1.json"
    assert "hunter2" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_later_record_replaces_the_earlier(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.write(replace(RECORD, mark=None))
    records.write(RECORD)
    assert [record.mark for record in records.load()] == [RECORD.mark]


def test_what_is_removed_is_gone(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.write(RECORD)
    records.remove("v1-1")
    records.remove("v1-1")
    assert list(records.load()) == []


def test_a_damaged_record_is_removed_and_the_others_stand(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    records = Records(tmp_path)
    records.write(RECORD)
    (tmp_path / "v1-0.json").write_text('{"id": "v1-0"')
    assert [record.id for record in records.load()] == ["v1-1"]
    assert not (tmp_path / "v1-0.json").exists()
    assert "v1-0.json is no record" in caplog.text


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.write(RECORD)
    (tmp_path / "v1-1.new").mkdir()
    with pytest.raises(OSError, match=r"v1-1\.new"):
        records.write(replace(RECORD, port=1))
    assert [record.port for record in records.load()] == [RECORD.port]
