"""What a relay reports is the same when it has been said and read."""

from dataclasses import replace

import pytest
from pydantic import ValidationError

from abreast.compare.model import Kind
from abreast.findings.report import BATCH_JSON, Key, PathCount, PathReport
from tests.findings.batches import TOTAL, batch, path, report, sample


def test_a_batch_is_read_as_it_was_said() -> None:
    noisy = replace(report(path(TOTAL, range(1, 9), control=2)), noise={"/id": "a UUID"})
    told = replace(batch(noisy, samples=[sample(TOTAL, "1", None)]), skipped={"queue-full": 3}, held=2)
    read = BATCH_JSON.validate_json(BATCH_JSON.dump_json(told))
    assert read == told
    [sent] = read.endpoints
    assert sent.paths[0].key == Key("/total", Kind.TYPE)
    assert isinstance(sent.paths[0].key, Key), "not a bare tuple: it is asked for its kind's risk"
    assert read.samples[0].control is None


def test_64_bits_are_kept_whole() -> None:
    """JSON numbers are exact here, unlike in a browser."""
    together = 2**64 - 1
    told = replace(
        batch(report()), endpoints=(replace(report(), paths=(PathReport(TOTAL, PathCount(1, together=together)),)),)
    )
    assert BATCH_JSON.validate_json(BATCH_JSON.dump_json(told)).endpoints[0].paths[0].count.together == together


@pytest.mark.parametrize("text", ["{}", "[]", '{"relay": 1}', ""])
def test_what_is_no_batch_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        BATCH_JSON.validate_json(text)
