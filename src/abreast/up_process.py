"""``abreast up`` as a child, started as a user would, and its API: for the demo and the benches."""

import asyncio
import contextlib
import re
import sys
import time
from pathlib import Path
from typing import Any, Final, Self

import httpx

from abreast.model.errors import AbreastError, NotRunningError
from abreast.state_dir import StateDir

START_S: Final = 45.0
"""How long everything may take to be up; two instances of a small service need about two seconds."""

STOP_S: Final = 30.0
"""How long draining and ending may take, before the child is killed."""

_LINK: Final = re.compile(r"sign a browser in, .*?: (http\S+)")
_CALL_S: Final = 15.0
_LOOK_S: Final = 0.03
_LAST_LINES: Final = 8

Json = dict[str, Any]  # Any: JSON


class OrderError(AbreastError):
    """The running ``abreast up`` refused an order; the message holds its words."""


class UpProcess:
    """Use it as ``async with UpProcess(spec_file) as up``: inside, the service is up.

    The child has a session of its own, so that Ctrl-C reaches only who started this, who then ends it in order.
    """

    def __init__(self, spec_file: Path) -> None:
        self.spec_file = spec_file
        self.state = StateDir.beside(spec_file.parent)
        self.log = spec_file.parent / "up.log"
        self._process: asyncio.subprocess.Process | None = None
        transport = httpx.AsyncHTTPTransport(uds=str(self.state.api))
        self._http = httpx.AsyncClient(transport=transport, base_url="http://abreast/api/v1", timeout=_CALL_S)

    @property
    def pid(self) -> int:
        """The control plane's process id. Raises NotRunningError before it is started."""
        return self._running().pid

    async def __aenter__(self) -> Self:
        """Start it, and wait until its gateway takes requests. Raises NotRunningError with its last words."""
        with self.log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "abreast", "up", "--file", str(self.spec_file)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            await self._answering()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """SIGTERM, which drains and ends everything; then SIGKILL."""
        process, self._process = self._process, None
        await self._http.aclose()
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    def last_words(self) -> str:
        """The end of what it printed."""
        lines = self.log.read_text("utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-_LAST_LINES:]) or "it said nothing"

    @property
    def link(self) -> str:
        """The newest link that it printed to sign a browser in, once; empty where it printed none."""
        found = _LINK.findall(self.log.read_text("utf-8", errors="replace"))
        return str(found[-1]) if found else ""

    async def status(self) -> Json:
        """The present status. Raises NotRunningError."""
        answer = await self._call("GET", "/status")
        status: Json = answer.json()
        return status

    async def events(self, after: int) -> list[Json]:
        """The audit log above that id, oldest first. Raises NotRunningError."""
        answer = await self._call("GET", f"/events?limit=10000&after={after}")
        events: list[Json] = answer.json()
        return events

    async def findings(self) -> Json:
        """The newest rollout's findings and ledger. Raises NotRunningError, OrderError if nothing is compared."""
        return self._done("findings", await self._call("GET", "/findings?state=all"))

    async def finding(self, number: int) -> Json:
        """One finding with its samples. Raises NotRunningError, OrderError for an unknown number."""
        return self._done(f"finding {number}", await self._call("GET", f"/findings/{number}"))

    async def order(self, verb: str, actor: str, **body: object) -> Json:
        """A command; waits until every gateway obeys. Raises OrderError with the reason of a refusal."""
        return self._done(verb, await self._call("POST", f"/commands/{verb}", {"actor": actor, **body}))

    def _done(self, what: str, answer: httpx.Response) -> Json:
        done: Json = answer.json()
        if not answer.is_success:
            raise OrderError(f"{what}: {done.get('detail', answer.text)}", done.get("remedy", f"see {self.log}"))
        return done

    async def _answering(self) -> None:
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            if self._running().returncode is not None:
                message = f"abreast up ended with {self._running().returncode}:\n{self.last_words()}"
                raise NotRunningError(message, f"mend what it names; the whole log is {self.log}")
            with contextlib.suppress(NotRunningError):
                nodes = (await self.status())["nodes"]
                # The API may answer before there is a gateway; only one that obeys lets users in.
                if nodes and all(node["obeys"] for node in nodes):
                    return
            await asyncio.sleep(_LOOK_S)
        message = f"abreast up did not come up within {START_S:g} s:\n{self.last_words()}"
        raise NotRunningError(message, f"the whole log is {self.log}, the instances' logs are in {self.state.logs}")

    async def _call(self, method: str, path: str, body: Json | None = None) -> httpx.Response:
        try:
            return await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            message = f"abreast up does not answer ({error!r})"
            raise NotRunningError(message, f"see its log: {self.log}") from error

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise NotRunningError("abreast up is not running", "use it as `async with UpProcess(spec_file)`")
        return self._process
