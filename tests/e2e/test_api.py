"""The API of a real `abreast up`: a token made before it runs, a link that signs in, a restart, and secrets nowhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.service import Service, origin

pytestmark = pytest.mark.timeout(120)

OURS = {"x-abreast-csrf": "1", "sec-fetch-site": "same-origin"}
LINK = re.compile(
    r"sign a browser in, once and within the hour: (http://127\.0\.0\.1:\d+)(/api/v1/sign-in\?token=(\S+))"
)


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    made = Service.of(short_tmp, {"v1": origin("v1")}, steps=[{"weight": "10%"}])
    yield made
    made.close()


def linked(service: Service) -> tuple[str, str, str]:
    """The newest link that was printed: address, path and its secret."""
    service.until(lambda: bool(LINK.search(service.log)))
    found = LINK.findall(service.log)[-1]
    return found[0], found[1], found[2]


def test_who_has_a_token_or_the_link_is_in_until_it_is_revoked(service: Service) -> None:
    made = service.run("token", "create", "ada", "--role", "operator")
    ada = made.stdout.strip()
    service.up()
    address, path, link = linked(service)
    assert f"API: {address}\n" in service.log
    with (
        httpx.Client(base_url=address, trust_env=False) as http,
        httpx.Client(base_url=address, trust_env=False) as web,
    ):
        by_token = {"authorization": f"Bearer {ada}"}
        assert http.get("/api/v1/status").status_code == 401
        assert http.get("/api/v1/status", headers=by_token).json()["service"] == "shop"
        assert web.get(path).status_code == 303
        assert web.post("/api/v1/commands/retry", json={}, headers=OURS).status_code == 409
        with http.stream("GET", "/api/v1/stream", headers={**by_token, "last-event-id": "0"}) as stream:
            data = (line.partition(": ")[2] for line in stream.iter_lines() if line.startswith("data: "))
            reasons = (json.loads(text).get("reason") for text in data)
            assert any(reason == "token ada (operator) was created" for reason in reasons)
        service.kill()
        service.up()
        service.until(lambda: len(LINK.findall(service.log)) == 2)
        if linked(service)[0] == address:
            assert web.get("/api/v1/session").json()["role"] == "operator", "a session outlives a restart"
        web.base_url = http.base_url = linked(service)[0]
        assert web.get(path).status_code == 401, "a link is good once, and gone with its control plane"
        assert service.run("token", "revoke", "ada").returncode == 0
        assert http.get("/api/v1/status", headers=by_token).status_code == 401
    events = service.run("events").stdout
    assert "token ada was revoked" in events
    assert service.down() == 0
    kept = [file for file in (service.directory / ".abreast").rglob("*") if file.is_file()]
    assert not [file for file in kept for secret in (ada, link) if secret.encode() in file.read_bytes()]
    assert ada not in service.log + events


def test_an_address_that_others_reach_is_refused_until_there_is_a_token(service: Service) -> None:
    service.spec["api"] = {"listen": "0.0.0.0:1", "tls": {"certificate": "api.crt", "key": "api.key"}}
    for name in ("api.crt", "api.key"):
        (service.directory / name).touch()
    service.write()
    service.up(wait=False)
    assert service.process is not None
    assert service.process.wait(30) == 2
    assert "api.listen: 0.0.0.0:1 can be reached from other machines, but there is no token" in service.log
    assert "abreast token create" in service.log
