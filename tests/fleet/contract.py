"""The contracts' tests, to be run over PostgreSQL in modules of their own."""

from types import ModuleType


def checks_of(contract: ModuleType) -> dict[str, object]:
    """Its tests by name: each finds the fixtures of the module that takes it in."""
    return {name: check for name, check in vars(contract).items() if name.startswith("test_")}
