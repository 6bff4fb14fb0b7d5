"""Containers as data."""

import pytest

from abreast.model.container import Mount
from abreast.model.service import Version


@pytest.mark.parametrize(("source", "bound"), [("/srv/data", True), ("cache", False), ("", False)])
def test_a_mount_is_bound_when_its_source_is_a_path(source: str, bound: bool) -> None:
    assert Mount("/data", source).bound is bound


def test_a_version_without_command_and_container_runs_elsewhere() -> None:
    assert Version("v1").external
