"""The tree of errors: its drawing, its codes, and how faults read."""

import inspect
import re

import pytest

from abreast.model import errors
from abreast.model.errors import (
    AbreastError,
    ConflictError,
    Fault,
    MigrationError,
    PortInUseError,
    RequestsError,
    SpecError,
)


def _tree() -> dict[str, type[AbreastError]]:
    found = {
        name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, AbreastError)
    }
    assert len(found) > 10
    return found


def test_the_drawing_in_the_docstring_is_the_tree() -> None:
    drawn = {
        name: (int(code), int(status))
        for name, code, status in re.findall(r"(\w+Error)\s+exit +(\d+)\s+http (\d+)", errors.__doc__ or "")
    }
    assert drawn == {name: (kind.exit_code, kind.http_status) for name, kind in _tree().items()}


def test_the_exit_codes_of_status_are_left_to_it() -> None:
    assert not {kind.exit_code for kind in _tree().values()} & {0, 3, 4, 5}


def test_a_narrower_error_keeps_the_exit_code_that_scripts_know() -> None:
    assert ConflictError.exit_code == 6
    assert PortInUseError.exit_code == 10


def test_every_error_ends_with_what_to_do_next() -> None:
    error = AbreastError("port 80 is taken", "free it")
    assert str(error) == "port 80 is taken\n  → free it"


def test_a_fault_says_where_what_and_what_to_do() -> None:
    fault = Fault("a.yaml", 3, "gateway.listen", "'x' is no address", "write one")
    assert str(fault) == "a.yaml:3: gateway.listen: 'x' is no address\n  → write one"


def test_a_fault_of_the_whole_file_has_no_path() -> None:
    assert str(Fault("a.yaml", 1, "", "the file is empty", "write")) == "a.yaml:1: the file is empty\n  → write"


def test_a_spec_error_lists_its_faults_by_line() -> None:
    late, early = Fault("a", 9, "x", "m", "r"), Fault("a", 2, "y", "m", "r")
    error = SpecError((late, early))
    assert error.faults == (early, late)
    assert error.message == "a: 2 faults"
    assert str(error).splitlines()[0].startswith("a:2: y")
    assert SpecError((early,)).message == "a: 1 fault"


@pytest.mark.parametrize(
    ("kind", "word"), [(SpecError, "spec"), (RequestsError, "requests"), (MigrationError, "migration")]
)
def test_faults_in_several_files_are_counted_with_their_files(
    kind: type[SpecError | RequestsError | MigrationError], word: str
) -> None:
    one, other, third = (Fault(file, line, "x", "m", "r") for file, line in (("a", 1), ("b", 2), ("b", 3)))
    assert kind((one, other, third)).message == "3 faults in 2 files"
    assert str(kind((one, other, third))).splitlines()[-1] == "3 faults in 2 files"
    assert kind((other, third)).message == "b: 2 faults"
    assert kind((one,)).message == "a: 1 fault"
    assert kind(()).message == f"{word}: 0 faults"
