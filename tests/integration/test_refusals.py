"""What Envoy refuses is told in its own words; what it accepted last goes on."""

from dataclasses import replace
from pathlib import Path

import pytest

from abreast.bench.origin import Origin
from abreast.model.service import Tls, Version
from abreast.model.traffic import Traffic
from tests.integration.client import Connection
from tests.integration.stage import Stage, backend, until


def broken_certificate(stage: Stage, told: Traffic) -> Traffic:
    """The same traffic with a certificate that is none."""
    for name in ("chain.pem", "key.pem"):
        (stage.folder / name).write_text("this is no certificate")
    tls = Tls(str(stage.folder / "chain.pem"), str(stage.folder / "key.pem"))
    return replace(told, gateway=replace(told.gateway, tls=tls))


def refusal(stage: Stage) -> str:
    """Envoy's words."""
    return stage.gateway.nodes()[0].nack


async def test_a_refused_certificate_changes_nothing_for_users(stage: Stage, v1: Origin, v2: Origin) -> None:
    good = stage.traffic(backend("v1", v1.port))
    await stage.open(good)
    stage.gateway.publish(broken_certificate(stage, good))
    await until(lambda: refusal(stage), "a refusal")
    assert "chain.pem" in refusal(stage)
    assert not stage.gateway.settled()
    async with await stage.connect() as user:
        assert (await user.ask()).version == "v1"
        await stage.publish(stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=10_000))
        assert refusal(stage) == ""
        assert (await user.ask()).version == "v2", "on the very same connection"


async def test_a_refused_cluster_leaves_the_split_as_it_was(stage: Stage, v1: Origin, v2: Origin) -> None:
    """Envoy allows health checks no time-out of 0 seconds; our spec does neither, but faults of ours may get here."""
    before = stage.traffic(backend("v1", v1.port), backend("v2", v2.port), weight=2500)
    await stage.open(before)
    broken = Version("v3", run=("serve",), ready=replace(Version("v3").ready, timeout_s=0.0))
    stage.gateway.publish(stage.traffic(backend("v1", v1.port), backend(broken, v2.port), weight=10_000))
    await until(lambda: refusal(stage), "a refusal")
    assert "v3" in refusal(stage)
    assert stage.gateway.nodes()[0].acked == before.split
    async with await stage.connect() as user:
        seen = {(await user.ask(headers={"x-user-id": f"user-{number}"})).version for number in range(40)}
    assert seen == {"v1", "v2"}
    after = stage.traffic(backend("v2", v2.port))
    await stage.publish(after)
    node = stage.gateway.nodes()[0]
    assert (node.acked, node.nack) == (after.split, "")


async def test_a_port_in_use_is_refused_with_the_port(stage: Stage, v1: Origin) -> None:
    stage.settings = replace(stage.settings, listen=replace(stage.settings.listen, port=v1.port))
    stage.gateway = stage.control_plane()
    await stage.gateway.start()
    stage.gateway.publish(stage.traffic(backend("v1", v1.port)))
    stage.gateway.launch()
    await until(lambda: refusal(stage), "a refusal")
    assert f"127.0.0.1:{v1.port}" in refusal(stage)
    assert "in use" in refusal(stage)


async def test_sockets_are_for_the_owner_alone(stage: Stage, v1: Origin) -> None:
    await stage.open(stage.traffic(backend("v1", v1.port)))
    sockets = [each for each in stage.folder.iterdir() if each.is_socket()]
    assert sorted(each.name.split("-")[0] for each in sockets) == ["admin", "ads.sock"]
    assert {oct(each.stat().st_mode & 0o777) for each in sockets} == {"0o600"}


@pytest.mark.parametrize("broken", [b"", b"{", b'{"split": 1}'])
async def test_a_broken_memory_of_the_last_snapshot_is_no_obstacle(stage: Stage, v1: Origin, broken: bytes) -> None:
    (stage.folder / "snapshot.json").write_bytes(broken)
    await stage.open(stage.traffic(backend("v1", v1.port)))
    async with await Connection.open(stage.port) as user:
        assert (await user.ask()).version == "v1"


async def test_a_full_disk_does_not_stop_a_rollback(stage: Stage, v1: Origin, v2: Origin, short_tmp: Path) -> None:
    """The snapshot cannot be remembered, but it is told."""
    sides = backend("v1", v1.port), backend("v2", v2.port)
    await stage.open(stage.traffic(*sides, weight=10_000))
    # A directory where the draft should be: every write fails, whoever runs this test.
    (short_tmp / "snapshot.new").mkdir()
    await stage.publish(stage.traffic(*sides, weight=0))
    async with await stage.connect() as user:
        assert (await user.ask()).version == "v1"
