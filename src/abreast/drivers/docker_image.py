"""Images: pulled or built once for all instances of a version, with progress for those who wait."""

import asyncio
import io
import json
import tarfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import aiohttp
from aiodocker import Docker
from aiodocker.exceptions import DockerError

from abreast.drivers.docker_config import container_of, image_tag
from abreast.drivers.docker_engine import Engine
from abreast.model.container import Build
from abreast.model.service import Version

Note = Callable[[str], None]

_GONE: Final = 404
_OK: Final = 200
_SHOWN: Final = 120
_LAST_STEPS: Final = 3


@dataclass(frozen=True)
class Image:
    """An image that is there: its id, the ports it exposes as ``8080/tcp``, whether it has a HEALTHCHECK."""

    id: str
    exposed: Sequence[str] = ()
    has_health: bool = False


class Images:
    """The images of one service. Each is made ready once; a failure is tried anew by whoever asks next."""

    def __init__(self, engine: Engine, service: str) -> None:
        self._engine = engine
        self._service = service
        self._jobs: dict[str, asyncio.Task[Image]] = {}
        self._notes: dict[str, list[Note]] = {}

    async def ready(self, version: Version, note: Note) -> Image:
        """The version's image, pulled or built if need be; ``note`` hears how far it is. Raises as `Engine.ask`."""
        told = container_of(version)
        key = json.dumps([image_tag(version, self._service), repr(told.build), told.pull])
        job = self._jobs.get(key)
        if job is None or (job.done() and (job.cancelled() or job.exception() is not None)):
            self._notes[key] = []
            job = asyncio.create_task(self._make(version, lambda text: self._told(key, text)), name=f"image of {key}")
            self._jobs[key] = job
        self._notes[key].append(note)
        try:
            # Whoever does not want to wait any longer does not take it away from the others.
            return await asyncio.shield(job)
        finally:
            self._notes[key].remove(note)

    def forget(self) -> None:
        """Look anew before the next start: an image was removed under our hands."""
        self._jobs = {key: job for key, job in self._jobs.items() if not job.done()}

    async def present(self, name: str) -> Image | None:
        """The image as the engine has it now; None if it has none. Raises as `Engine.ask`."""
        try:
            told = await self._engine.ask(lambda docker: docker.images.inspect(name))
        except DockerError as error:
            if error.status == _GONE:
                return None
            raise
        config = told.get("Config") or {}
        return Image(
            told["Id"],
            tuple(config.get("ExposedPorts") or ()),
            (config.get("Healthcheck") or {}).get("Test", ["NONE"]) != ["NONE"],
        )

    async def close(self) -> None:
        """Break off what is under way."""
        for job in self._jobs.values():
            job.cancel()
        await asyncio.gather(*self._jobs.values(), return_exceptions=True)

    def _told(self, key: str, text: str) -> None:
        for note in self._notes[key]:
            note(text)

    async def _make(self, version: Version, note: Note) -> Image:
        told, name = container_of(version), image_tag(version, self._service)
        if told.build is not None:
            note(f"building {name}")
            await self._build(told.build, name, note)
        else:
            image = await self.present(name) if told.pull != "always" else None
            if image is not None:
                return image
            if told.pull == "never":
                raise DockerError(_GONE, f"No such image: {name}")
            note(f"pulling {name}")
            await self._pull(name, note)
        image = await self.present(name)
        if image is None:
            raise DockerError(_GONE, f"No such image: {name}")
        return image

    async def _pull(self, name: str, note: Note) -> None:
        async def pulled(docker: Docker) -> None:
            async for step in docker.images.pull(name, stream=True):
                if step.get("status"):
                    note(f"pulling {name}: {step['status']} {step.get('progress', '')}".strip()[:_SHOWN])

        await self._engine.ask(pulled)

    async def _build(self, build: Build, name: str, note: Note) -> None:
        """Through the session itself: aiodocker 0.27 knows no ``target``."""
        archive = await asyncio.to_thread(packed, Path(build.context), build.dockerfile)

        async def built(docker: Docker) -> None:
            params = {"t": name, "dockerfile": build.dockerfile, "rm": "1", "forcerm": "1"}
            params |= {"buildargs": json.dumps(dict(build.args))} if build.args else {}
            params |= {"target": build.target} if build.target else {}
            url = f"{docker.docker_host}/v{(await docker.version())['ApiVersion']}/build"
            headers = {"Content-Type": "application/x-tar"}
            timeout = aiohttp.ClientTimeout(total=None)
            async with docker.session.post(
                url, params=params, data=archive, headers=headers, timeout=timeout
            ) as response:
                if response.status != _OK:
                    raise DockerError(response.status, (await response.text())[:400])
                await _follow(_lines(response.content), lambda text: note(f"building {name}: {text}"[:_SHOWN]))

        await self._engine.ask(built)


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    async for line in stream:
        yield line


async def _follow(lines: AsyncIterable[bytes], note: Note) -> None:
    """Read the progress of a build to its end. Raises DockerError with its last lines when a step fails."""
    said: list[str] = []
    async for line in lines:
        if not line.strip():
            continue
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise DockerError(0, f"{told['error']}; the build said last: {' | '.join(said[-_LAST_STEPS:])}")
        text = str(told.get("stream") or told.get("status") or "").strip()
        if text:
            said.append(text)
            note(text)


def packed(context: Path, dockerfile: str) -> bytes:
    """The directory as a tar, without what its .dockerignore names; the Dockerfile is always in it. Raises OSError."""
    ignored = _ignored(context / ".dockerignore")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(context.rglob("*")):
            name = path.relative_to(context).as_posix()
            if name == dockerfile or not _is_ignored(name, ignored):
                archive.add(path, name, recursive=False)
    return buffer.getvalue()


def _ignored(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return [line.strip().lstrip("/").rstrip("/") for line in lines if line.strip() and not line.startswith("#")]


def _is_ignored(name: str, patterns: Sequence[str]) -> bool:
    """As Docker does it: the last pattern that meets the path or one above it decides; ! takes back."""
    path = PurePosixPath(name)
    above = [path, *path.parents[:-1]]
    ignored = False
    for pattern in patterns:
        bare = pattern.removeprefix("!").lstrip("/")
        anywhere = bare.startswith("**/")
        depth = len(PurePosixPath(bare).parts)
        for each in above:
            met = each.match(bare.removeprefix("**/")) if anywhere else len(each.parts) == depth and each.match(bare)
            if met:
                ignored = not pattern.startswith("!")
    return ignored
