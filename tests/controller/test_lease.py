from abreast.controller.lease import LocalLease
from abreast.ports import Lease


def test_who_has_the_store_to_itself_always_decides() -> None:
    lease: Lease = LocalLease()
    assert lease.held
