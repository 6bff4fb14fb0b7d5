"""What a URL of the spec means."""

import pytest

from abreast.alerts.address import addresses
from abreast.alerts.channel import DeliveryError
from abreast.alerts.outbox import Once, Outbox, Standing

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


@pytest.mark.parametrize(
    ("url", "name", "outbox"),
    [
        ("alertmanager://u:secret@host:9093/secret", "alertmanager://host:9093/secret", Standing),
        ("ALERTMANAGER+HTTPS://host", "ALERTMANAGER+HTTPS://host", Standing),
        ("webhook+https://secret@host/secret?secret", "webhook+https://host/…", Once),
        ("WEBHOOK+HTTP://host:80/x", "WEBHOOK+HTTP://host:80/…", Once),
        ("slack://secret/secret/secret", "slack://…", Once),
    ],
)
def test_each_scheme_has_its_way(url: str, name: str, outbox: type[Outbox]) -> None:
    (address,) = addresses([url])
    assert address.name == name
    assert type(address.outbox()) is outbox
    assert address.outbox() is not address.outbox()


def test_those_that_look_alike_are_told_apart_by_their_place() -> None:
    names = [each.name for each in addresses(["webhook+https://h/a", "webhook+https://h/b", "json://a"])]
    assert names == ["webhook+https://h/… (1 of 3)", "webhook+https://h/… (2 of 3)", "json://… (3 of 3)"]


def test_one_that_nobody_knows_fails_when_it_is_connected() -> None:
    (address,) = addresses(["nonsense://secret"])
    with pytest.raises(DeliveryError, match="apprise knows no such address"):
        address.connect()
