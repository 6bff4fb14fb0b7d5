"""JavaScript for tests: where its packages come from, and what is said where they cannot be had."""

import base64
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.fakes.npm import Checker, installed


def packed(**files: str) -> bytes:
    """A package as npm has it."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"package/{name.replace('_', '.')}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return raw.getvalue()


TRIPLE = packed(
    package_json='{"name": "triple", "version": "1.0.0", "type": "module", "main": "index.js"}',
    index_js="export const triple = (number) => 3 * number;",
)
DIGEST = f"sha512-{base64.b64encode(hashlib.sha512(TRIPLE).digest()).decode()}"
CHECK = """
import { createInterface } from "node:readline";
import { triple } from "triple";
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "null") process.exit(1);
  console.log(triple(JSON.parse(line)));
}
"""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """A registry with one package, in npm's settings; nothing is fetched yet. The paths that it is asked for."""
    paths: list[str] = []

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            dist = {"tarball": f"{address}/triple-1.0.0.tgz", "integrity": DIGEST}
            version = {"name": "triple", "version": "1.0.0", "dist": dist}
            known = {"name": "triple", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
            body = TRIPLE if self.path.endswith(".tgz") else json.dumps(known).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    address = f"http://127.0.0.1:{server.server_port}"
    settings = tmp_path / "npmrc"
    settings.write_text(f"registry={address}\ncache={tmp_path}/cache\nfetch-retries=0\n")
    monkeypatch.setenv("npm_config_userconfig", str(settings))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield paths
    server.shutdown()
    thread.join()
    server.server_close()


def folder(place: Path, digest: str = DIGEST) -> Path:
    """What needs the package, with a lock."""
    found = place / "own"
    found.mkdir()
    needs = {"name": "own", "dependencies": {"triple": "1.0.0"}}
    packages = {"": needs, "node_modules/triple": {"version": "1.0.0", "integrity": digest}}
    (found / "package.json").write_text(json.dumps({**needs, "private": True, "type": "module"}))
    (found / "package-lock.json").write_text(
        json.dumps({"name": "own", "lockfileVersion": 3, "requires": True, "packages": packages})
    )
    (found / "check.js").write_text(CHECK)
    return found


def test_packages_come_from_the_registry_of_the_users_settings_once(asked: list[str], tmp_path: Path) -> None:
    own = folder(tmp_path)
    place = installed(own)
    assert (place / "node_modules" / "triple" / "index.js").exists()
    assert asked == ["/triple", "/triple-1.0.0.tgz"]
    assert installed(own) == place
    (own / "check.js").write_text("")
    assert installed(own) != place, "something else is something else"


def test_a_package_that_is_not_the_one_of_the_lock_is_refused(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    own = folder(tmp_path, digest=f"sha512-{base64.b64encode(bytes(64)).decode()}")
    with pytest.raises(pytest.fail.Exception, match=r"packages of .*own/package\.json, and npm says: .*EINTEGRITY"):
        installed(own)


def test_without_a_registry_it_is_said_and_without_ci_skipped(
    asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:1")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"packages of .*own/package\.json, and npm says: .*ECONNREFUSED"):
        installed(folder(tmp_path))
    assert asked == []


def test_a_checker_answers_each_question_until_it_ends(asked: list[str], tmp_path: Path) -> None:
    checker = Checker(folder(tmp_path))
    assert [checker.ask(number) for number in (1, 2, 14)] == [3, 6, 42]
    with pytest.raises(AssertionError, match=r"check\.js'\] has ended"):
        checker.ask(None)
    checker.end()
