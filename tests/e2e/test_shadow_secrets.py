"""What is secret in users' requests is nowhere afterwards: in no file, no alert and no word of the program."""

import base64
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote_plus

import httpx
import pytest

from tests.e2e.planted import PIECES, SECRETS, leaks
from tests.e2e.service import Service
from tests.e2e.shadowing import LASTING, Webhook, begin, settled, shadowed, typed

pytestmark = pytest.mark.timeout(120)

QUERY = f"access_token={quote_plus(SECRETS['parameter'])}&page=7"
MINTED = hashlib.sha256(QUERY.encode()).hexdigest()
MARKER = "a-marker-that-is-no-secret"


def asked_with_secrets(service: Service) -> list[httpx.Response]:
    """Forty times, with either kind of credentials, a look and a write that carry every other secret."""
    headers = {"x-api-key": SECRETS["key"], "cookie": f"session={SECRETS['cookie']}; theme=dark", "x-marker": MARKER}
    basic = base64.b64encode(f"ada:{SECRETS['basic']}".encode()).decode()
    body = {"user": "ada", "password": SECRETS["password"], "note": MARKER}
    answers = []
    with httpx.Client(base_url=service.url) as user:
        for credentials in (f"Bearer {SECRETS['bearer']}", f"Basic {basic}"):
            for _ in range(20):
                asked = {**headers, "authorization": credentials}
                answers.append(user.get(f"/echo?{QUERY}", headers=asked))
                answers.append(user.post(f"/echo?{QUERY}", headers=asked, json=body))
                user.cookies.clear()
    return answers


@pytest.fixture
def service(short_tmp: Path) -> Iterator[Service]:
    """Its candidate may be sent writes, and answers everything differently; not started yet."""
    unsafe = [{"methods": ["POST"]}]
    made = shadowed(short_tmp, "type", **LASTING, shadow={"at_most": "10000/s", "unsafe": unsafe})
    for version in made.spec["versions"].values():
        version["isolated"] = True
    yield made
    if made.process is not None:
        made.close()


def test_planted_secrets_are_nowhere(service: Service) -> None:
    with Webhook() as hook:
        service.spec["alerts"] = [hook.url]
        service.write()
        service.up()
        begin(service)
        answers = asked_with_secrets(service)
        assert {answer.cookies["session"] for answer in answers} == {MINTED}
        assert settled(service, 80)["compared"] > 60
        service.until(lambda: len(hook.bodies) > 1)
        told = [*hook.bodies, typed(service, "findings"), typed(service, "events", "-n", "1000")]
        numbers = [each["number"] for each in service.client().get("/findings")["findings"]]
    told += by_the_api(service, numbers)
    told += [typed(service, "finding", str(numbers[0]), *form) for form in ((), ("--json",), ("--curl",))]
    pieces = {**PIECES, MINTED.encode(): "minted"}
    assert all(len(piece) > 8 for piece in pieces)
    answered = b"".join(b"%r %s" % (answer.headers, answer.content) for answer in answers)
    said = leaks({"an answer": answered}, pieces)
    assert {each.split(": ")[1] for each in said} == {*SECRETS, "minted"}, "users are told all of them"
    assert len(said) > 2 * len(SECRETS), "in many spellings"

    assert sum("‹redacted:" in each for each in told) > len(numbers)
    assert leaks({str(place): text.encode() for place, text in enumerate(told)}, pieces) == []
    files = {str(path): path.read_bytes() for path in service.directory.rglob("*") if path.is_file()}
    assert {"abreast.db-wal", "differences.log", "relay.log", "up.log"} <= {Path(path).name for path in files}
    kept = [path for path, content in files.items() if MARKER.encode() in content]
    assert any(".db" in path for path in kept), "the samples are looked through"
    assert any(b"redacted:" in content for path, content in files.items() if path.endswith("differences.log"))
    assert leaks(files, pieces) == []
    assert leaks(rows(service), pieces) == []


def by_the_api(service: Service, numbers: list[int]) -> list[str]:
    """What dashboards and Prometheus are told: findings, samples side by side, the audit log, the metrics."""
    transport = httpx.HTTPTransport(uds=str(service.directory / ".abreast" / "run" / "api.sock"))
    with httpx.Client(transport=transport, base_url="http://abreast/api/v1") as http:
        paths = ["/status", "/events?limit=1000", "/series", "/findings/suggestions"]
        for number in numbers:
            paths.append(f"/findings/{number}")
            samples = http.get(paths[-1]).json()["samples"]
            paths += [f"/findings/{number}/samples/{each['id']}/rows" for each in samples]
        answers = [*map(http.get, paths), http.get("http://abreast/metrics")]
    assert {answer.status_code for answer in answers} == {200}
    assert any("/rows" in path for path in paths)
    return [answer.text for answer in answers]


def rows(service: Service) -> dict[str, bytes]:
    """Every table of the store as text: in the file itself a text may be in pieces."""
    with closing(sqlite3.connect(service.directory / ".abreast" / "abreast.db")) as store:
        names = [name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = {name: str(store.execute(f"SELECT * FROM {name}").fetchall()) for name in names}  # noqa: S608  # its own
    assert any(MARKER in text for text in tables.values())
    return {name: text.replace("\\\\", "\\").encode() for name, text in tables.items()}
