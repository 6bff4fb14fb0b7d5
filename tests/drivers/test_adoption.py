"""Taking stock of what an earlier control plane left."""

from dataclasses import replace
from pathlib import Path

from abreast.drivers.adoption import Stock, compare, take_stock
from abreast.drivers.instance import KIND
from abreast.drivers.record import Record, Records
from abreast.model.service import Version
from abreast.process.identity import Identity
from abreast.process.supervised import Mark
from abreast.process.table import Row

BOOT = "boot-1"
RECORD = Record("v1-1", 1, "b1", 12345, "f1", Version("v1", run=("serve",)), mark=Mark(100, 5000, BOOT))
IDENTITY = Identity("home", KIND, "v1-1", "b1")
ROW = Row(100, 1, 100, 100, 5000, token=IDENTITY.token)


def stock(*rows: Row, record: Record | None = RECORD, boot: str = BOOT) -> Stock:
    return compare("home", [record] if record else [], rows, boot)


def adopted(told: Stock) -> list[int]:
    return [found.mark.pid for found in told.found]


def test_a_recorded_process_that_still_runs_is_found() -> None:
    told = stock(ROW)
    assert adopted(told) == [100]
    assert told.found[0].identity == IDENTITY
    assert told.found[0].mark == RECORD.mark
    assert told.strays == []


def test_a_process_that_wrote_over_its_environment_is_found_by_pid_and_start() -> None:
    assert adopted(stock(replace(ROW, token=""))) == [100]


def test_a_stranger_with_the_same_pid_is_left_alone() -> None:
    told = stock(replace(ROW, start_ticks=9999, token=""))
    assert told == Stock([], [])


def test_a_stranger_with_the_same_pid_and_start_after_a_reboot_is_left_alone() -> None:
    assert stock(replace(ROW, token=""), boot="boot-2") == Stock([], [])


def test_the_dead_are_gone() -> None:
    assert stock(replace(ROW, dead=True)) == Stock([], [])


def test_killed_before_the_pid_was_recorded_the_session_leader_with_the_token_is_it() -> None:
    unfinished = replace(RECORD, mark=None)
    worker = Row(101, 100, 100, 100, 5001, token=IDENTITY.token)
    daemon = Row(99, 1, 99, 99, 5002, token=IDENTITY.token)
    told = stock(worker, daemon, ROW, record=unfinished)
    assert adopted(told) == [100]
    assert told.found[0].mark == Mark(100, 5000, BOOT)


def test_killed_before_the_start_there_is_nothing() -> None:
    assert stock(record=replace(RECORD, mark=None)) == Stock([], [])


def test_workers_whose_leader_is_gone_are_strays() -> None:
    worker = Row(101, 1, 100, 100, 5001, token=IDENTITY.token)
    assert stock(worker) == Stock([], [IDENTITY])


def test_a_process_without_a_record_is_a_stray() -> None:
    assert stock(ROW, record=None) == Stock([], [IDENTITY])


def test_remains_of_an_earlier_start_are_strays_beside_the_adopted() -> None:
    earlier = replace(IDENTITY, birth="b0")
    told = stock(ROW, replace(ROW, pid=50, session=50, token=earlier.token))
    assert adopted(told) == [100]
    assert told.strays == [earlier]


def test_what_belongs_to_another_directory_or_is_no_instance_is_not_ours() -> None:
    others = [replace(IDENTITY, home="other"), replace(IDENTITY, kind="envoy")]
    rows = [Row(200 + n, 1, 200, 200, 1, token=other.token) for n, other in enumerate(others)]
    assert stock(*rows, Row(300, 1, 300, 300, 1, token="rubbish"), record=None) == Stock([], [])


def test_records_of_what_is_gone_are_removed(tmp_path: Path) -> None:
    records = Records(tmp_path)
    records.write(RECORD)
    assert take_stock("home", records) == Stock([], [])
    assert list(records.load()) == []
