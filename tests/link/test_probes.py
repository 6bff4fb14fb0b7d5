"""What kubelet is answered at a server's link; over real TLS, as kubelet speaks it: no certificate, none checked."""

from pathlib import Path

import httpx

from abreast.link import contexts
from tests.link.world import fleet


async def test_it_is_ready_only_while_it_sees_the_store(short_tmp: Path) -> None:
    async with fleet(short_tmp) as made, httpx.AsyncClient(verify=contexts.for_stranger()) as kubelet:
        (server,) = made.servers

        async def asked(path: str) -> int:
            return (await kubelet.get(f"https://{server.address}{path}")).status_code

        assert [await asked(path) for path in ("/livez", "/readyz")] == [200, 200]
        server.current = False
        assert [await asked(path) for path in ("/livez", "/readyz")] == [200, 503]
        assert await asked("/") == httpx.codes.UPGRADE_REQUIRED
