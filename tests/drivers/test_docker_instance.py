"""One container, as far as it goes without a real engine; the rest is in tests/docker."""

from pathlib import Path
from random import Random

from abreast.drivers.docker_engine import Engine
from abreast.drivers.docker_image import Images
from abreast.drivers.docker_instance import DockerGround
from abreast.model.container import Container
from abreast.model.service import InstanceState, Version
from tests.drivers.stage import HURRIED, Stage
from tests.fakes.engine_api import engine_api, unheard
from tests.process.programs import until


async def test_an_engine_that_refuses_makes_it_failed_with_its_words_and_stop_ends_that(
    stage: Stage, short_tmp: Path
) -> None:
    async with engine_api(short_tmp) as api:
        api.answers["GET /containers/json"] = (200, [])
        api.answers["GET /images/shop:2/json"] = (200, {"Id": "sha256:1"})
        api.answers["POST /containers/create"] = (500, {"message": "no space left on device"})
        engine = Engine(lambda: api.url, "home-1", stage.clock, unheard)
        ground = DockerGround(
            service="shop",
            home="home-1",
            logs=stage.folder / "logs",
            clock=stage.clock,
            random=Random(1),
            on_change=stage.changed,
            on_event=stage.heard,
            timing=HURRIED,
            engine=engine,
            images=Images(engine, "shop"),
        )
        gone: list[object] = []
        made = ground.instance(1, Version("v1", container=Container("shop:2")), gone.append)
        made.begin()
        await until(lambda: stage.reasons(InstanceState.FAILED))
        assert "docker system prune" in stage.reasons(InstanceState.FAILED)[0]
        await until(lambda: api.asked.count("POST /containers/create") > 1, "it is tried again")
        made.stop()
        await made.gone()
        assert gone == [made]
        await ground.images.close()
        await engine.close()
