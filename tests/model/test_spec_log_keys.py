"""The keys of logs and traces in a spec: what they become, and what is refused with what to do about it."""

import pytest

from abreast.model.errors import SpecError
from abreast.model.service import AccessLog, Endpoint, GatewaySettings, Traces
from abreast.model.spec import parse_spec

VERSIONS = "versions: {v1: {endpoints: ['127.0.0.1:9001']}}\n"
COLLECTOR = Endpoint("127.0.0.1", 4317)


def gateway(text: str = "") -> GatewaySettings:
    return parse_spec(VERSIONS + text, directory="/srv/shop").service().gateway


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as found:
        parse_spec(VERSIONS + text)
    return [f"{fault.line} {fault.path}: {fault.message} → {fault.remedy}" for fault in found.value.faults]


def test_left_out_nothing_is_written_and_nothing_traced() -> None:
    for text in ("", "logs: {}"):
        assert (gateway(text).access_log, gateway(text).traces) == (None, None)


def test_all_defaults() -> None:
    assert gateway("logs: {access: {}}").access_log == AccessLog(file="/srv/shop/.abreast/logs/access.log")
    assert gateway("traces: {otlp: '127.0.0.1:4317'}").traces == Traces(COLLECTOR, sample=1000)


def test_a_collector_takes_the_file_s_place_unless_both_are_written() -> None:
    assert gateway("logs: {access: {otlp: 'localhost:4317'}}").access_log == AccessLog(otlp=COLLECTOR)
    both = gateway("logs: {access: {otlp: 'localhost:4317', file: a.log}}").access_log
    assert both == AccessLog(file="/srv/shop/a.log", otlp=COLLECTOR)


def test_every_key_arrives() -> None:
    text = """
logs:
  access: {file: /var/log/a.log, sample: 0.5%, headers: [X-Tenant, accept], query: keep}
traces: {otlp: "[::1]:4317", sample: 0%}
rollout:
  gates:
    differences: {redact: ["query:mail", "header:x-secret", /email, "query:t*"]}
"""
    made = gateway(text)
    assert made.access_log == AccessLog(
        file="/var/log/a.log", sample=50, headers=("x-tenant", "accept"), query="keep", secrets=("mail", "t*")
    )
    assert made.traces == Traces(Endpoint("::1", 4317), sample=0)


@pytest.mark.parametrize("name", ["authorization", "Cookie", "proxy-authorization", "x-api-key", "X-Abreast-Version"])
def test_secret_headers_are_refused(name: str) -> None:
    (fault,) = faults(f"logs:\n  access:\n    headers: [accept, {name}]")
    assert fault == f"4 logs.access.headers[1]: {name!r} holds a secret: it is never written down → remove it"


def test_headers_that_are_redacted_elsewhere_are_refused() -> None:
    redact = "rollout: {gates: {differences: {redact: ['header:x-user-*']}}}\n"
    (fault,) = faults(f"{redact}logs: {{access: {{headers: [x-user-mail]}}}}")
    assert "'x-user-mail' is redacted by rollout.gates.differences.redact" in fault
    assert fault.endswith("→ remove it from one of the two")


def test_a_header_twice() -> None:
    (fault,) = faults("logs: {access: {headers: [X-A, x-b, x-a]}}")
    assert fault == "2 logs.access.headers[2]: 'x-a' is here twice → keep one of the two"


@pytest.mark.parametrize("key", ["logs: {access: {otlp: '%s'}}", "traces: {otlp: '%s'}"])
@pytest.mark.parametrize(("listen", "otlp"), [("127.0.0.1:8080", "127.0.0.1:8080"), ("0.0.0.0:8080", "127.0.0.1:8080")])
def test_the_gateway_is_no_collector(key: str, listen: str, otlp: str) -> None:
    (fault,) = faults(f"gateway: {{listen: '{listen}'}}\n{key % otlp}")
    assert f".otlp: {otlp} is the gateway's own address → write where the collector listens" in fault


def test_a_collector_at_another_address_with_the_same_port() -> None:
    assert gateway("gateway: {listen: '127.0.0.1:4317'}\ntraces: {otlp: '127.0.0.2:4317'}").traces is not None


def test_abreast_s_own_directory_holds_only_the_file_s_usual_place() -> None:
    (fault,) = faults("logs: {access: {file: .abreast/logs/abreast.log}}")
    assert "'.abreast/logs/abreast.log' is in abreast's own directory" in fault
    assert fault.endswith("→ remove it for .abreast/logs/access.log, or write a file elsewhere")
    assert gateway("logs: {access: {file: .abreast/logs/access.log}}") == gateway("logs: {access: {}}")


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("logs: {access: {query: hide}}", "logs.access.query", "write `keep` or `redact` or `drop`"),
        ("logs: {access: {query: redakt}}", "logs.access.query", "did you mean `redact`?"),
        ("logs: {access: {sample: 10}}", "logs.access.sample", "%"),
        ("logs: {access: {headers: ['a b']}}", "logs.access.headers[0]", "write one such as x-tenant"),
        ("logs: {access: {headers: ['a%b']}}", "logs.access.headers[0]", "'a%b' is no name of a header"),
        ("logs: {access: {otlp: 'http://collector:4317'}}", "logs.access.otlp", "write"),
        ("logs: {access: }", "logs.access", "nothing is written under this key"),
        ("traces:", "traces", "write `{}` for the defaults, or remove the key"),
        ("logs: {acess: {}}", "logs.acess", "did you mean `access`?"),
        ("traces: {sample: 1%}", "traces.otlp", "add `otlp: …`"),
        ("traces: {otlp: '127.0.0.1:4317', sampel: 1%}", "traces.sampel", "did you mean `sample`?"),
    ],
)
def test_what_cannot_be_is_one_fault_with_its_line_and_remedy(text: str, path: str, words: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(f"2 {path}: ")
    assert words in fault


def test_all_faults_at_once() -> None:
    found = faults("logs: {access: {query: x, sample: 5, headers: [cookie]}}\ntraces: {otlp: here}")
    assert len(found) == 4
