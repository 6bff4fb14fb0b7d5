"""What is known of a registry, for people."""

from abreast.model.registry_state import RegistryState
from abreast.model.service import Endpoint


def test_a_registry_that_answers_has_nothing_to_say_beside_its_endpoints() -> None:
    state = RegistryState("v2", "Consul service shop", (Endpoint("10.0.0.1", 80),))
    assert (state.kept, state.failure, state.detail, state.empty_since) == (False, "", "", None)
