"""The published schema: current, described, and of one mind with the parser."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from abreast.model.spec_schema import schema
from tests.model.test_spec import FULL, SMALLEST, faults


def test_the_published_schema_is_current() -> None:
    published = Path(__file__).parents[2] / "docs" / "abreast.schema.json"
    remedy = "write it anew with: abreast schema > docs/abreast.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == schema(), remedy


@pytest.mark.parametrize("text", [SMALLEST, FULL])
def test_the_schema_agrees_with_a_good_spec(text: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "versions: {}",
        "versions: {v1: {run: a}}\nfoo: 1",
        "versions: {V1: {run: a}}",
        "versions: {v1: {run: a, timeout: 30}}",
        "versions: {v1: {run: a, instances: 0}}",
        "versions: {v1: {run: a, ready: GET x}}",
        "versions: {v1: {run: a, env: {'A B': x}}}",
        "versions: {v1: {run: a}}\ngateway: {listen: ':80'}",
        "versions: {v1: {run: a}}\nusers: {by: [x-user]}",
        "versions: {v1: {run: a}}\nrollout: {steps: [{weight: 10%, hold: 5m}]}",
        "versions: {v1: {run: a}}\nrollout: {steps: [{}]}",
        "versions: {v1: {run: a}}\nrollout: {on_failure: stop}",
        "versions: {v1: {run: a}}\nrollout: {gates: {errors: {limit: 5}}}",
        "versions: {v1: {run: a}}\nrollout: {steps: [{shadow: 10%, hold: 5m}]}",
        "versions: {v1: {run: a}}\nrollout: {steps: [{shadow: 10%, weight: 5%, bake: 5m}]}",
        "versions: {v1: {run: a}}\nrollout: {shadow: {at_most: 0}}",
        "versions: {v1: {run: a}}\nrollout: {shadow: {unsafe: [{methods: [GET]}]}}",
        "versions: {v1: {run: a}}\nrollout: {shadow: {unsafe: [{methods: []}]}}",
        "versions: {v1: {run: a}}\nrollout: {shadow: {templates: [orders]}}",
        "versions: {v1: {run: a}}\nrollout: {gates: {differences: {ignore: [email]}}}",
        "versions: {v1: {run: a}}\nrollout: {gates: {differences: {keyed: {items: id}}}}",
        "versions: {v1: {run: a}}\nrollout: {gates: {differences: {tolerances: {/a: 0}}}}",
        "versions: {v1: {run: a}}\nrollout: {gates: {differences: {endpoints: {/orders: {}}}}}",
        "versions: {v1: {run: a}}\nalerts: [mailto:me]",
        "versions: {v1: {run: a}}\ndata: {}",
        "versions: {v1: {run: a}}\ndata: {url: shop}",
        "versions: {v1: {run: a}}\ndata: {url: 'postgresql:///shop', mode: synced}",
        "versions: {v1: {run: a}}\ndata: {url: 'postgresql:///shop', schema: abreast}",
        "versions: {v1: {run: a}}\ndata: {url: 'postgresql:///shop', migrations: {v1: a.sql}}",
        "versions: {v1: {run: a}}\ndata: {url: 'postgresql:///shop', roles: {v1: public}}",
        "versions: {v1: {run: a}}\ndata: {url: 'postgresql:///shop', tags: products}",
        "versions: {v1: {run: a}}\ndata: {url: 'postgresql:///shop', backfill: {pause: -1}}",
    ],
)
def test_the_schema_and_the_parser_refuse_the_same(text: str) -> None:
    assert not jsonschema.Draft202012Validator(schema()).is_valid(yaml.safe_load(text))
    assert faults(text)


def test_every_key_of_the_schema_is_described() -> None:
    found = schema()
    for model in (found, *found["$defs"].values()):
        assert model["description"]
        for name, described in model["properties"].items():
            assert described.get("description"), name
