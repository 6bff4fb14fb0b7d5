"""The command line's side of the socket: every way in which a call can fail is one clear error."""

import getpass
from pathlib import Path

import pytest

from abreast.cli import client as module
from abreast.cli.client import Client, RemoteError
from abreast.model.errors import AbreastError, NotRunningError
from tests.cli.plane import Asked, Plane


@pytest.fixture
def client(short_tmp: Path) -> Client:
    return Client(short_tmp / "abreast.yaml")


def test_a_get_is_answered_with_the_json(plane: Plane, client: Client) -> None:
    plane.answers("/events", [{"id": 1}])
    assert client.get("/events", limit=5) == [{"id": 1}]
    assert plane.asked == [Asked("GET", "/events", "limit=5", None)]


def test_a_post_tells_who_asks(plane: Plane, client: Client) -> None:
    plane.answers("/commands/pause", {"message": "paused"})
    assert client.post("/commands/pause", {"reason": "lunch"}) == {"message": "paused"}
    assert plane.asked == [Asked("POST", "/commands/pause", "", {"actor": getpass.getuser(), "reason": "lunch"})]


def test_a_user_without_a_name_is_told_as_such(plane: Plane, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid 12345")

    monkeypatch.setattr(getpass, "getuser", nameless)
    plane.answers("/commands/pause", {})
    client.post("/commands/pause", {})
    assert plane.asked[0].body == {"actor": "unknown user"}


def test_a_problem_document_is_the_error_that_it_was_there(plane: Plane, client: Client) -> None:
    problem = {"detail": "cannot pause while completed", "remedy": "possible now: start", "exit_code": 6}
    plane.answers("/commands/pause", problem, status=409)
    with pytest.raises(RemoteError, match="cannot pause while completed") as caught:
        client.post("/commands/pause", {})
    assert str(caught.value) == "cannot pause while completed\n  → possible now: start"
    assert caught.value.exit_code == 6
    assert AbreastError.exit_code == 1, "the class keeps its own"


@pytest.mark.parametrize(
    ("problem", "message"),
    [({"detail": "Not Found"}, "Not Found"), ({}, "the control plane answered 404")],
)
def test_what_a_problem_document_lacks_is_filled_in(
    plane: Plane, client: Client, problem: dict[str, object], message: str
) -> None:
    plane.answers("/nothing", problem, status=404)
    with pytest.raises(RemoteError) as caught:
        client.get("/nothing")
    assert (caught.value.message, caught.value.exit_code) == (message, 1)
    assert caught.value.remedy == "see its log: .abreast/logs/abreast.log"


def test_an_answer_that_is_no_json_is_quoted(plane: Plane, client: Client, short_tmp: Path) -> None:
    plane.answers("/status", "Internal Server Error", status=500)
    with pytest.raises(RemoteError) as caught:
        client.get("/status")
    assert caught.value.message == f"abreast in '{short_tmp}' gave no JSON but 500: 'Internal Server Error'"


def test_no_answer_in_time(plane: Plane, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    plane.hang()
    with pytest.raises(NotRunningError, match=r"did not answer within 0\.1 s") as caught:
        client.get("/status")
    assert caught.value.remedy == "see its log: .abreast/logs/abreast.log"


def test_nobody_listens(client: Client, short_tmp: Path) -> None:
    with pytest.raises(NotRunningError) as caught:
        client.get("/status")
    assert caught.value.message == f"no abreast runs for '{short_tmp}'"
    assert "abreast up" in caught.value.remedy


def test_a_socket_that_a_killed_process_left(short_tmp: Path, client: Client) -> None:
    with Plane(short_tmp) as plane:
        place = plane.socket
    assert place.exists()
    with pytest.raises(NotRunningError, match="no abreast runs"):
        client.get("/status")
