"""Deployments as data."""

from abreast.model.service import Version
from abreast.model.workload import Workload


def test_what_is_named_is_adopted_and_what_is_made_is_not() -> None:
    assert Workload(deployment="shop").adopted
    assert not Workload(template="/srv/deployment.yaml").adopted


def test_a_version_that_is_a_deployment_is_run_by_us_and_wants_its_instances() -> None:
    version = Version("v1", instances=3, workload=Workload(deployment="shop"))
    assert not version.external
    assert version.wanted == 3
