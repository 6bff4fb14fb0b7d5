"""``abreast operator``: ParallelRuns of a Kubernetes namespace, carried out and told."""

import asyncio
import signal
from typing import Annotated

import typer

from abreast.cli.up import say


def operator(
    namespace: Annotated[
        str, typer.Option(help="whose ParallelRuns are kept; left out: the one that it runs in, or the kubeconfig's")
    ] = "",
    context: Annotated[str, typer.Option(help="context of the kubeconfig; left out: the present one")] = "",
) -> None:
    """Carry out the ParallelRuns of a Kubernetes namespace, and tell in each how far it is.

    It orders from the control planes that they name, and decides nothing itself. SIGTERM ends it; rollouts go on.
    """
    with asyncio.Runner() as runner:
        runner.run(_run(namespace, context))


async def _run(namespace: str, context: str) -> None:
    from abreast.clock import SystemClock
    from abreast.operator.run import Operator

    made = Operator(SystemClock(), say, namespace=namespace, context=context)
    say(f"keeping the ParallelRuns of {made.namespace}")
    task = asyncio.create_task(made.run())
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()
    say("ended; what was ordered goes on")
