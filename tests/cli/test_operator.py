"""``abreast operator`` as a process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from abreast.model.errors import DriverError
from abreast.model.rollout import Phase
from tests.operator.stage import operator_stage, parallel_run
from tests.process.programs import until
from tests.rollout.play import under_way


async def test_it_keeps_what_there_is_until_it_is_told_to_end(tmp_path: Path) -> None:
    async with operator_stage(tmp_path, under_way(Phase.PROGRESSING)) as stage:
        found = parallel_run()
        found["spec"]["controlPlane"]["url"] = stage.served.origin
        stage.apply(found)
        environ = {**os.environ, **stage.stage.environ}
        command = [sys.executable, "-m", "abreast", "operator"]
        program = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        try:
            await until(lambda: stage.status().get("rollout") == stage.rollout.number, deadline_s=30)
        finally:
            program.send_signal(signal.SIGTERM)
            said, _ = program.communicate(timeout=20)
    assert program.returncode == 0
    assert "keeping the ParallelRuns of default" in said
    assert "ended; what was ordered goes on" in said


def test_without_a_cluster_it_says_what_to_do(tmp_path: Path) -> None:
    environ = {**os.environ, "KUBECONFIG": str(tmp_path / "none")}
    command = [sys.executable, "-m", "abreast", "operator"]
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert ended.returncode == DriverError.exit_code
    assert "no way to a Kubernetes cluster" in ended.stderr
    assert "KUBECONFIG" in ended.stderr
