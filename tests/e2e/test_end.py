"""Ctrl-C: nobody who already asks goes without an answer, and nothing is left running."""

import threading
from pathlib import Path

import httpx
import psutil

from tests.e2e.service import Service, origin


def test_requests_under_way_are_answered(short_tmp: Path) -> None:
    slow = origin("v1")
    slow["run"] += " --delay-ms 1500"
    service = Service.of(short_tmp, {"v1": slow, "v2": origin("v2")}, steps=[{"weight": "10%"}])
    service.up()
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(httpx.get(service.url, timeout=10).status_code))
    asking.start()
    pids = [each["pid"] for version in service.status()["versions"] for each in version["instances"]]
    service.until(lambda: any(version["in_flight"] for version in service.status()["versions"]))
    assert service.down() == 0
    asking.join()
    assert answers == [200]
    assert "stopping: the gateway drains, then the versions end" in service.log
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
