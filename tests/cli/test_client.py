"""The command line's side of the socket: every way in which a call can fail is one clear error."""

import getpass
import ssl
from pathlib import Path

import pytest
import trustme

from abreast.bench.target import free_port
from abreast.cli import client as module
from abreast.cli.client import Client, RemoteError
from abreast.model.errors import AbreastError, NotRunningError, UsageError
from tests.cli.plane import Asked, Plane
from tests.cli.remote import Received, RemoteApi


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


class TestElsewhere:
    """The API of another machine, by ``ABREAST_URL``."""

    @pytest.fixture(autouse=True)
    def token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ABREAST_TOKEN", "abreast_secret")

    @pytest.fixture
    def authority(self) -> trustme.CA:
        return trustme.CA(key_type=trustme.KeyType.ECDSA)

    @pytest.fixture
    def tls(self, authority: trustme.CA) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        return context

    def test_a_post_carries_the_token_and_no_actor(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with RemoteApi({"message": "paused"}) as api:
            monkeypatch.setenv("ABREAST_URL", api.url)
            client = Client(tmp_path / "abreast.yaml")
            assert client.remote
            assert client.post("/commands/pause", {"reason": "lunch"}) == {"message": "paused"}
        wanted = Received("POST", "/api/v1/commands/pause", "Bearer abreast_secret", {"reason": "lunch"})
        assert api.received == [wanted]

    def test_over_tls_with_the_authority_that_is_named(
        self, tmp_path: Path, authority: trustme.CA, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("ABREAST_CA", str(tmp_path / "ca.pem"))
        with RemoteApi({"phase": "completed"}, tls=tls) as api:
            monkeypatch.setenv("ABREAST_URL", api.url)
            assert Client(tmp_path / "abreast.yaml").get("/status") == {"phase": "completed"}

    def test_an_unknown_authority_is_no_control_plane_that_is_away(
        self, tmp_path: Path, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with RemoteApi({}, tls=tls) as api:
            monkeypatch.setenv("ABREAST_URL", api.url)
            with pytest.raises(UsageError, match="shows a certificate that is not trusted") as caught:
                Client(tmp_path / "abreast.yaml").get("/status")
        assert "ABREAST_CA" in caught.value.remedy
        assert api.received == [], "no token for who is not trusted"

    @pytest.mark.parametrize(("status", "error"), [(502, NotRunningError), (503, NotRunningError), (500, RemoteError)])
    def test_a_proxy_without_an_api_behind_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, error: type[AbreastError]
    ) -> None:
        with RemoteApi("<h1>Bad Gateway</h1>", status) as api:
            monkeypatch.setenv("ABREAST_URL", api.url)
            with pytest.raises(error, match="gave no JSON but") as caught:
                Client(tmp_path / "abreast.yaml").get("/status")
        assert "the log of abreast there" in caught.value.remedy

    def test_json_that_is_no_problem_document(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with RemoteApi(["who", "are", "you"], 404) as api:
            monkeypatch.setenv("ABREAST_URL", api.url)
            with pytest.raises(RemoteError, match="the control plane answered 404"):
                Client(tmp_path / "abreast.yaml").get("/status")

    def test_nobody_listens_there(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ABREAST_URL", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(NotRunningError, match=r"abreast at 'http://127\.0\.0\.1:\d+' is not reached"):
            Client(tmp_path / "abreast.yaml").get("/status")
