"""Where a demo runs: a directory of its own with a spec made from an example's, in a hurry."""

import asyncio
import contextlib
import shlex
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import yaml

import abreast
from abreast.model.errors import UsageError
from abreast.model.spec import FILE_NAME
from abreast.process.port import PortPool

PORT: Final = 8080
"""The gateway's port if nobody has it; else any free one."""

HURRY: Final[dict[str, Any]] = {  # Any: YAML
    "step_time": {"at_least": "2s", "at_most": "1m"},
    "retire": {"after": "2s", "unused_for": "1s"},
}
"""What takes days in earnest takes seconds here; the rules are the same."""

HURRIED_GATES: Final[dict[str, dict[str, Any]]] = {  # Any: YAML
    # No window is more than a third of a proof, so four or five of these are a step.
    "errors": {"budget": "2%", "window": "1s"},
    # A busy machine makes both versions slow for seconds at a time: too long for windows that a demo has time for.
    "latency": {"watch": False},
    # 3 % is proven by some 170 answers: two seconds of the shop's.
    "differences": {"tolerance": "3%", "window": "1s"},
}
"""The same gates, with less to be shown; the example's rules of comparing stay."""

BAKE: Final = "2s"
DRAIN: Final = "2s"


Keys = Callable[[Mapping[str, Any]], dict[str, Any]]  # Any: YAML
"""Another way to run a version: its keys in, those of the other way out."""


@dataclass(frozen=True)
class Site:
    """``directory`` holds the spec, the state and the logs; ``port`` is the gateway's."""

    directory: Path
    port: int

    @property
    def spec_file(self) -> Path:
        """The spec."""
        return self.directory / FILE_NAME

    @property
    def url(self) -> str:
        """Where users' requests go."""
        return f"http://127.0.0.1:{self.port}"


def example(name: str) -> Path:
    """The directory of an example of the checkout. Raises UsageError when abreast was installed without them."""
    directory = Path(abreast.__file__).parents[2] / "examples" / name
    if not (directory / FILE_NAME).is_file():
        message = f"the demo needs the example {name!r}, and there is none in {str(directory)!r}"
        raise UsageError(message, "run it from a checkout: ./abreast demo")
    return directory


@contextmanager
def site(example_directory: Path, keys: Keys | None = None) -> Iterator[Site]:
    """A directory with the example's spec in it. Removed afterwards, unless an error makes its logs worth reading."""
    directory = Path(tempfile.mkdtemp(prefix="abreast-demo-"))
    made = Site(directory, free_port())
    made.spec_file.write_text(spec_text(example_directory, made.port, keys), "utf-8")
    try:
        yield made
    except asyncio.CancelledError:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)


def spec_text(example_directory: Path, port: int, keys: Keys | None = None) -> str:
    """The example's spec with another port, its versions run from where they are, and everything in a hurry.

    ``keys`` makes of each version's keys those of one that runs in another way.
    """
    spec = yaml.safe_load((example_directory / FILE_NAME).read_text("utf-8"))
    spec["gateway"] = {"listen": f"127.0.0.1:{port}", "drain": DRAIN}
    for name, version in spec["versions"].items():
        if keys is not None:
            spec["versions"][name] = keys(version)
            continue
        words = shlex.split(version["run"])
        # The example's `python` is whichever has its packages: this one has.
        version["run"] = [sys.executable if word == "python" else word for word in words]
        version["cwd"] = str(example_directory)
    own = spec["rollout"]["gates"]
    gates = {name: own.get(name, {}) | gate for name, gate in HURRIED_GATES.items()}
    spec["rollout"] = {"steps": [*spec["rollout"]["steps"], {"bake": BAKE}], **HURRY, "gates": gates}
    head = f"# The demo's copy of {example_directory / FILE_NAME}, with times of seconds instead of hours.\n"
    return head + yaml.safe_dump(spec, sort_keys=False, width=120)


def free_port(wanted: int = PORT) -> int:
    """That port of the loopback address if nobody listens there, else another that is free."""
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", wanted))
        probe.listen(1)
        return wanted
    try:
        return PortPool(Random()).take()
    except OSError as error:
        raise UsageError("no port of 127.0.0.1 is free", "end something that listens there") from error
