import pytest

from abreast.schema.expression import Expression, Volatility, constant


@pytest.mark.parametrize(
    ("volatility", "moving", "repeatable"),
    [("immutable", False, True), ("stable", False, True), ("stable", True, False), ("volatile", False, False)],
)
def test_an_expression_is_repeatable_unless_chance_the_clock_or_the_session_speak(
    volatility: Volatility, moving: bool, repeatable: bool
) -> None:
    assert Expression("a", "new.a", "old.a", volatility=volatility, moving=moving).repeatable is repeatable


@pytest.mark.parametrize(
    "text", ["0", "-1.5", " 'it''s' ", "true", "NULL", "'x'::text", "'{}'::integer[]", "'1'::numeric(10, 2)"]
)
def test_constants(text: str) -> None:
    assert constant(text)


@pytest.mark.parametrize(
    "text", ["now()", "current_date", "random()", "1 + 1", "nextval('s')", "'a' || 'b'", "'a', 'b'", r"'\x'", "id", ""]
)
def test_whatever_is_not_plainly_constant_is_taken_for_changing(text: str) -> None:
    assert not constant(text)
