"""Simulates a herd of clients: ``reconnect simulate --clients 10000 --outage 60``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from reconnect._cli.arguments import UsageError, check_file, described
from reconnect.policy import Policy

from . import herd as _herd
from .simulation import Herd, TooOften, Watch

__all__ = ["add_arguments", "run"]

_EXAMPLES: Final = """\
examples:
  %(prog)s --clients 10000 --outage 60 --capacity 500
  %(prog)s --policy websockets --plot herd.png
  %(prog)s --policy myapp.live:POLICY --json

"""

_MANY: Final = 100_000
"""Clients from which on it takes longer than a few seconds without numpy."""

_EXTRA: Final = frozenset({"matplotlib", "numpy"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to a parser.

    Args:
        parser: The parser of the command's own arguments.
    """
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = (
        "Simulate clients that all lose their connections at once, and a server that is\n"
        "down for a while and then accepts a limited number of attempts per second. No\n"
        "connection is made; the same arguments give the same result."
    )
    parser.epilog = _EXAMPLES + described(_herd.KEYS)
    parser.add_argument(
        "--clients", type=int, default=10_000, help="how many clients; default: %(default)s"
    )
    parser.add_argument(
        "--outage",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="how long the server is down; default: %(default)g",
    )
    parser.add_argument(
        "--capacity",
        type=int,
        default=500,
        help="attempts per second that it then accepts; default: %(default)s",
    )
    parser.add_argument(
        "--hangs-up",
        action="store_true",
        help="during the outage, accept every attempt and close it at once",
    )
    parser.add_argument(
        "--policy",
        default="default",
        metavar="NAME",
        help="the policy: default, the formula of websockets, tenacity, stamina, grpc or"
        " google-cloud, or MODULE:NAME of your own object with a decide() method",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed for the random draws; default: %(default)s"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw a chart: a .png or .svg file"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(chosen: argparse.Namespace) -> None:
    """Carry out the command.

    Args:
        chosen: What was asked for.

    Raises:
        UsageError: If an argument is wrong, or something is missing that it needs.
    """
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
        raise UsageError(str(error)) from error
    if chosen.plot is not None:
        _check_plot(chosen.plot)
    try:
        outcome = _herd.run(policy, herd, watch=_watch(policy, herd))
    except TooOften as error:
        raise UsageError(str(error)) from error
    if chosen.json:
        said = json.dumps(_herd.as_data(outcome, chosen.policy))
    else:
        said = _herd.describe(outcome)
    sys.stdout.write(said + "\n")
    if chosen.plot is not None:
        _herd.plot_to(outcome, chosen.policy, chosen.plot)


def _check_plot(file: Path) -> None:
    """Raise before the simulation, which may take long, if it could not be drawn."""
    check_file("--plot", file, _herd.FORMATS)
    try:
        _herd.load_plot()
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in _EXTRA:
            raise
        raise UsageError(
            f'the plot needs {missing}: pip install ".[plot]" in a clone of reconnect'
        ) from error


def _watch(policy: Policy, herd: Herd) -> Watch | None:
    """Say that it takes long, if it does, and return what shows how far it is."""
    if herd.clients < _MANY or _herd.is_quick(policy):
        return None
    advice = (
        'numpy makes it seconds: pip install ".[plot]" in a clone of reconnect'
        if _herd.has_default_formula(policy)
        else "only the default formula has a faster simulation"
    )
    sys.stderr.write(
        f"reconnect: {herd.clients:,} clients take about a minute for each 100,000; {advice}\n"
    )
    if not sys.stderr.isatty():
        return None

    def show(second: int, settled: int) -> None:
        when = f"{abs(second)} s {'before' if second < 0 else 'after'} the server's return"
        sys.stderr.write(f"\r\x1b[K{when}: {settled / herd.clients:.0%} of the clients settled")
        if settled == herd.clients:
            sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()

    return show
