"""Alerts to a real Alertmanager, and from there to a webhook: it takes them, fires, and resolves.

Needs the program `prometheus-alertmanager`: one that is installed, else that of Debian's package, which is fetched.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml

from abreast.alerts.channel import Timing
from abreast.alerts.notify import Notifier
from abreast.bench.target import free_port
from abreast.model.rollout import Phase
from tests.alerts.server import Receiver, eventually
from tests.alerts.test_causes import BACK, well
from tests.contracts.test_findings import a_finding
from tests.fakes.debian import program
from tests.rollout.play import under_way

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(120)]

PROGRAM: Final = "prometheus-alertmanager"
TEMPLATES: Final = Path("/usr/share/prometheus/alertmanager")
DEADLINE_S: Final = 30.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Whom the Alertmanager tells."""
    with Receiver() as running:
        yield running


@pytest.fixture
def alertmanager(receiver: Receiver, tmp_path: Path, short_tmp: Path) -> Iterator[str]:
    """Host and port of one that groups by service and rollout, as docs/alerts.md says."""
    address = f"127.0.0.1:{free_port()}"
    route = {"receiver": "people", "group_by": ["service", "rollout"], "group_wait": "0s", "group_interval": "1s"}
    people = {"name": "people", "webhook_configs": [{"url": f"http://{receiver.address}/", "send_resolved": True}]}
    config = tmp_path / "alertmanager.yml"
    config.write_text(yaml.safe_dump({"route": route, "receivers": [people]}), encoding="utf-8")
    options = [f"--config.file={config}", f"--storage.path={tmp_path / 'data'}", "--cluster.listen-address="]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                relocated(Path(program(PROGRAM, PROGRAM, tmp_path)), short_tmp),
                *options,
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
            env={"PATH": os.defpath},
        )
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not _ready(address):
            assert process.poll() is None, (tmp_path / "log").read_text("utf-8")
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)


def relocated(installed: Path, directory: Path) -> Path:
    """One that finds its templates: Debian's looks for them under /usr, where an unpacked package has put nothing.

    The path is written anew in a copy of the program, as a link of the same length in ``directory``.
    """
    if TEMPLATES.exists():
        return installed
    link = directory / "t".ljust(len(str(TEMPLATES)) - len(str(directory)) - 1, "t")
    link.symlink_to(installed.parents[1] / TEMPLATES.relative_to("/usr"))
    copy = directory / installed.name
    copy.write_bytes(installed.read_bytes().replace(bytes(TEMPLATES), bytes(link)))
    copy.chmod(0o700)
    return copy


def _ready(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/-/ready").is_success
    except httpx.TransportError:
        return False


def heard(receiver: Receiver) -> list[dict[str, Any]]:
    """Every alert that people were told, in order."""
    return [alert for posted in receiver.posted for alert in posted.body["alerts"]]


def test_it_takes_causes_and_findings_fires_and_resolves(alertmanager: str, receiver: Receiver, tmp_path: Path) -> None:
    notifier = Notifier(
        (f"alertmanager://{alertmanager}",),
        "abreast finding {finding}",
        service="shop",
        file=tmp_path / "alerts.json",
        timing=Timing(limit_s=5.0, repeat_s=1.0),
    )
    back, retried = under_way(Phase.ROLLED_BACK), under_way(Phase.PENDING)
    now = time.time()
    try:
        notifier.hear(BACK)
        notifier.finding("shop", a_finding(7), "new")
        notifier.look(back, well(back, now=now))
        eventually(lambda: len({each["labels"]["alertname"] for each in heard(receiver)}) == 2)
        assert {each["status"] for each in heard(receiver)} == {"firing"}
        assert receiver.posted[0].body["groupLabels"] == {"service": "shop", "rollout": "1"}
        notifier.look(retried, well(retried, now=time.time()))
        notifier.finding("shop", a_finding(7), "accepted")
        eventually(lambda: sum(each["status"] == "resolved" for each in heard(receiver)) >= 2)
        (trial,) = notifier.test()
        assert trial.failure == ""
        eventually(lambda: any(each["labels"]["alertname"] == "AbreastTest" for each in heard(receiver)))
        assert dict(notifier.failures) == {}
    finally:
        notifier.close()
