"""The whole bench of data, small, on a server of its own."""

import json

from abreast.bench.data import Data, Sizes, measure
from abreast.bench.data_backfill import Filling
from abreast.bench.data_drift import Finding
from abreast.bench.data_triggers import CONTENDERS, WRITES, Cost

TINY = Sizes(rounds=1, written_rows=500, filled_rows=2000, compared_rows=2000, compared_rounds=1, quiet_s=0.3)


def test_all_three_are_measured_and_the_server_is_gone_afterwards() -> None:
    lines: list[str] = []

    found = measure(TINY, lines.append)

    assert found.major >= 15
    assert [each.write for each in found.costs] == list(WRITES)
    assert all(set(each.row_us) == set(CONTENDERS) for each in found.costs)
    assert found.filling.failed == 0
    assert found.filling.rows_per_s > 1000
    assert found.finding.planted == 10
    told = json.loads(json.dumps(found.as_dict()))
    assert told["met"] is all(each.met for each in found.costs)
    assert [line.partition(": ")[2] for line in lines] == [
        "rows written, 1 rounds",
        "a backfill of 2,000 rows under load",
        "ten differences in 2,000 rows",
    ]


def test_one_ratio_over_the_bar_is_not_met() -> None:
    costs = tuple(
        Cost(write, dict.fromkeys(CONTENDERS, 1.0), ratio, 0.1)
        for write, ratio in zip(WRITES, [0.7, 0.71, 0.1], strict=True)
    )
    found = Data(TINY, 18, costs, Filling(1, 1.0, 1.0, 1.0, 0), Finding(1, 10, 1.0, 1.0, 1.0, None, None))

    assert [each.met for each in costs] == [True, False, True]
    assert found.as_dict()["met"] is False
