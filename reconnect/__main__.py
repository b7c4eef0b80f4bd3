"""The command line: ``python -m reconnect``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

from . import explain

__all__ = ["main"]

USAGE: Final = 2
"""The exit code for a command that cannot be run as given; argparse has the same."""

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""

_EXTRA: Final = frozenset({"rich", "trustme"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: What follows ``python -m reconnect``; None for what is on the command line.
    """
    parser = argparse.ArgumentParser(
        prog="python -m reconnect",
        description="Keeps a Gemini Live conversation alive whatever happens to its connections.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _describe_demo(
        commands.add_parser("demo", help="show a conversation that gets through a storm")
    )
    explain.add_arguments(
        explained := commands.add_parser("explain", help="say what a failure is taken for, and why")
    )
    explained.set_defaults(run=_explain)
    chosen = parser.parse_args(arguments)
    try:
        code: int = chosen.run(chosen)
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    return code


def _describe_demo(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Hold a conversation with an emulator of the Live API that breaks the connection in many"
        " ways, and count what is lost. It takes about 30 seconds; the exit code is 1 if anything"
        " was lost."
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
        from . import demo  # noqa: PLC0415 (needs the extra)
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


def _complain(text: str) -> None:
    sys.stderr.write(f"reconnect: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
