"""What drivers that start instances have in common."""

from abreast.drivers.instance import ProcessInstance
from abreast.drivers.replica_driver import ReplicaDriver
from tests.drivers.stage import Stage
from tests.process.programs import until


async def test_versions_are_kept_apart_stopped_by_name_and_ended_by_close(stage: Stage) -> None:
    driver = ReplicaDriver[ProcessInstance](stage.ground())
    for name in ("v1", "v2"):
        driver._replicas(name).want(stage.server(name))
    await until(lambda: all(each.ready for each in driver.instances()) and len(driver.instances()) == 2)
    await driver.stop("v1")
    await until(lambda: [each.version for each in driver.instances()] == ["v2"])
    driver.retain(())
    assert driver.instances()[0].ready  # claimed, so nobody ends it
    await driver.close(stop=True)
    assert list(driver.instances()) == []
