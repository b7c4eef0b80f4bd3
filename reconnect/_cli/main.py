"""The command line: ``reconnect``, or ``python -m reconnect``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from .explain import command as explain
from .simulate import command as simulate

__all__ = ["main"]

USAGE: Final = 2
"""The exit code for a command that cannot be run as given; argparse has the same."""

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""

CUT_OFF: Final = 1
"""The exit code if nobody reads the output to its end; rich has the same."""

SCRIPT: Final = "reconnect"
"""What the script on the PATH is called."""

_EXTRA: Final = frozenset({"rich", "trustme"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: What follows ``python -m reconnect``; None for what is on the command line.
    """
    parser = argparse.ArgumentParser(
        prog=_program(),
        description="Keeps a Gemini Live conversation alive whatever happens to its connections.",
    )
    parser.add_argument("--version", action="version", version=f"reconnect {version('reconnect')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _describe_demo(
        commands.add_parser("demo", help="show a conversation that gets through a storm")
    )
    explain.add_arguments(
        explained := commands.add_parser("explain", help="say what a failure is taken for, and why")
    )
    explained.set_defaults(run=_explain)
    simulate.add_arguments(
        simulated := commands.add_parser(
            "simulate", help="let a herd of clients lose a server and come back"
        )
    )
    simulated.set_defaults(run=_simulate)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
        sys.stdout.flush()
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read it, such as head, has seen enough; Python would complain at its own end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CUT_OFF
    return code


def _program() -> str:
    """Return what the command was called as."""
    return SCRIPT if Path(sys.argv[0]).stem == SCRIPT else "python -m reconnect"


def _describe_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Hold a conversation with an emulator of the Live API that breaks the connection in many"
        " ways, and count what is lost. It takes about 30 seconds; the exit code is 1 if anything"
        " was lost or a tool ran twice."
    )
    parser.add_argument("--seed", type=int, help="draw the storm and the delays from this number")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="talk to this model of the real API instead, without faults; needs GOOGLE_API_KEY",
    )
    parser.set_defaults(run=_demo)


def _demo(chosen: argparse.Namespace) -> int:
    key = os.environ.get("GOOGLE_API_KEY")
    if chosen.model is not None and not key:
        _complain("--model talks to the real API: put an API key into GOOGLE_API_KEY")
        return USAGE
    try:
        from .demo import run as demo  # noqa: PLC0415 (needs the extra)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in _EXTRA:
            raise
        _complain(f'the demo needs {missing}: pip install "reconnect[testing]"')
        return USAGE
    return demo.main(seed=chosen.seed, model=chosen.model, key=key)


def _explain(chosen: argparse.Namespace) -> int:
    try:
        explain.run(chosen)
    except ValueError as error:
        _complain(str(error))
        return USAGE
    return 0


def _simulate(chosen: argparse.Namespace) -> int:
    try:
        simulate.run(chosen)
    except (TypeError, ValueError) as error:
        _complain(str(error))
        return USAGE
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"reconnect: {text}\n")
