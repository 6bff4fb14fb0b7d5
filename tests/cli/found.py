"""What the API tells of findings, made by what makes it there: the same fields."""

import json
from dataclasses import replace
from typing import Any, Final

from pydantic import TypeAdapter

from abreast.compare.model import Kind
from abreast.findings.finding import Finding
from abreast.findings.report import Key, Sample, ShownAnswer, ShownDifference
from abreast.operations.finding_records import (
    FindingDetail,
    FindingsRecord,
    LedgerRecord,
    record,
    sample_record,
)
from abreast.operations.findings import Decided
from tests.contracts.test_findings import ENDPOINT, TOTAL, a_finding

Json = dict[str, Any]  # Any: JSON

REDACTED: Final = "\u2039redacted:9f86d081\u203a"
STABLE: Final = {"id": 4711, "made_at": "2026-11-23T14:02:11Z", "tags": ["new", "red"], "total": 12.5}
CANDIDATE: Final = {**STABLE, "made_at": "2026-11-23T14:02:12Z", "total": "12.50", "currency": "EUR"}


def answer(body: object, **changes: Any) -> ShownAnswer:  # noqa: ANN401  # of each field its own type
    """An answer of v1's or v2's; a body that is no text is written as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return replace(ShownAnswer(200, (("content-type", "application/json"),), text), **changes)


SAMPLE: Final = Sample(
    id="0000000000000001",
    at=1_763_000_000.25,
    endpoint=ENDPOINT,
    keys=(TOTAL,),
    method="GET",
    path="/orders/4711?full=1",
    request_headers=((":method", "GET"), ("accept", "*/*"), ("authorization", REDACTED), ("host", "shop.example")),
    request_body="",
    stable=answer(STABLE, instance="127.0.0.1:8001"),
    candidate=answer(CANDIDATE, instance="127.0.0.1:8003", headers=(("content-type", "text/json"), ("x-new", "1"))),
    control=None,
    differences=(
        ShownDifference("/total", TOTAL, "12.5", '"12.50"'),
        ShownDifference("/currency", Key("/currency", Kind.ADDED), None, '"EUR"'),
        ShownDifference("header:content-type", Key("header:content-type", Kind.HEADER), "a", "b"),
    ),
)


def sample(**changes: Any) -> Json:  # noqa: ANN401  # of each field its own type
    """A sample as the API tells it."""
    return plain(sample_record(replace(SAMPLE, **changes)))


def listed(*findings: Finding) -> Json:
    """The list of findings as the API tells it."""
    ledger = LedgerRecord(20_112, 18_400, {"method": 1200, "sampled-out": 500, "stream": 0}, 12, 0)
    return plain(FindingsRecord(1, ledger, [record(each) for each in findings]))


def detailed(finding: Finding | None = None, *samples: Sample, gateway: str = "http://127.0.0.1:8080") -> Json:
    """One finding as the API tells it."""
    return plain(FindingDetail(record(finding or a_finding(7)), gateway, [sample_record(each) for each in samples]))


def decided(message: str, finding: Finding) -> Json:
    """The answer to a decision as the API tells it."""
    return plain(Decided(message, record(finding)))


def plain(value: object) -> Json:
    """The JSON of a dataclass."""
    document: Json = TypeAdapter(type(value)).dump_python(value, mode="json")
    return document
