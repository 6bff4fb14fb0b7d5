"""Verbs that work in a fleet's store themselves: before there is a server, and beside those that run."""

from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest

from abreast.cli.client import user
from abreast.model.errors import RefusedError, StoreError, UsageError
from tests.cli.plane import Run, runner
from tests.fleet.gateways import fleet
from tests.fleet.servers import Server, kinds

SPEC = "service: shop\nversions: {v1: {endpoints: ['127.0.0.1:9001']}}\n"


@pytest.fixture
def abreast(short_tmp: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The program beside a spec, where no server runs."""
    (short_tmp / "abreast.yaml").write_text(SPEC, encoding="utf-8")
    monkeypatch.setenv("FLEET_STORE", database)
    return runner(short_tmp, monkeypatch, capsys)


IN_STORE = ("--store", "${FLEET_STORE}")


def test_tokens_are_made_listed_and_revoked_before_there_is_a_server(abreast: Run, short_tmp: Path) -> None:
    assert abreast("token", "list", *IN_STORE).out.startswith("there is no token; make one with")
    made = abreast("token", "create", "ada", "--role", "admin", *IN_STORE)
    assert made.out.startswith("abreast_")
    assert abreast("token", "list", *IN_STORE).out.split()[:2] == ["ada", "admin"]
    assert abreast("token", "create", "ada", "--role", "viewer", *IN_STORE).code == RefusedError.exit_code
    assert abreast("token", "revoke", "ada", *IN_STORE).out.startswith("ada is revoked")
    assert abreast("token", "revoke", "ada", *IN_STORE).code == UsageError.exit_code
    assert not (short_tmp / ".abreast").exists(), "what lies beside the spec is no part of it"


def test_join_tokens_are_made_and_revoked_before_there_is_a_server(abreast: Run) -> None:
    assert abreast("join-token", "g1", *IN_STORE).out.startswith("abreast-join_")
    assert abreast("join-token", "g1", "--revoke", *IN_STORE).out.startswith("gateway/g1 is revoked")
    unknown = abreast("join-token", "g1", "--revoke", *IN_STORE)
    assert (unknown.code, "no gateway is called 'g1'" in unknown.err) == (UsageError.exit_code, True)
    assert abreast("join-token", "g1", "--expires", "60d", *IN_STORE).code == UsageError.exit_code


def test_a_database_that_is_not_reached_is_told(abreast: Run) -> None:
    ended = abreast("token", "list", "--store", "postgresql://me:s3cret@127.0.0.1:1/x")
    assert (ended.code, "s3cret" in ended.err) == (StoreError.exit_code, False)


def test_what_is_done_in_the_store_holds_at_servers_that_run_and_is_in_their_audit_log(
    abreast: Run, short_tmp: Path, database: str
) -> None:
    ada = abreast("token", "create", "ada", "--role", "admin", *IN_STORE).out.strip()
    with fleet(short_tmp, database, "a", []) as made:
        (server,) = made.servers

        def in_store(*words: str) -> CompletedProcess[str]:
            return server.run(*words, "--store", database)

        assert listed(server, ada).status_code == httpx.codes.OK
        joined = made.add("g1").up(in_store("join-token", "g1").stdout.strip())
        server.until(lambda: "g1" in made.shown(server))
        assert "gateway/g1 is revoked" in in_store("join-token", "g1", "--revoke").stdout
        joined.said("gateway/g1 was revoked")
        assert "ada is revoked" in in_store("token", "revoke", "ada").stdout
        assert listed(server, ada).status_code == httpx.codes.UNAUTHORIZED
        events = [(each["actor"], each["reason"]) for each in kinds(server, "token")]
    assert [each for each in events if not each[1].startswith("gateway/g1 joined with the token ")] == [
        (user(), "token ada (admin) was created"),
        (user(), "a join token for gateway/g1 was created"),
        (user(), "gateway/g1 was revoked: it is told nothing any more"),
        (user(), "token ada was revoked, with the sessions that it opened"),
    ]


def listed(server: Server, token: str) -> httpx.Response:
    """The tokens, asked of the server over the network with that one."""
    url = f"http://{server.spec['api']['listen']}/api/v1/tokens"
    return httpx.get(url, headers={"authorization": f"Bearer {token}"})
