"""``${NAME}`` in commands, variables and alerts."""

import pytest

from abreast.model.spec import parse_spec
from tests.model.test_spec import faults


def test_variables_are_taken_from_the_environment() -> None:
    text = "versions: {v1: {run: 'app $${x} {port}', env: {URL: 'db://${HOST:-}/${DB}', A: '${EMPTY:-full}'}}}"
    service = parse_spec(text, environment={"DB": "shop", "EMPTY": ""}).service()
    assert service.versions[0].run == ("app", "${x}", "{port}")
    assert dict(service.versions[0].env) == {"URL": "db:///shop", "A": "full"}


def test_a_variable_with_blanks_stays_one_word() -> None:
    text = """versions: {v1: {run: "app ${ARGS} '${MODE:-a b}' $$5 $HOME"}}"""
    service = parse_spec(text, environment={"ARGS": "x y"}).service()
    assert service.versions[0].run == ("app", "x y", "a b", "$5", "$HOME")


def test_a_variable_that_is_not_set_is_a_fault_at_its_line() -> None:
    found = faults("versions:\n  v1:\n    run: app ${ONE}\n    env:\n      A: ${TWO}\n      B: '${}'")
    assert [(line, path) for line, path, _, _ in found] == [
        (3, "versions.v1.run"),
        (5, "versions.v1.env.A"),
        (6, "versions.v1.env.B"),
    ]
    assert "needs ONE, which is not set" in found[0][2]
    assert found[0][3] == "set ONE, or write ${ONE:-DEFAULT}"
    assert "without a name" in found[2][2]


def test_alerts_are_taken_from_the_environment() -> None:
    text = "versions: {v1: {run: a}}\nalerts: ['${ALERTS}', 'slack://${TOKENS:-a/b/c}', 'json://x/$${y}', 'mailto://a']"
    service = parse_spec(text, environment={"ALERTS": "tgram://key/chat"}).service()
    assert service.alerts == ("tgram://key/chat", "slack://a/b/c", "json://x/${y}", "mailto://a")


@pytest.mark.parametrize(
    ("url", "message", "remedy"),
    [
        ("slack://secret/${NONE}", "'slack://…' needs NONE, which is not set", "set NONE"),
        ("${NONE}", "this text needs NONE", "${NONE:-DEFAULT}"),
        ("${SECRET}", "this text is no URL", "write one such as"),
        ("slack://${SECRET}", "'slack://…' is no URL", "write one such as"),
        ("alertmanager://${EMPTY:-/x}", "'alertmanager://…' names no host", "alertmanager://HOST:9093"),
    ],
)
def test_an_alert_that_becomes_no_url_is_one_fault_without_its_secrets(url: str, message: str, remedy: str) -> None:
    ((line, path, said, next_move),) = faults(
        f"versions: {{v1: {{run: a}}}}\nalerts: ['{url}']", SECRET="top secret", EMPTY=""
    )
    assert (line, path) == (2, "alerts[0]")
    assert message in said
    assert remedy in next_move
    assert "secret" not in said + next_move


def test_a_database_s_address_is_taken_from_the_environment() -> None:
    text = "versions: {v1: {run: a}}\ndata: {url: '${SCHEME:-postgresql}://${USER}:$${x}@db/shop'}"
    data = parse_spec(text, environment={"USER": "me"}).data
    assert data
    assert data.url == "postgresql://me:${x}@db/shop"


def test_a_spec_with_secrets_does_not_show_them() -> None:
    service = parse_spec("versions: {v1: {run: a}}\nalerts: ['slack://secret']").service()
    assert "secret" not in repr(service)
