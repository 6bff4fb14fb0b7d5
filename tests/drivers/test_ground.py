"""Each driver's ground makes instances of its own kind."""

from abreast.drivers.command import fingerprint
from abreast.drivers.instance import ProcessInstance
from tests.drivers.stage import Stage


async def test_a_ground_makes_its_kind_of_instance(stage: Stage) -> None:
    version = stage.server()
    ground = stage.ground()
    made = ground.instance(2, version, lambda _: None)
    assert isinstance(made, ProcessInstance)
    assert made.shown.id == "v1-2"
    assert made.fingerprint == ground.fingerprint(version) == fingerprint(version)
