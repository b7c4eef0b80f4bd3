"""The command line: ``python -m reconnect``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from . import explain

__all__ = ["main"]

USAGE: Final = 2
"""The exit code for a command that cannot be run as given; argparse has the same."""

INTERRUPTED: Final = 130
"""The exit code after Ctrl-C, as shells have it."""

_EXTRA: Final = frozenset({"rich", "trustme"})

_PLOT: Final = frozenset({"matplotlib", "numpy"})


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
    _describe_simulate(
        commands.add_parser("simulate", help="let a herd of clients lose a server and come back")
    )
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


def _describe_simulate(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Simulate clients that all lose their connections at once, and a server that is away for a"
        " while and then takes so many attempts a second. Nothing is connected to; the same"
        " arguments give the same outcome."
    )
    parser.add_argument("--clients", type=int, default=10_000, help="how many clients")
    parser.add_argument("--outage", type=float, default=60.0, help="seconds without the server")
    parser.add_argument("--capacity", type=int, default=500, help="attempts a second that it takes")
    parser.add_argument(
        "--hangs-up",
        action="store_true",
        help="let the server take every attempt of the outage and close it at once",
    )
    parser.add_argument(
        "--policy",
        default="default",
        metavar="NAME",
        help="whose formula: default, websockets, tenacity, stamina, grpc, google-cloud, or"
        " MODULE:NAME of a policy of yours",
    )
    parser.add_argument("--seed", type=int, default=0, help="what the draws are computed from")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw it: a .png or .svg file")
    parser.set_defaults(run=_simulate)


def _simulate(chosen: argparse.Namespace) -> int:
    from .simulate import herd as _herd  # noqa: PLC0415 (for this command only)
    from .simulate.simulation import Herd  # noqa: PLC0415

    if chosen.plot is not None and chosen.plot.suffix not in _herd.FORMATS:
        _complain(f"--plot must be a {' or '.join(_herd.FORMATS)} file, got {chosen.plot}")
        return USAGE
    try:
        policy = _herd.find_policy(chosen.policy)
        herd = Herd(
            clients=chosen.clients,
            outage=chosen.outage,
            capacity=chosen.capacity,
            hangs_up=chosen.hangs_up,
            seed=chosen.seed,
        )
    except (TypeError, ValueError) as error:
        _complain(str(error))
        return USAGE
    outcome = _herd.run(policy, herd)
    sys.stdout.write(_herd.describe(outcome) + "\n")
    if chosen.plot is None:
        return 0
    try:
        _herd.plot_to(outcome, chosen.policy, chosen.plot)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in _PLOT:
            raise
        _complain(f'the plot needs {missing}: pip install "reconnect[plot]"')
        return USAGE
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"reconnect: {text}\n")
