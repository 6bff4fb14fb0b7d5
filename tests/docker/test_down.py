"""``abreast down`` after a control plane that was killed with its containers running."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
import yaml

from abreast.app.down import run_down
from abreast.bench.target import free_port
from abreast.up_process import UpProcess
from tests.docker.running import box
from tests.fakes.docker import IMAGE, Dockerd
from tests.process.programs import alive, until


async def test_containers_and_fresh_volumes_go_and_those_of_others_stay(
    short_tmp: Path, dockerd: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", dockerd.url)
    file, said = short_tmp / "abreast.yaml", list[str]()
    versions = {"v1": box(instances=2, volumes=["/scratch"]), "v2": {"endpoints": ["127.0.0.1:9"]}}
    gateway = {"listen": f"127.0.0.1:{free_port()}", "drain": "1s", "concurrency": 1}
    file.write_text(yaml.safe_dump({"service": "shop", "gateway": gateway, "versions": versions}), "utf-8")
    dockerd.client("create", "--name", "stranger", "--label", "abreast.home=another", IMAGE)
    async with UpProcess(file) as up:
        os.kill(up.pid, signal.SIGKILL)
        await until(lambda: not alive(up.pid))
    assert len(dockerd.containers()) == 3
    dockerd.kill()
    away = await run_down(file, said.append, "ada")
    assert [each.split()[0] for each in away.ended] == ["envoy"], "what can be ended is"
    (fault,) = away.faults
    assert fault.startswith("containers may be left, and the engine cannot tell")
    await asyncio.to_thread(dockerd.start)
    outcome = await run_down(file, said.append, "ada")
    assert [each.split(" (")[0] for each in outcome.ended] == ["container v1-1", "container v1-2"]
    assert (outcome.faults, outcome.left) == ([], [])
    assert dockerd.containers() == ["stranger"]
    assert dockerd.client("volume", "ls", "--quiet") == ""
    assert (await run_down(file, said.append, "ada")).nothing
