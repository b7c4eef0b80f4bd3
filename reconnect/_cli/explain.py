"""Explains a failure: ``python -m reconnect explain 1011 "You exceeded your current quota"``.

It says what the failure is taken for, by which row of the table and why, and what a policy would
do about it over time if it came again and again.
"""

from __future__ import annotations

import argparse
import builtins
import importlib
import math
import ssl
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TextIO

from reconnect._failures.classify import TABLE, explain
from reconnect._failures.loss import (
    LOWEST_CLOSE_CODE,
    PROOF_AGE,
    Family,
    Loss,
    Phase,
    Symptom,
    read,
)
from reconnect._failures.rows import FailureKind, Row, finder
from reconnect.policy import Raise, ReconnectPolicy, Restart

__all__ = ["Step", "add_arguments", "follow", "loss_of", "report", "run", "steps"]

_KINDS: Final = {
    FailureKind.TRANSIENT: "the next attempt may well succeed",
    FailureKind.THROTTLED: "the server wants to be left alone for a while",
    FailureKind.HANDLE_REJECTED: "the handle is dead; a new session would work",
    FailureKind.CONTEXT_EXHAUSTED: "the conversation has outgrown the model's context",
    FailureKind.FATAL: "nothing that connecting again would help",
    FailureKind.CLEAN: "the session has ended as it should",
}

_MOST_STEPS: Final = 100
"""Steps that are followed at most, for a policy that never gives up."""

_ALMOST_ONE: Final = math.nextafter(1.0, 0.0)
_HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a policy does.

    Args:
        attempt: Its number.
        what: What it does, in words.
        least: The shortest delay before it, in seconds; None where it gives up.
        most: The longest delay before it, in seconds; None where it gives up.
        at: Seconds since the outage began, with delays in the middle of their range.
    """

    attempt: int
    what: str
    least: float | None
    most: float | None
    at: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command to a parser.

    Args:
        parser: The parser of the command's own arguments.
    """
    parser.description = (
        "Say what a failure is taken for, why, and what the default policy would do about it."
    )
    parser.add_argument(
        "failure",
        nargs="?",
        help="a close code (1000-4999), an HTTP status (100-599) or the name of an exception of"
        " Python's, such as ConnectionResetError",
    )
    parser.add_argument("text", nargs="?", default="", help="the close reason or error text")
    parser.add_argument("--status", type=int, help="the HTTP status of a refused handshake")
    parser.add_argument(
        "--phase",
        type=Phase,
        choices=list(Phase),
        metavar="{" + ",".join(Phase) + "}",
        help="how far the connection had come; default: session for a close, else connect",
    )
    parser.add_argument("--resumed", action="store_true", help="it was opened with a handle")
    parser.add_argument(
        "--handle",
        action=argparse.BooleanOptionalAction,
        help="a handle is held now; default: as --resumed",
    )
    parser.add_argument(
        "--age", type=float, default=0.0, metavar="SECONDS", help="time since setupComplete"
    )
    parser.add_argument("--go-away", action="store_true", help="a go_away had been seen")
    parser.add_argument("--closing", action="store_true", help="the caller had asked to close")
    parser.add_argument(
        "--repeats", type=int, default=0, metavar="N", help="losses just like it right before"
    )


def run(chosen: argparse.Namespace, *, file: TextIO | None = None) -> None:
    """Carry out the command.

    Args:
        chosen: What was asked for.
        file: Where to write; None for the standard output.

    Raises:
        ValueError: If there is no such failure.
    """
    out = sys.stdout if file is None else file
    loss, policy = loss_of(chosen), ReconnectPolicy()
    report(loss, file=out)
    out.write("\nIf every further attempt fails at once in the same way, the default policy does")
    if chosen.handle is None and not chosen.resumed:
        for held, words in ((True, "with a handle held"), (False, "without one")):
            out.write(f"\n\n{words}:\n\n")
            follow(replace(loss, handle=held), policy, file=out)
    else:
        out.write(":\n\n")
        follow(loss, policy, file=out)


def loss_of(chosen: argparse.Namespace) -> Loss:
    """Return the loss that the arguments describe.

    Args:
        chosen: The arguments.

    Raises:
        ValueError: If there is no such failure.
    """
    error = _error(chosen.failure, chosen.text, chosen.status)
    usual = Phase.SESSION if read(error).family is Family.CLOSE else Phase.CONNECT
    return Loss(
        error,
        phase=chosen.phase or usual,
        resumed=chosen.resumed,
        handle=chosen.resumed if chosen.handle is None else chosen.handle,
        age=chosen.age,
        go_away=chosen.go_away,
        closing=chosen.closing,
        repeats=chosen.repeats,
    )


def _error(failure: str | None, text: str, status: int | None) -> BaseException:
    """Return an exception as the libraries would raise it."""
    if status is not None:
        if failure is not None and text:
            raise ValueError(f"--status takes the place of the code, got {failure!r} too")
        return _refusal(status, text or failure or "")
    if failure is None:
        raise ValueError("explain needs a close code, an HTTP status or an exception")
    if not failure.isdecimal():
        return _exception(failure, text)
    code = int(failure)
    return _refusal(code, text) if code < LOWEST_CLOSE_CODE else _close(code, text)


def _close(code: int, text: str) -> BaseException:
    from websockets.exceptions import ConnectionClosedError  # noqa: PLC0415
    from websockets.frames import Close  # noqa: PLC0415

    if code > _HIGHEST_CLOSE_CODE:
        raise ValueError(f"a close code is a number from 1000 to 4999, got {code}")
    return ConnectionClosedError(Close(code, text), None)


_HIGHEST_CLOSE_CODE: Final = 4999
_HTTP_STATUSES: Final = range(100, 600)


def _refusal(status: int, text: str) -> BaseException:
    from websockets.datastructures import Headers  # noqa: PLC0415
    from websockets.exceptions import InvalidStatus  # noqa: PLC0415
    from websockets.http11 import Response  # noqa: PLC0415

    if status not in _HTTP_STATUSES:
        raise ValueError(f"an HTTP status is a number from 100 to 599, got {status}")
    return InvalidStatus(Response(status, "", Headers(), text.encode()))


def _exception(name: str, text: str) -> BaseException:
    for module in (builtins, ssl):
        kind: Any = getattr(module, name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            return kind(text)
    raise ValueError(
        f"a failure is a close code, an HTTP status or an exception of Python's, got {name!r}"
    )


def steps(policy: ReconnectPolicy, loss: Loss) -> Iterator[Step]:
    """Follow what a policy does about a loss if every attempt after it fails in the same way.

    The delays are taken at the middle of their range, so that the time of each step is the usual.

    Args:
        policy: Who decides.
        loss: The first loss of the outage.
    """
    at = 0.0
    for attempt in range(1, _MOST_STEPS + 1):
        middle, shortest, longest = (
            policy.decide(loss, attempt=attempt, elapsed=at, draw=draw)
            for draw in (_HALF, 0.0, _ALMOST_ONE)
        )
        if isinstance(middle, Raise) or isinstance(shortest, Raise) or isinstance(longest, Raise):
            given_up = next(d for d in (middle, shortest, longest) if isinstance(d, Raise))
            same = given_up.error is loss.error
            what = "raise the error as it came" if same else type(given_up.error).__name__
            yield Step(attempt, what, None, None, at)
            return
        fresh = isinstance(middle, Restart)
        at += middle.delay
        yield Step(
            attempt,
            "start a new session" if fresh else "resume with the handle",
            shortest.delay,
            longest.delay,
            at,
        )
        loss = _again(loss, resumed=not fresh)


def _again(loss: Loss, *, resumed: bool) -> Loss:
    """Return the loss of the next connection, which fails like the last and proves nothing."""
    proven = loss.phase is Phase.SESSION and loss.age >= PROOF_AGE
    same = resumed is loss.resumed and not proven
    return replace(
        loss,
        resumed=resumed,
        handle=resumed,
        age=0.0,
        go_away=False,
        repeats=loss.repeats + 1 if same else 0,
    )


def report(loss: Loss, *, file: TextIO) -> None:
    """Write what a loss is taken for, and why.

    Args:
        loss: What was lost, and how.
        file: Where to write.
    """
    row, seen = explain(loss), read(loss.error)
    number = next(number for number, other in enumerate(TABLE, 1) if other is row)
    file.write(
        f"{row.kind}: {_KINDS[row.kind]}\n\n"
        f"   row  {number} of {len(TABLE)} in reconnect/_failures/table.py\n"
        f"  when  {_conditions(row, seen)}\n"
        f"   why  {row.why}\n"
        f"source  {row.source}\n"
    )


def follow(loss: Loss, policy: ReconnectPolicy, *, file: TextIO) -> None:
    """Write what a policy does about a loss over time.

    Args:
        loss: The first loss of the outage.
        policy: Who decides.
        file: Where to write.
    """
    _table([*_lines(steps(policy, loss))], file=file)


def _conditions(row: Row, seen: Symptom) -> str:
    """Say in words what a row asks for; of what there is to choose, what the failure has."""
    said = [] if row.family is None else [seen.family.value]
    said += [] if row.names is None else sorted(row.names & seen.names)
    said += [] if row.codes is None else [f"code {seen.code}"]
    if row.phase is not None:
        said.append(f"phase {' or '.join(phase for phase in Phase if phase in row.phase)}")
    for asked, words in (
        (row.resumed, "opened with a handle"),
        (row.handle, "a handle is held"),
        (row.go_away, "after a go_away"),
        (row.closing, "the caller had asked to close"),
    ):
        said += [] if asked is None else [words if asked else f"not {words}"]
    said += [] if row.since is None else [f"{row.since:g} s old or more"]
    said += [] if row.below is None else [f"younger than {row.below:g} s"]
    if row.repeats is not None:
        times = {1: "once", 2: "twice"}.get(row.repeats, f"{row.repeats} times")
        said.append(f"the same {times} or more right before")
    found = [fragment for fragment in row.text or () if finder(fragment)(seen.text)]
    said += [f'the text has "{fragment}"' for fragment in found[:1]]
    return "; ".join(said) or "whatever is left"


_HEAD: Final = ("attempt", "what", "after", "usually at")


def _lines(found: Iterator[Step]) -> Iterator[tuple[str, ...]]:
    """Return the cells of the table, one line for steps that differ in nothing but their time."""
    run: list[Step] = []
    for step in found:
        if run and (run[-1].what, run[-1].least, run[-1].most) != (
            step.what,
            step.least,
            step.most,
        ):
            yield _line(run)
            run = []
        run.append(step)
    yield _line(run)


def _line(run: Sequence[Step]) -> tuple[str, ...]:
    first, last = run[0], run[-1]
    if first.least is None:
        return "", first.what, "", f"{first.at:.0f} s"
    number = str(first.attempt) if first is last else f"{first.attempt}-{last.attempt}"
    at = f"{first.at:.0f} s" if first is last else f"{first.at:.0f}-{last.at:.0f} s"
    return number, first.what, f"{first.least:g}-{first.most:.3g} s", at


def _table(lines: Sequence[tuple[str, ...]], *, file: TextIO) -> None:
    """Write a table: with rich where it is installed, and plainly where it is not."""
    try:
        console: Any = importlib.import_module("rich.console")
        table: Any = importlib.import_module("rich.table")
    except ModuleNotFoundError:
        widths = [max(map(len, column)) for column in zip(_HEAD, *lines, strict=True)]
        for cells in (_HEAD, *lines):
            padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
            file.write("  ".join(padded).rstrip() + "\n")
        return
    drawn = table.Table(*_HEAD)
    for cells in lines:
        drawn.add_row(*cells)
    console.Console(file=file).print(drawn)
