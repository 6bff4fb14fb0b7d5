"""What a machine brings along: which versions can be run there, and which are looked at from the start."""

from dataclasses import replace
from pathlib import Path

import pytest

from abreast.app.ground import require, standing
from abreast.model.errors import DriverError
from abreast.model.rollout import Phase
from abreast.model.service import Version
from abreast.model.workload import Workload
from tests.controller.stage import SERVICE
from tests.rollout.play import serving, under_way


def test_a_command_that_can_be_run() -> None:
    versions = (Version("v1", run=("true",)), Version("v2", run=("no-such-command",)))
    service = replace(SERVICE, versions=versions)
    require(service, "v1")
    require(service, "unheard of")
    with pytest.raises(DriverError, match="no-such-command"):
        require(service, "v2")


def test_a_template_that_can_be_used(short_tmp: Path) -> None:
    missing = Workload(template=str(short_tmp / "gone.yaml"))
    versions = (Version("v1", workload=Workload(deployment="shop")), Version("v2", workload=missing))
    service = replace(SERVICE, versions=versions)
    require(service, "v1")
    with pytest.raises(DriverError, match=r"gone\.yaml cannot be read"):
        require(service, "v2")


def test_a_deployment_that_is_adopted_is_looked_at_only_in_a_rollout_that_has_it() -> None:
    adopted, made = Workload(deployment="a"), Workload(template="b")
    names = {"v1": adopted, "v2": adopted, "v3": adopted, "v4": made}
    versions = (Version("v0", run=("serve",)), *(Version(name, workload=each) for name, each in names.items()))
    service = replace(SERVICE, versions=versions)
    assert [each.name for each in standing(service, under_way(Phase.PENDING))] == ["v1", "v2", "v4"]
    assert [each.name for each in standing(service, serving())] == ["v1", "v4"]
