"""``abreast alerts test``: what is asked for, what is printed, and how it ends."""

import json
from pathlib import Path

import pytest

from tests.alerts.server import Receiver
from tests.cli.plane import Plane, Run

TOOK = {"address": "slack://…", "failure": "", "took_s": 0.25}
FAILED = {"address": "webhook+https://hooks/…", "failure": "it answered 503\x1b", "took_s": 1.0}

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def test_each_address_is_a_line(plane: Plane, abreast: Run) -> None:
    plane.answers("/alerts/test", [TOOK])
    ended = abreast("alerts", "test")
    assert (ended.code, ended.out, ended.err) == (0, "✔ slack://…: took it within 0.25 s\n", "")
    assert [(asked.method, asked.path) for asked in plane.asked] == [("POST", "/alerts/test")]


def test_one_that_fails_is_said_with_the_next_move_and_ends_with_1(plane: Plane, abreast: Run) -> None:
    plane.answers("/alerts/test", [TOOK, FAILED])
    ended = abreast("alerts", "test")
    assert ended.code == 1
    assert ended.out.splitlines()[1:] == [
        "✘ webhook+https://hooks/…: it answered 503\\x1b",
        "mend the address in `alerts` of the spec, or what is behind it, then try again",
    ]


def test_json_has_the_fields_of_the_api(plane: Plane, abreast: Run) -> None:
    plane.answers("/alerts/test", [TOOK, FAILED])
    ended = abreast("alerts", "test", "--json")
    assert (ended.code, json.loads(ended.out)) == (1, [TOOK, FAILED])


def test_without_a_control_plane_it_says_so(short_tmp: Path, abreast: Run) -> None:
    (short_tmp / "abreast.yaml").touch()
    ended = abreast("alerts", "test")
    assert ended.code != 0
    assert "no abreast runs" in ended.err


@pytest.mark.parametrize("way", ["json", "webhook+http", "alertmanager"])
def test_a_given_address_is_tried_from_here(way: str, abreast: Run) -> None:
    with Receiver() as receiver:
        ended = abreast("alerts", "test", "--url", f"{way}://{receiver.address}/pl4nted")
        receiver.wait(1)
    assert ended.code == 0, ended
    assert ended.out.startswith(f"✔ {way}://")
    assert "nothing is wrong" in str(receiver.posted[0].body)
    assert way == "alertmanager" or "pl4nted" not in ended.out


def test_a_given_address_may_be_in_the_environment_so_that_no_list_of_processes_shows_it(
    abreast: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ABREAST_ALERT_URL", "webhook+http://hunter2@127.0.0.1:1/hunter2")
    ended = abreast("alerts", "test")
    assert ended.code == 1
    assert ended.out.startswith("✘ webhook+http://127.0.0.1:1/…: ConnectError")
    assert "hunter2" not in ended.out + ended.err
