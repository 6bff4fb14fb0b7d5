"""The pods that were known last."""

from pathlib import Path

import pytest

from abreast.drivers.kubernetes_record import KnownPods
from abreast.model.service import Endpoint, Instance, InstanceState

POD = Instance("shop-1", "v1", Endpoint("10.0.0.1", 8080), InstanceState.READY, 100.0, "the pod is ready", 2)


def test_what_was_saved_is_loaded_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "run" / "known.json"
    KnownPods(file).save([POD])
    assert list(KnownPods(file).load()) == [POD]
    assert file.stat().st_mode & 0o777 == 0o600


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    known = KnownPods(tmp_path / "known.json")
    known.save([POD])
    (tmp_path / "known.json").unlink()
    known.save([POD])
    assert list(known.load()) == []
    known.save([])
    assert (tmp_path / "known.json").read_text() == "[]"


@pytest.mark.parametrize("text", ["", "{}", '[{"id": 5}]', "\0"])
def test_what_is_no_record_says_nothing(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "known.json").write_text(text)
    assert list(KnownPods(tmp_path / "known.json").load()) == []
    assert "is no record of pods" in caplog.text


def test_a_disk_that_cannot_be_written_costs_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    known = KnownPods(tmp_path / "file" / "known.json")
    known.save([POD])
    assert "cannot be written" in caplog.text
