"""The OpenAPI document that is published, and what is answered, by generated requests."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from abreast.api.access import COOKIE, CSRF_HEADER
from abreast.api.problems import PREFIX
from abreast.api.shield import MOST_BYTES
from abreast.api.stream import BACKLOG, COMMENT_S, MOST_READERS
from abreast.model.api_settings import DEFAULT_LISTEN
from abreast.model.rollout import Phase
from abreast.model.token import Role
from abreast.rollout.observed import Verb
from tests.api.served import serving
from tests.api.test_server import client
from tests.operations.desk import Desk, running
from tests.rollout.play import under_way

EXAMPLES = 12
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """A rollout of v2 at 10 %."""
    async with running(under_way(Phase.PROGRESSING)) as made:
        yield made


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the desk's API."""
    async with client(desk.control) as made:
        yield made


class TestDescription:
    """The OpenAPI document that is published."""

    @pytest.fixture
    async def document(self, http: httpx.AsyncClient) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = (await http.get("/openapi.json")).json()
        return found

    async def test_every_reference_in_it_leads_somewhere(self, document: dict[str, Any]) -> None:
        found = list(references(document))
        assert found
        for reference in found:
            place: Any = document
            for part in reference.removeprefix("#/").split("/"):
                place = place[part]
            assert place

    async def test_every_operation_says_what_it_does_and_how_it_fails(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.")
        operations = {
            f"{method} {path}": operation
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
        assert len(operations) > 20
        for name, operation in operations.items():
            assert operation["description"], name
            ofrep = " /ofrep/" in name  # whose own shape and statuses test_ofrep.py looks at
            assert {"400", "401", "403", "413", "500"} <= set(operation["responses"]), name
            assert ofrep or "507" in operation["responses"], name
            assert not {"422", "default"} & set(operation["responses"]), f"{name}: no answer has that shape"
            for status, answer in operation["responses"].items():
                assert answer["description"], (name, status)
                shape = "application/json" if ofrep and status not in {"408", "413"} else "application/problem+json"
                assert status < "400" or set(answer["content"]) == {shape}, (name, status)

    async def test_it_says_how_to_sign_in_and_shows_examples(self, document: dict[str, Any]) -> None:
        schemes = document["components"]["securitySchemes"]
        assert (schemes["token"]["scheme"], schemes["session"]["name"]) == ("bearer", "abreast-session")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                signs_in = path.endswith("/sign-in") or (path.endswith("/session") and method == "post")
                assert operation.get("security", []) == ([] if signs_in else [{"token": []}, {"session": []}]), path
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    body = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
                    assert body["title"] == "ActorBody" or body["examples"], path

    async def test_every_command_is_described(self, document: dict[str, Any]) -> None:
        order = document["paths"][f"{PREFIX}/commands/{{verb}}"]["post"]
        verb = next(each for each in order["parameters"] if each["name"] == "verb")
        assert verb["schema"]["enum"] == list(get_args(Verb))
        fields = document["components"]["schemas"]["OrderBody"]["properties"]
        assert all(field["description"] for field in fields.values())


def references(node: object) -> Iterator[str]:
    """Every `$ref` below that node."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for each in node:
            yield from references(each)


STREAM = f"{PREFIX}/stream"
"""It ends only when its reader does: its own test asks it."""


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, dict[str, str]]]:
    """A server in a thread of its own, which schemathesis' requests can wait for, and an admin's headers."""
    ready: queue.Queue[tuple[str, dict[str, str], Callable[[], None]]] = queue.Queue()

    async def run() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        async with serving() as served:
            ready.put((served.origin, served.by(Role.ADMIN), lambda: void(loop.call_soon_threadsafe(stop.set))))
            await stop.wait()

    def void(_handle: object) -> None:
        return

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    origin, headers, stop = ready.get(timeout=10)
    yield origin, headers
    stop()
    thread.join(20)


@pytest.mark.parametrize("signed_in", [True, False])
def test_generated_requests_meet_no_defect_and_no_status_that_is_not_described(
    address: tuple[str, dict[str, str]], signed_in: bool
) -> None:
    origin, headers = address
    described = schemathesis.openapi.from_url(f"{origin}{PREFIX}/openapi.json")
    asked: dict[str, set[int]] = {}
    for found in described.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path == STREAM:
            continue

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=[*HealthCheck],
        )
        @given(case=operation.as_strategy())
        def one(case: schemathesis.Case[Any]) -> None:
            answer = case.call(headers=headers if signed_in else {}, timeout=10)
            # What the document says of statuses, types and bodies; what is refused is for the other tests.
            case.validate_response(answer, checks=CHECKS)
            asked.setdefault(f"{case.method} {case.path}", set()).add(answer.status_code)

        one()
    assert len(asked) > 20
    seen = set().union(*asked.values())
    assert not {status for status in seen if status >= 500}
    assert seen >= ({200, 400} if signed_in else {401})
    if not signed_in:
        assert all(found <= {400, 401, 429} for found in asked.values()), asked


def test_the_page_about_the_api_names_what_holds() -> None:
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for words in (
        *(f"| `{role}` | " for role in Role),
        f"`{COOKIE}`",
        f"`{CSRF_HEADER}: 1`",
        f"http://{DEFAULT_LISTEN}/api/v1/",
        f"the newest {BACKLOG:,}",
        f"there may be {MOST_READERS}",
        f"every {COMMENT_S:g} s",
        f"more than {MOST_BYTES // 1024} KiB",
    ):
        assert words in page, words
