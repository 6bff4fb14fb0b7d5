"""The demo as it is left running for people to explore."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Demo:
    """`abreast demo --keep` when its story is over: the spec's file, and the link that it printed."""

    spec: str
    link: str

    @property
    def address(self) -> str:
        """Where the API listens."""
        return self.link.partition("/api/")[0]

    def run(self, *words: str) -> str:
        """What a command prints, given as the demo says it."""
        command = (sys.executable, "-m", "abreast", *words)
        environment = {**os.environ, "ABREAST_FILE": self.spec}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def exploring() -> Iterator[Demo]:
    """v4 serves everybody, v1 is gone, and a few users go on asking, until the end."""
    command = (sys.executable, "-m", "abreast", "demo", "--keep")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            link, spec = re.search(r"dashboard +(http\S+)", said), re.search(r"ABREAST_FILE=(\S+)", said)
            if link and spec:
                break
        else:
            pytest.fail(said)
        try:
            yield Demo(spec[1], link[1])
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
