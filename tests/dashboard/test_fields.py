"""The page reads what the API tells: each field that a script reads is in the OpenAPI document, and few are not read.

Scripts name their variables by the record that they hold, so that this can be told from their text.
"""

import asyncio
import re
from functools import cache
from typing import Any

import pytest

from abreast.api.server import PREFIX, create_app
from tests.controller.stage import Stage
from tests.dashboard.modules import scripts
from tests.operations.desk import desk_of

RECORDS = {
    "status": "Status",
    "version": "VersionStatus",
    "instance": "InstanceStatus",
    "gateway": "NodeStatus",
    "gate": "GateStatus",
    "server": "ServerRecord",
    "agent": "GatewayRecord",
    "step": "StepStatus",
    "shadow": "ShadowStatus",
    "ledger": "ShadowStatus",
    "entry": "EventRecord",
    "minute": "MinuteRecord",
    "finding": "FindingRecord",
    "key": "KeyRecord",
    "detail": "FindingDetail",
    "sample": "SampleRecord",
    "difference": "DifferenceRecord",
    "row": "Row",
    "session": "SignedIn",
    "done": "Done",
}

NOT_SHOWN = {
    "Status": {"exit_code"},  # for scripts
    "NodeStatus": set(),
    "VersionStatus": set(),
    "InstanceStatus": set(),
    "GateStatus": set(),
    "ServerRecord": set(),
    "GatewayRecord": set(),
    "StepStatus": set(),
    "ShadowStatus": set(),
    "EventRecord": {"reason"},  # in its sentence
    "FindingRecord": {"evidence"},  # in words: `strength`
    "FindingDetail": {"gateway"},  # for the curl of the command line
    "SampleRecord": {"stable", "candidate", "control"},  # as rows
    "DifferenceRecord": {"pattern"},  # its path says more
    "MinuteRecord": {"p50_ms"},
    "Row": set(),
}


async def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return create_app(desk_of(await Stage.climbing()).control).openapi()


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    """The records of the OpenAPI document."""
    found: dict[str, Any] = asyncio.run(document())["components"]["schemas"]
    return found


@cache
def read() -> dict[str, set[str]]:
    """The fields that scripts read, by record."""
    found: dict[str, set[str]] = {record: set() for record in RECORDS.values()}
    for text in scripts().values():
        code = re.sub(r"/\*.*?\*/|^import [^\n]*", "", text, flags=re.DOTALL | re.MULTILINE)
        for variable, record in RECORDS.items():
            found[record] |= set(re.findall(rf"(?<![.\w]){variable}\??\.([a-z_0-9]+)\b(?!\()", code))
            for names in re.findall(rf"const {{([^}}]*)}} = {variable};", code):
                found[record] |= {name.strip() for name in names.split(",")}
    return found


@pytest.mark.parametrize("record", sorted(set(RECORDS.values())))
def test_each_field_that_is_read_is_told(record: str, schemas: dict[str, Any]) -> None:
    fields = read()[record]
    assert fields, "a record that is never read needs no line above"
    assert fields - set(schemas[record]["properties"]) == set()


@pytest.mark.parametrize("record", sorted(NOT_SHOWN))
def test_what_is_told_is_shown(record: str, schemas: dict[str, Any]) -> None:
    assert set(schemas[record]["properties"]) - read()[record] == NOT_SHOWN[record]


async def test_every_path_that_is_asked_is_the_api_s() -> None:
    paths = (await document())["paths"]
    known = {re.sub(r"\{[^}]*\}", "*", path.removeprefix(PREFIX)) for path in paths}
    asked = {
        re.sub(r"\$\{(?:[^{}]|\([^)]*\))*\}", "*", path).partition("?")[0]
        for text in scripts().values()
        for path in re.findall(r"""[`"](/(?:session|status|events|series|findings|commands)[^`"]*)[`"]""", text)
    }
    assert len(asked) >= 8
    decided = {"/findings/*/*": {"/findings/*/accept", "/findings/*/reopen"}}
    wanted = {path for each in asked for path in decided.get(each, {each})}
    assert wanted - known == set()
