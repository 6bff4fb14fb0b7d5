"""The endpoint of alerts: do they arrive?"""

from fastapi import APIRouter

from abreast.api.access import Operator
from abreast.api.problems import statuses
from abreast.operations.alerts import try_alerts
from abreast.operations.control import Control
from abreast.ports import AlertTrial


def routes(control: Control) -> APIRouter:
    """The endpoint over one running control plane."""
    router = APIRouter(prefix="/alerts", tags=["alerts"])

    @router.post("/test", responses=statuses(409))
    async def post_test(_caller: Operator) -> list[AlertTrial]:
        """Send a test alert to every address of the spec; answers once each has answered, or after 15 s.

        Refused (409) where the spec names nobody.
        """
        return await try_alerts(control)

    return router
