"""Short ways to read one operation from a text, or its faults."""

import pytest

from abreast.model.errors import MigrationError
from abreast.schema.migration import read_migration
from abreast.schema.operations import Operation


def operation(text: str) -> Operation:
    """The one operation of a sound text without the outermost key."""
    (found,) = read_migration("a.yaml", f"operations: [{{{text}}}]").operations
    return found


def faults(text: str) -> list[tuple[str, str, str]]:
    """Path (from the operation on), message and remedy of each fault of one operation."""
    with pytest.raises(MigrationError) as raised:
        operation(text)
    return [
        (fault.path.removeprefix("operations[0]").removeprefix("."), fault.message, fault.remedy)
        for fault in raised.value.faults
    ]


def assert_fault(text: str, path: str, message: str, remedy: str) -> None:
    """The text has this one fault; message and remedy in part."""
    ((found, said, advice),) = faults(text)
    assert found == path
    assert message in said
    assert remedy in advice
