"""What the gateway remembers and says; with a program in Envoy's place that never connects."""

import json
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from socket import socket

import pytest

from abreast.envoy.ads import MEMORY
from abreast.envoy.gateway import EnvoyGateway
from abreast.envoy.snapshot import build
from abreast.model.errors import GatewayError, PortInUseError
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Tls
from abreast.model.traffic import Traffic
from abreast.rollout.observed import NodeState
from tests.envoy.told import moved, traffic
from tests.fakes.clock import FakeClock
from tests.process.programs import alive


def made(folder: Path) -> EnvoyGateway:
    return EnvoyGateway(
        home=folder.name,
        run_dir=folder,
        log_file=folder / "envoy.log",
        settings=GatewaySettings(concurrency=1, drain_s=1.0),
        clock=FakeClock(),
        on_change=lambda: None,
        on_event=lambda _: None,
    )


@pytest.fixture
async def gateway(short_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EnvoyGateway]:
    program = short_tmp / "envoy"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("ABREAST_ENVOY", str(program))
    gateway = made(short_tmp)
    yield gateway
    await gateway.close(stop=True)


async def test_settings_that_change_make_what_runs_outdated(gateway: EnvoyGateway) -> None:
    await gateway.start()
    gateway.launch()
    assert not gateway.outdated
    gateway.adopt(GatewaySettings(concurrency=2, drain_s=1.0))
    assert gateway.outdated


def test_it_says_where_users_come_in_and_what_a_refusal_means(short_tmp: Path) -> None:
    gateway, settings = made(short_tmp), GatewaySettings()
    assert gateway.address(settings) == "http://127.0.0.1:8080"
    assert gateway.address(replace(settings, tls=Tls("a", "b"))) == "https://127.0.0.1:8080"
    assert gateway.serving(settings).endswith("still serves on 127.0.0.1:8080")
    assert isinstance(gateway.refusal("address in use"), PortInUseError)


def test_a_port_that_is_taken_is_told_before_anything_starts(short_tmp: Path) -> None:
    with socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = GatewaySettings(listen=Endpoint("127.0.0.1", taken.getsockname()[1]))
        with pytest.raises(PortInUseError):
            made(short_tmp).require_free(settings)
    made(short_tmp).require_free(settings)


def remembered(folder: Path) -> list[int]:
    """The weights of the remembered snapshots."""
    return [each["split"]["weight"] for each in json.loads((folder / "snapshot.json").read_bytes())]


async def test_without_an_envoy_nothing_is_obeyed(gateway: EnvoyGateway) -> None:
    assert not await gateway.start()
    gateway.publish(traffic("v1"))
    assert gateway.nodes() == []
    assert not gateway.settled()
    await gateway.read_counts()
    assert gateway.counts.recent(60.0) == {}


async def test_without_an_envoy_there_are_none_of_its_metrics(gateway: EnvoyGateway) -> None:
    with pytest.raises(GatewayError, match="no Envoy runs"):
        await gateway.own_metrics("x")


def logging_to(path: Path | None) -> Traffic:
    """A traffic with an access log in that file."""
    of = traffic("v1")
    return replace(of, gateway=replace(of.gateway, access_log=AccessLog(file=str(path)) if path else None))


async def test_the_access_log_is_made_before_envoy_is_told(gateway: EnvoyGateway, short_tmp: Path) -> None:
    gateway.publish(logging_to(short_tmp / "one.log"))
    assert stat.S_IMODE((short_tmp / "one.log").stat().st_mode) == 0o600
    gateway.publish(logging_to(short_tmp / "two.log"))
    assert (short_tmp / "two.log").exists()
    gateway.publish(logging_to(None))
    (short_tmp / "two.log").unlink()
    await gateway.rotate_access_file()
    assert not (short_tmp / "two.log").exists(), "it is no business of abreast's any more"


async def test_an_access_log_that_cannot_be_made_is_told_and_stops_nothing(
    gateway: EnvoyGateway, short_tmp: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.publish(logging_to(short_tmp / "nowhere" / "access.log"))
    assert remembered(short_tmp) == [0]
    for _ in range(3):
        await gateway.rotate_access_file()
    made, rotated = (record.getMessage() for record in caplog.records if "access log" in record.getMessage())
    assert made.startswith("the access log cannot be made")
    assert rotated.startswith("the access log cannot be rotated"), "once, not four times a second"


async def test_an_envoy_that_does_not_answer_is_told_of_a_new_file_later(
    gateway: EnvoyGateway, short_tmp: Path
) -> None:
    await gateway.start()
    gateway.publish(logging_to(short_tmp / "access.log"))
    gateway.launch()
    (short_tmp / "access.log").unlink()
    await gateway.rotate_access_file()
    assert (short_tmp / "access.log").exists()
    assert gateway._reopen_due, "the program in Envoy's place has no admin socket"
    await gateway.close(stop=True)
    await gateway.rotate_access_file()
    assert not gateway._reopen_due, "there is nobody left to be told"


async def test_a_control_plane_that_takes_over_has_the_log_opened_again(gateway: EnvoyGateway, short_tmp: Path) -> None:
    await gateway.start()
    assert not gateway._reopen_due
    gateway.publish(logging_to(short_tmp / "access.log"))
    gateway.launch()
    await gateway.close(stop=False)
    successor = made(short_tmp)
    assert await successor.start()
    assert successor._reopen_due, "the one before may have moved it, and died"
    await successor.close(stop=True)


async def test_an_envoy_that_has_said_nothing_is_a_node_of_which_nothing_is_known(gateway: EnvoyGateway) -> None:
    await gateway.start()
    gateway.publish(traffic("v1"))
    gateway.launch()
    envoy = gateway.processes.current
    assert envoy is not None
    assert gateway.nodes() == [NodeState(envoy.name.node, None, connected=False)]
    assert not gateway.settled()
    await gateway.read_counts()
    assert gateway.counts.recent(60.0) == {}, "it cannot be asked"


async def test_what_is_published_is_remembered_and_said_only_once(gateway: EnvoyGateway, short_tmp: Path) -> None:
    for weight in (100, 100, 500, 500):
        gateway.publish(traffic("v1", "v2", weight))
    assert remembered(short_tmp) == [100, 500]
    (short_tmp / "snapshot.json").unlink()
    gateway.publish(traffic("v1", "v2", 500))
    assert not (short_tmp / "snapshot.json").exists(), "the same again changes nothing"
    gateway.publish(moved(traffic("v1", "v2", 500), 9999))
    assert remembered(short_tmp) == [100, 500, 500], "other endpoints are something else"


async def test_memory_is_bounded(gateway: EnvoyGateway, short_tmp: Path) -> None:
    weights = range(1, MEMORY + 5)
    for weight in weights:
        gateway.publish(traffic("v1", "v2", weight))
    assert remembered(short_tmp) == list(weights)[-MEMORY:]


async def test_a_control_plane_that_takes_over_tells_what_was_told_before(
    gateway: EnvoyGateway, short_tmp: Path
) -> None:
    await gateway.start()
    gateway.publish(traffic("v1", "v2", 100))
    gateway.publish(traffic("v1", "v2", 500))
    gateway.launch()
    await gateway.close(stop=False)
    successor = made(short_tmp)
    assert await successor.start()
    told = build(traffic("v1", "v2", 500), short_tmp / "relay.sock", workers=1)
    assert [each.split.weight for each in successor._ads.published] == [100, 500]
    assert successor._ads.published[-1].version == told.version, "the very same, by its name"
    await successor.close(stop=True)


async def test_memory_without_an_envoy_is_not_believed(gateway: EnvoyGateway, short_tmp: Path) -> None:
    gateway.publish(traffic("v1", "v2", 100))
    successor = made(short_tmp)
    assert not await successor.start()
    assert successor._ads.published == ()
    await successor.close(stop=True)


async def test_the_end_forgets_and_leaves_nothing(gateway: EnvoyGateway, short_tmp: Path) -> None:
    await gateway.start()
    gateway.publish(traffic("v1"))
    gateway.launch()
    envoy = gateway.processes.current
    assert envoy is not None
    await gateway.close(stop=True)
    assert not alive(envoy.process.pid)
    assert not (short_tmp / "snapshot.json").exists()


@pytest.mark.parametrize("text", ["", "[", '{"split": {}}', "[1]"])
async def test_memory_that_cannot_be_read_is_said_and_left(
    gateway: EnvoyGateway, short_tmp: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    (short_tmp / "snapshot.json").write_text(text)
    assert gateway._remembered() == ()
    assert "not readable" in caplog.text
