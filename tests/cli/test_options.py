"""Options that several verbs share."""

import pytest

from abreast.cli.options import DEFAULT_FILE
from abreast.model.spec import FILE_NAME
from tests.cli.plane import Plane, Run, completed


def test_the_spec_lies_in_the_present_directory() -> None:
    assert str(DEFAULT_FILE) == FILE_NAME == "abreast.yaml"


@pytest.mark.parametrize("option", ["--reason", "-m"])
def test_a_reason_reaches_the_audit_log(plane: Plane, abreast: Run, option: str) -> None:
    plane.answers("/commands/abort", {"message": "all users go back to v1", "obeyed_s": 0.02})
    assert abreast("abort", option, "too slow").code == 0
    assert plane.asked[0].body is not None
    assert plane.asked[0].body["reason"] == "too slow"


def test_a_timeout_needs_its_unit(plane: Plane, abreast: Run) -> None:
    plane.answers("/status", completed())
    ended = abreast("status", "--wait", "--timeout", "30")
    assert ended.code == 2
    assert "--timeout: '30' is no duration" in ended.err
    assert "→ such as: --timeout 30m" in ended.err
    assert plane.asked == []
