"""The spec in a real etcd: what changes there reaches the gateway, and what is wrong there changes nothing."""

import asyncio
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.service import Service, origin
from tests.fakes.etcd import EtcdServer
from tests.integration.client import on_version

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(600)]

KEY = "abreast/shop"
WEIGHTS = tuple(range(500, 5000, 250))
LIMIT_S = 1.0


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdServer]:
    server = EtcdServer(tmp_path).start()
    yield server
    server.kill()


@pytest.fixture
def service(short_tmp: Path, etcd: EtcdServer) -> Iterator[Service]:
    """Two cheap versions, and a rollout whose steps no time ends; its spec is in etcd alone."""
    made = Service.of(
        short_tmp,
        {"v1": origin("v1"), "v2": origin("v2")},
        steps=[{"weight": "1%"}, {"weight": "60%"}],
        step_time={"at_least": "1h", "at_most": "2h"},
    )
    made.options = ("--config", f"etcd://{etcd.host}/{KEY}")
    write(made, etcd)
    made.file.unlink()
    made.up()
    yield made
    made.close()


def write(service: Service, etcd: EtcdServer, weight: int = 100) -> int:
    """The spec with that weight in its first step, into etcd; its revision."""
    service.spec["rollout"]["steps"][0] = {"weight": f"{weight / 100:g}%"}
    return etcd.put(KEY, yaml.safe_dump(service.spec, sort_keys=False))


def obeyed(service: Service) -> int | None:
    """The weight that the gateway has acknowledged."""
    (node,) = service.status()["nodes"]
    weight = node["weight"]
    return None if weight is None else int(weight)


def spec_events(service: Service) -> list[dict[str, str]]:
    return [event for event in service.client().get("/events") if event["kind"] == "spec"]


def told(service: Service) -> str:
    """The newest event about the spec."""
    events = spec_events(service)
    return events[-1]["reason"] if events else ""


def roll_out(service: Service) -> None:
    service.give("start", version="v2")
    service.until(lambda: service.status()["phase"] == "progressing")
    service.until(lambda: obeyed(service) == 100)


async def test_a_changed_weight_in_etcd_reaches_the_gateway_within_a_second(service: Service, etcd: EtcdServer) -> None:
    roll_out(service)
    took: list[float] = []
    for weight in (*WEIGHTS, *reversed(WEIGHTS)):
        began = time.monotonic()
        write(service, etcd, weight)
        while obeyed(service) != weight:
            assert time.monotonic() - began < 10.0, service.log[-2000:]
            await asyncio.sleep(0.002)
        took.append(time.monotonic() - began)
    print(
        f"{len(took)} changes of a weight in etcd, obeyed after: median {statistics.median(took) * 1000:.0f} ms, "
        f"slowest {max(took) * 1000:.0f} ms"
    )
    assert max(took) < LIMIT_S
    routed = await on_version(service.port, "v2", 2000)
    assert 60 < len(routed) < 140, "the last one was 5 % of 2,000 users"


def test_a_broken_document_changes_nothing_and_is_reported_with_every_fault(service: Service, etcd: EtcdServer) -> None:
    roll_out(service)
    before = service.status()
    good = yaml.safe_dump(service.spec, sort_keys=False)
    revision = etcd.put(KEY, f"{good}retyr: 5\nstable: v9\n")
    service.until(lambda: any(str(revision) in event["reason"] for event in spec_events(service)))
    event = spec_events(service)[-1]
    assert event["actor"] == "etcd"
    assert f"at revision {revision}) is refused" in event["reason"]
    assert "unknown key 'retyr'" in event["reason"]
    assert "no version is called 'v9'" in event["reason"]
    assert f"line {good.count(chr(10)) + 1}: " in event["reason"]
    after = service.status()
    assert [after[key] for key in ("weight", "phase", "step")] == [before[key] for key in ("weight", "phase", "step")]
    for wrong in ("versions: [", b"\xff\xfe", "", b"x" * 1_100_000):
        refused = f"at revision {etcd.put(KEY, wrong)}) is refused"
        service.until(lambda words=refused: words in told(service))  # type: ignore[misc]  # its default is the loop's own
        assert len(told(service)) < 3000
    assert obeyed(service) == 100
    write(service, etcd, 2000)
    service.until(lambda: obeyed(service) == 2000)


def test_a_key_that_is_deleted_changes_nothing(service: Service, etcd: EtcdServer) -> None:
    roll_out(service)
    etcd.delete(KEY)
    service.until(lambda: "the key is gone; the last good spec stays" in told(service))
    assert obeyed(service) == 100
    service.down()
    service.up()
    assert "there is no such key; the last good spec is used" in service.log
    write(service, etcd, 700)
    service.until(lambda: obeyed(service) == 700)


def test_etcd_killed_cut_off_and_compacted(service: Service, etcd: EtcdServer) -> None:
    roll_out(service)
    etcd.kill()
    service.until(lambda: "does not answer" in told(service))
    count = len(spec_events(service))
    time.sleep(2.0)  # it asks again several times meanwhile
    assert len(spec_events(service)) == count, "once"
    for verb in ("pause", "resume"):
        assert service.give(verb)["obeyed_s"] is not None
    etcd.start()
    service.until(lambda: "answers again" in told(service))
    write(service, etcd, 900)
    service.until(lambda: obeyed(service) == 900)
    etcd.freeze()
    service.until(lambda: "does not answer" in told(service), 30.0)
    etcd.thaw()
    service.until(lambda: "answers again" in told(service))
    etcd.compact(max(etcd.put("other", str(number)) for number in range(20)))
    write(service, etcd, 1100)
    service.until(lambda: obeyed(service) == 1100)


def test_a_start_without_etcd_uses_the_last_good_spec_and_without_one_says_what_to_do(
    service: Service, etcd: EtcdServer
) -> None:
    roll_out(service)
    etcd.kill()
    service.down()
    began = len(service.log)
    service.up()
    assert "etcd does not answer" in service.log[began:]
    assert "the last good spec is used, of revision" in service.log[began:]
    etcd.start()
    service.until(lambda: "answers again" in told(service) or "read again" in told(service))
    service.down()
    etcd.kill()
    (service.directory / ".abreast" / "spec.json").unlink()
    service.up(wait=False)
    assert service.process is not None
    assert service.process.wait(30) == 2
    assert "etcd does not answer" in service.log
    assert "start etcd, or correct --config" in service.log
