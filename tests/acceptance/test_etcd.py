"""The spec in a real etcd: what changes there reaches the gateway, and what is wrong there changes nothing."""

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
            time.sleep(0.002)
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
    told = spec_events(service)[-1]
    assert told["actor"] == "etcd"
    assert f"at revision {revision}) is refused" in told["reason"]
    assert "unknown key 'retyr'" in told["reason"]
    assert "no version is called 'v9'" in told["reason"]
    assert f"line {good.count(chr(10)) + 1}: " in told["reason"]
    assert (service.status()["weight"], service.status()["revision"]) == (before["weight"], before["revision"])
    for wrong in ("versions: [", b"\xff\xfe", "", b"x" * 1_100_000):
        revision = etcd.put(KEY, wrong)
        service.until(lambda: f"at revision {revision}) is refused" in spec_events(service)[-1]["reason"])
        assert len(spec_events(service)[-1]["reason"]) < 3000
    assert obeyed(service) == 100
    write(service, etcd, 2000)
    service.until(lambda: obeyed(service) == 2000)


def test_a_key_that_is_deleted_changes_nothing(service: Service, etcd: EtcdServer) -> None:
    roll_out(service)
    etcd.delete(KEY)
    service.until(lambda: "the key is gone; the last good spec stays" in spec_events(service)[-1]["reason"])
    assert obeyed(service) == 100
    service.down()
    service.up()
    assert "there is no such key; the last good spec is used" in service.log
    write(service, etcd, 700)
    service.until(lambda: obeyed(service) == 700)


def test_etcd_killed_cut_off_and_compacted(service: Service, etcd: EtcdServer) -> None:
    roll_out(service)
    etcd.kill()
    service.until(lambda: "does not answer" in spec_events(service)[-1]["reason"])
    told = len(spec_events(service))
    time.sleep(2.0)
    assert len(spec_events(service)) == told, "once"
    assert service.give("weight", weight=300)["obeyed_s"] is not None
    assert service.give("resume")["obeyed_s"] is not None
    etcd.start()
    service.until(lambda: "answers again" in spec_events(service)[-1]["reason"])
    reached = write(service, etcd, 900)
    service.until(lambda: service.status()["step"] is not None and str(reached) in spec_events(service)[-1]["reason"])
    etcd.freeze()
    service.until(lambda: "does not answer" in spec_events(service)[-1]["reason"], 30.0)
    etcd.thaw()
    service.until(lambda: "answers again" in spec_events(service)[-1]["reason"])
    for number in range(20):
        newest = etcd.put("other", str(number))
    etcd.compact(newest)
    write(service, etcd, 1100)
    service.until(lambda: "is refused" not in spec_events(service)[-1]["reason"])


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
    service.until(
        lambda: (
            "answers again" in spec_events(service)[-1]["reason"] or "read again" in spec_events(service)[-1]["reason"]
        )
    )
    service.down()
    etcd.kill()
    (service.directory / ".abreast" / "spec.json").unlink()
    service.up(wait=False)
    assert service.process is not None
    assert service.process.wait(30) == 2
    assert "etcd does not answer" in service.log
    assert "start etcd, or correct --config" in service.log
