"""Explains a failure: ``reconnect explain 1011 "You exceeded your current quota"``.

It says what the failure is taken for, by which row of the table and why, and what a policy would
do about it over time if it came again and again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TextIO

from reconnect._cli.arguments import UsageError, described
from reconnect._failures.loss import LOWEST_CLOSE_CODE, Family, Loss, Phase, read
from reconnect.policy import ReconnectPolicy

from . import made as _made
from .course import steps
from .report import KEYS, as_data, report
from .texts import Logged, logged

__all__ = ["add_arguments", "loss_of", "run"]

STDIN: Final = "-"
"""What stands for a text that comes over the standard input."""

_CODES: Final = range(100, 5000)
"""Other numbers are neither an HTTP status nor a close code, and begin a line of a log at most."""

_DESCRIPTION: Final = (
    "Show how a failure is classified, why, and what the default policy would do about it."
)

_EXAMPLES: Final = """\
examples:
  %(prog)s 1011
  %(prog)s 1008 "BidiGenerateContent session not found" --phase setup --resumed
  %(prog)s 503
  %(prog)s ConnectionResetError
  %(prog)s "received 1011 (internal error) Deadline expired; then sent 1011"
  python my_app.py 2>&1 | %(prog)s -

"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to a parser.

    Args:
        parser: The parser of the command's own arguments.
    """
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EXAMPLES + described(KEYS)
    parser.add_argument(
        "failure",
        nargs="*",
        metavar="FAILURE",
        help="a close code or an HTTP status, with its text; the name of an exception;"
        " a line of a log or a traceback, in quotes; or - to read a log or a traceback from"
        " standard input and explain the last line that describes a failure",
    )
    parser.add_argument(
        "--phase",
        choices=[*map(str, Phase)],
        help="how far the connection had come; default: taken from a line of this library's log,"
        " otherwise session for a close and connect for anything else",
    )
    parser.add_argument(
        "--resumed",
        action="store_true",
        help="the connection was opened with a handle; implied by a line of this library's log"
        " about a rejected handle",
    )
    parser.add_argument(
        "--handle",
        action=argparse.BooleanOptionalAction,
        help="whether a handle is held now; default: as --resumed",
    )
    parser.add_argument(
        "--age",
        type=float,
        metavar="SECONDS",
        help="time since setupComplete; default: taken from a line of this library's log, or 0",
    )
    parser.add_argument("--go-away", action="store_true", help="a go_away had arrived")
    parser.add_argument("--closing", action="store_true", help="the caller asked to close")
    parser.add_argument(
        "--repeats",
        type=int,
        default=0,
        metavar="N",
        help="how often the same failure happened just before",
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def run(
    chosen: argparse.Namespace, *, file: TextIO | None = None, stdin: TextIO | None = None
) -> None:
    """Carry out the command.

    Args:
        chosen: What was asked for.
        file: Where to write; None for the standard output.
        stdin: Where to read what ``-`` stands for; None for the standard input.

    Raises:
        UsageError: If there is no such failure.
    """
    out = sys.stdout if file is None else file
    policy = ReconnectPolicy()
    try:
        line, loss = loss_of(chosen, stdin=sys.stdin if stdin is None else stdin)
    except ValueError as error:
        raise UsageError(str(error)) from error
    held = [True, False] if chosen.handle is None and not loss.resumed else [loss.handle]
    losses = [replace(loss, handle=handle) for handle in held]
    cases = [(loss, [*steps(policy, loss)]) for loss in losses]
    if chosen.json:
        out.write(json.dumps(as_data(line, cases)) + "\n")
    else:
        report(line, cases, file=out)


def loss_of(chosen: argparse.Namespace, *, stdin: TextIO) -> tuple[str, Loss]:
    """Return the loss that the arguments describe, and the line that it was read from.

    Args:
        chosen: The arguments.
        stdin: Where to read what ``-`` stands for.

    Raises:
        ValueError: If there is no such failure.
    """
    line, error = _error(chosen.failure, stdin)
    said = logged(line)
    resumed = chosen.resumed or (said is not None and said.resumed)
    age = 0.0 if said is None or said.age is None else said.age
    return line, Loss(
        error,
        phase=Phase(chosen.phase)
        if chosen.phase
        else _usual_phase(said, closed=read(error).family is Family.CLOSE),
        resumed=resumed,
        handle=resumed if chosen.handle is None else chosen.handle,
        age=age if chosen.age is None else chosen.age,
        go_away=chosen.go_away,
        closing=chosen.closing,
        repeats=chosen.repeats,
    )


def _usual_phase(said: Logged | None, *, closed: bool) -> Phase:
    """Return how far a connection has most likely come."""
    if said is None:
        return Phase.SESSION if closed else Phase.CONNECT
    if said.age is not None:
        return Phase.SESSION
    return Phase.SETUP if closed else Phase.CONNECT


def _error(words: Sequence[str], stdin: TextIO) -> tuple[str, BaseException]:
    """Return what was said of a failure, and an exception as the libraries would raise it."""
    if not words:
        raise ValueError(
            "explain needs a failure: a close code, an HTTP status, the name of an exception, a"
            " line of a log, or - for standard input"
        )
    if [*words] == [STDIN]:
        return _made.from_text(stdin.read())
    text = " ".join(words)
    first, _, rest = text.partition(" ")
    # An error of the SDK's says "1011 None. x" of a close.
    if first.isdecimal() and (not rest or int(first) in _CODES) and not rest.startswith("None."):
        code = int(first)
        make = _made.refused if code < LOWEST_CLOSE_CODE else _made.closed
        return text, make(code, rest.strip())
    # An exception and its text, without the colon that a traceback has between them.
    error = _made.named(first, rest.strip()) if first.replace(".", "").isidentifier() else None
    return _made.from_text(text) if error is None else (text, error)
