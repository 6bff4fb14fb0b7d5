import pytest

from abreast.model.api_settings import DEFAULT_LISTEN, ApiSettings
from abreast.model.service import Endpoint


@pytest.mark.parametrize(
    ("listen", "loopback"),
    [
        (None, True),
        (DEFAULT_LISTEN, True),
        (Endpoint("127.8.8.8", 1), True),
        (Endpoint("::1", 1), True),
        (Endpoint("0.0.0.0", 1), False),  # noqa: S104  # an address to be judged, not listened on
        (Endpoint("::", 1), False),
        (Endpoint("192.0.2.1", 1), False),
    ],
)
def test_only_loopback_is_out_of_reach_of_other_machines(listen: Endpoint | None, loopback: bool) -> None:
    assert ApiSettings(listen).loopback is loopback
