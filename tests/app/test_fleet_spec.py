"""What of a spec a fleet can run."""

from pathlib import Path

import pytest
import yaml

from abreast.app.fleet_spec import fleet_service, read_spec
from abreast.model.errors import SpecError, UsageError

ELSEWHERE = {"v1": {"endpoints": ["127.0.0.1:8"]}}


def written(directory: Path, **keys: object) -> Path:
    file = directory / "abreast.yaml"
    file.write_text(yaml.safe_dump({"service": "shop", "versions": ELSEWHERE, **keys}), encoding="utf-8")
    return file


def test_versions_that_run_elsewhere_are_what_a_fleet_can_have(tmp_path: Path) -> None:
    assert fleet_service(read_spec(written(tmp_path))) == "shop"


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"versions": {**ELSEWHERE, "v2": {"run": "serve {port}"}}}, "v2 would run on the machine of one server"),
        (
            {
                "gateway": {"route": {"name": "shop", "backends": {"v1": "shop-v1:80"}}},
                "rollout": {
                    "steps": [{"weight": "10%"}, {"approve": "look"}],
                    "gates": {"errors": {"watch": False}, "latency": {"watch": False}},
                },
            },
            "gateway.route: each server has an Envoy of its own",
        ),
    ],
    ids=["run", "route"],
)
def test_what_belongs_to_one_machine_is_refused(tmp_path: Path, keys: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told) as refused:
        read_spec(written(tmp_path, **keys))
    assert "abreast up" in refused.value.remedy


def test_a_fleets_service_is_named_for_its_servers_have_directories_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "abreast.yaml"
    file.write_text(yaml.safe_dump({"versions": ELSEWHERE}), encoding="utf-8")
    with pytest.raises(SpecError) as refused:
        read_spec(file)
    assert "write service: NAME" in str(refused.value)
