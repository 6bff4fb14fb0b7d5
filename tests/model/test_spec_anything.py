"""Whatever the text is: reading a spec raises nothing but a SpecError."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from abreast.model.errors import SpecError
from abreast.model.spec import parse_spec
from abreast.model.spec_faults import MODELS
from tests.model.test_spec import FULL

KEYS = st.sampled_from(
    sorted({name for model in MODELS.values() for name in model.model_fields} | {"for", "timeout", "x"})
)
WORDS = st.sampled_from(
    [
        "10%",
        "5%",
        "0%",
        "30s",
        "1h",
        "v1",
        "v2",
        "GET /",
        "tcp",
        "off",
        "127.0.0.1:1",
        "hold",
        "weight 5%",
        "${A}",
        "a;b",
        "/a/*",
        "header:x",
        "POST",
        "GET /a*",
        "slack://a",
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-5, 10**17) | WORDS | st.text(max_size=8)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS | WORDS, inner, max_size=5), max_leaves=20
)
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "service": LEAVES,
        "stable": LEAVES,
        "gateway": VALUES,
        "users": st.fixed_dictionaries({"by": VALUES}),
        "versions": st.dictionaries(WORDS, st.dictionaries(KEYS, VALUES, max_size=3) | VALUES, max_size=3),
        "rollout": st.fixed_dictionaries(
            {},
            optional={
                "steps": st.lists(st.dictionaries(KEYS, LEAVES, max_size=2) | VALUES, max_size=4),
                "approve": st.lists(WORDS, max_size=2),
                "step_time": VALUES,
                "gates": VALUES | st.fixed_dictionaries({"differences": st.dictionaries(KEYS, VALUES, max_size=4)}),
                "shadow": st.dictionaries(KEYS, VALUES, max_size=4),
            },
        ),
        "data": VALUES
        | st.dictionaries(KEYS | st.just("schema"), VALUES, max_size=4).map(lambda it: it | {"url": "a=b"}),
        "flags": st.dictionaries(
            WORDS | KEYS, st.just("candidate") | st.dictionaries(KEYS, VALUES, max_size=4) | VALUES
        ),
        "alerts": VALUES,
        "x": VALUES,
    },
)


def _reads_or_faults(text: str) -> None:
    try:
        spec = parse_spec(text)
    except SpecError as refusal:
        found = refusal.faults
    else:
        service = spec.service()
        assert all(flag.default in flag.variants for flag in spec.flags)
        assert service.version(service.stable)
        assert spec.data is None or all(spec.data.role(service.name, version.name) for version in service.versions)
        assert all(spec.policy(version.name).steps for version in service.versions)
        return
    assert found
    assert all(fault.message and fault.remedy for fault in found)
    assert len({(fault.line, fault.path, fault.message) for fault in found}) == len(found)


@given(st.text(max_size=200))
def test_no_text_raises_anything_but_a_spec_error(text: str) -> None:
    _reads_or_faults(text)


@settings(max_examples=300, deadline=None)
@given(SECTIONS)
def test_no_values_raise_anything_but_a_spec_error(value: object) -> None:
    _reads_or_faults(json.dumps(value))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_to_a_good_spec_raises_anything_but_a_spec_error(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(FULL) - 1))
    length = data.draw(st.integers(0, 20))
    _reads_or_faults(FULL[:start] + data.draw(st.text(max_size=3)) + FULL[start + length :])
