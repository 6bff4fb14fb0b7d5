"""What pydantic finds, in our words; and how much of a faulty spec is read all the same."""

import pytest

from abreast.model.document import Path, read_document
from abreast.model.spec_faults import MODELS, Reading, keys_at, read_keys, shape

GOOD = "versions: {v1: {run: a}}\n"


def read(text: str) -> Reading:
    """The reading of a text that is sound YAML."""
    document = read_document(text, "a.yaml")
    assert not document.faults
    return read_keys(document, document.value)


@pytest.mark.parametrize(
    ("text", "path", "message", "remedy"),
    [
        ("gatway: {}", "gatway", "unknown key 'gatway'; allowed here: service, gateway", "did you mean `gateway`?"),
        ("gateway: {TIMEOUT: 5s}", "gateway.TIMEOUT", "unknown key", "did you mean `timeout`?"),
        ("rollout: {step-time: {}}", "rollout.step-time", "unknown key", "did you mean `step_time`?"),
        ("rollout: {at_least: 5m}", "rollout.at_least", "unknown key", "move it to `rollout.step_time.at_least`"),
        ("instances: 2", "instances", "unknown key", "move it to `versions.NAME.instances`"),
        (
            "rollout: {steps: [{wait: 5m}]}",
            "rollout.steps[0].wait",
            "shadow, weight, for, hold, approve, bake",
            "abreast schema",
        ),
        ("rollout: {steps: [approve]}", "rollout.steps[0]", "'approve' is no step", "`- approve:`"),
        ("rollout: {steps: [null]}", "rollout.steps[0]", "nothing is no step", "`- weight: 10%`"),
        ("rollout: {steps: {weight: 10%}}", "rollout.steps", "a mapping of keys is not allowed here", "write a list"),
        ("gateway: 5", "gateway", "`5` is not allowed here, only a mapping", "write a mapping"),
        ("gateway:", "gateway", "nothing is written under this key", "remove the key"),
        ("gateway: {tls: {key: a}}", "gateway.tls.certificate", "`certificate` is missing", "add `certificate: …`"),
        ("users: {by: header:a}", "users.by", "'header:a' is not allowed here, only a list", "write a list"),
        (
            "rollout: {shadow: {unsafe: [{methods: [POST], prefx: /}]}}",
            "rollout.shadow.unsafe[0].prefx",
            "allowed here: methods, prefix",
            "did you mean `prefix`?",
        ),
        (
            "rollout: {gates: {differences: {endpoints: {GET /: {redact: [/a]}}}}}",
            'rollout.gates.differences.endpoints."GET /".redact',
            "unknown key 'redact'; allowed here: ignore, unordered, keyed, tolerances, mask",
            "move it to `rollout.gates.differences.redact`",
        ),
        (
            "rollout: {gates: {diferences: {}}}",
            "rollout.gates.diferences",
            "unknown key",
            "did you mean `differences`?",
        ),
        ("users: {by: [5]}", "users.by[0]", "`5` does not say", "header:NAME"),
    ],
)
def test_each_fault_is_said_in_our_words(text: str, path: str, message: str, remedy: str) -> None:
    (fault,) = read(GOOD + text).faults
    assert fault.path == path
    assert fault.line == 2
    assert message in fault.message
    assert remedy in fault.remedy


@pytest.mark.parametrize(
    "text", ["alerts: slack://token", "alerts: {slack://token: 1}", "alerts: [tgram://token/a b]", "alerts: ['token']"]
)
def test_a_fault_in_an_alert_does_not_show_its_secrets(text: str) -> None:
    faults = read(GOOD + text).faults
    assert faults
    assert all(fault.path.startswith("alerts") for fault in faults)
    assert not [fault for fault in faults if "token" in fault.message + fault.remedy + fault.path]


def test_what_is_sound_is_read_beside_what_is_not() -> None:
    reading = read(GOOD + "stable: v1\ngateway: {timeout: 5, drain: 5s, foo: 1}\nrollout: {steps: [{weight: 5%}, x]}")
    assert reading.keys
    assert reading.keys.stable == "v1"
    assert reading.keys.gateway.drain_s == 5.0
    assert reading.keys.gateway.timeout_s == 15.0
    assert [step.weight for step in reading.keys.rollout.steps or ()] == [500, None]
    assert len(reading.faults) == 3


def test_a_wrong_item_puts_the_whole_list_in_doubt() -> None:
    reading = read("versions: {v1: {endpoints: ['127.0.0.1:1', x, y]}}")
    assert len(reading.faults) == 2
    assert reading.keys
    assert reading.keys.versions["v1"].endpoints == ()
    assert reading.doubtful(("versions", "v1", "endpoints", 0))


@pytest.mark.parametrize(
    ("path", "doubtful"),
    [
        (("gateway",), True),
        (("gateway", "timeout"), True),
        (("gateway", "timeout", "x"), True),
        (("gateway", "listen"), False),
        (("versions",), False),
    ],
)
def test_doubt_reaches_up_and_down_but_not_aside(path: Path, doubtful: bool) -> None:
    assert read(GOOD + "gateway: {timeout: 5}").doubtful(path) is doubtful


def test_a_value_that_is_wrong_and_needed_is_one_fault() -> None:
    (fault,) = read("versions: 5").faults
    assert fault.path == "versions"


def test_each_mapping_of_the_spec_has_a_shape() -> None:
    assert set(MODELS) == {
        *("group", "group.members.*"),
        *(
            "",
            "gateway",
            "gateway.tls",
            "gateway.route",
            "users",
            "versions.*",
            "versions.*.capacity",
            "rollout",
            "rollout.steps.*",
        ),
        *(
            "rollout.step_time",
            "rollout.gates",
            "rollout.gates.data",
            "rollout.gates.errors",
            "rollout.gates.latency",
            "rollout.retire",
        ),
        *("rollout.shadow", "rollout.shadow.unsafe.*", "api", "api.tls"),
        *("rollout.gates.differences", "rollout.gates.differences.endpoints.*"),
        *("rollout.gates.promql.*", "rollout.gates.webhooks.*"),
        *("flags.*", "flags.*.rules.*", "versions.*.endpoints"),
        *("logs", "logs.access", "traces", "data", "data.backfill", "versions.*.kubernetes"),
        *("versions.*.container", "versions.*.container.build"),
    }
    assert keys_at("gateway.tls") == ["certificate", "key"]
    assert keys_at("nowhere") == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("versions", "v1", "run"), "versions.*.run"),
        (("versions", "v1", "env", "A"), "versions.*.env.*"),
        (("rollout", "steps", 3), "rollout.steps.*"),
        (("versions",), "versions"),
        (("rollout", "gates", "differences", "keyed", "/a"), "rollout.gates.differences.keyed.*"),
        (("rollout", "gates", "differences", "ignore", 0), "rollout.gates.differences.ignore.*"),
        (
            ("rollout", "gates", "differences", "endpoints", "GET /", "tolerances", "/a"),
            "rollout.gates.differences.endpoints.*.tolerances.*",
        ),
    ],
)
def test_shapes_leave_out_what_users_name(path: Path, text: str) -> None:
    assert shape(path) == text
