"""The base of every mapping, and how a key says its default."""

from typing import Annotated

import pytest
from pydantic import ValidationError

from abreast.model.spec_entry import Keys, entry, many, seconds, written_share
from abreast.model.spec_values import duration, whole


class Sample(Keys):
    """A mapping."""

    wait_s: Annotated[float, duration(0, 60)] = seconds("wait", "how long", 1.5)
    count: Annotated[int, whole(1, 9)] = entry("how many", 3)
    share: int = entry("how much", 25, "0.25%", alias="portion")
    names: tuple[str, ...] = many("who")


def test_defaults_stand_in_the_schema_as_they_are_written() -> None:
    shown = Sample.model_json_schema()["properties"]
    assert {name: each["default"] for name, each in shown.items()} == {
        "wait": "1.5s",
        "count": 3,
        "portion": "0.25%",
        "names": [],
    }
    assert shown["wait"]["description"] == "how long"


def test_a_mapping_takes_its_own_keys_and_no_others() -> None:
    found = Sample.model_validate({"wait": "2s", "names": ["a"]})
    assert (found.wait_s, found.count, found.names) == (2.0, 3, ("a",))
    assert Sample().wait_s == 1.5
    for wrong in ({"wait_s": "2s"}, {"other": 1}, {"portion": "5"}):
        with pytest.raises(ValidationError):
            Sample.model_validate(wrong)


@pytest.mark.parametrize(("weight", "text"), [(0, "0%"), (25, "0.25%"), (10_000, "100%")])
def test_a_share_is_written_without_a_blank(weight: int, text: str) -> None:
    assert written_share(weight) == text
