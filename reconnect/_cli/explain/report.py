"""Says what a failure is taken for, why, and what a policy does about it: in words and as data."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final, TextIO, TypeAlias

from reconnect._failures.classify import TABLE, explain
from reconnect._failures.loss import Loss, Phase, Symptom, read
from reconnect._failures.rows import FailureKind, Row, finder

from .course import Step

__all__ = ["KEYS", "Case", "as_data", "report"]

_KINDS: Final = {
    FailureKind.TRANSIENT: "the next attempt may succeed",
    FailureKind.THROTTLED: "the server asks to wait: a quota is used up, or it is overloaded",
    FailureKind.HANDLE_REJECTED: "the server does not accept the handle; a new session would work",
    FailureKind.CONTEXT_EXHAUSTED: "the conversation no longer fits the model's context",
    FailureKind.FATAL: "no new connection would help",
    FailureKind.CLEAN: "the session has ended as intended",
}

_WIDTH: Final = 78
"""Columns, of the 80 that a terminal has at least."""

_CASE, _STEP = "cases[].", "cases[].steps[]."

KEYS: Final[Mapping[str, str]] = {
    "line": "the line that was read, or the failure as given",
    "family": "the kind of failure that was recognized in it, in words",
    "code": "its close code or HTTP status, or null",
    "text": "its text, in lower case",
    "phase": "how far the connection is assumed to have come: connect, setup or session",
    "cases": "how it is classified: with and without a handle, or only the case asked for",
    f"{_CASE}handle": "whether a handle is held",
    f"{_CASE}kind": "transient, throttled, handle_rejected, context_exhausted, fatal or clean",
    f"{_CASE}meaning": "what this kind means, in words",
    f"{_CASE}row": "the number of the row of the error table that decides, starting at 1",
    f"{_CASE}when": "the conditions of the row, in words",
    f"{_CASE}why": "the reason given in the row",
    f"{_CASE}source": "where the behaviour was seen",
    f"{_CASE}steps": "what the default policy does if the failure keeps recurring, in order",
    f"{_STEP}attempt": "the number of the attempt, starting at 1",
    f"{_STEP}action": "resume, restart or raise",
    f"{_STEP}least": "the shortest delay before it, in seconds, or null",
    f"{_STEP}most": "the longest delay before it, in seconds, or null",
    f"{_STEP}at": "seconds since the outage began, if each delay is in the middle of its range",
    f"{_STEP}error": "the name of the error raised in place of the failure, or null",
}
"""The keys of the JSON, each with those that lead to it, and what each is."""

Case: TypeAlias = tuple[Loss, Sequence[Step]]
"""A loss, and what a policy does if it comes again and again."""


def report(line: str, cases: Sequence[Case], *, file: TextIO) -> None:
    """Write what a failure is taken for, why, and what is done about it.

    Args:
        line: The line that it was read from.
        cases: The loss with a handle held and without, or one of these.
        file: Where to write.
    """
    (first, _), *others = cases
    if all(explain(other) is explain(first) for other, _ in others):
        file.write(_verdict(line, first))
        _follow(cases, file=file)
        return
    for case in cases:
        file.write(f"{_held(case[0])}, {_verdict(line, case[0])}")
        _follow([case], file=file)
        file.write("\n" if case is not cases[-1] else "")


def as_data(line: str, cases: Sequence[Case]) -> dict[str, Any]:
    """Return the same as JSON can have it; `KEYS` says what is what.

    Args:
        line: The line that it was read from.
        cases: The loss with a handle held and without, or one of these.
    """
    loss, _ = cases[0]
    seen = read(loss.error)
    return {
        "line": line,
        "family": seen.family,
        "code": seen.code,
        "text": seen.text,
        "phase": loss.phase,
        "cases": [
            {
                "handle": loss.handle,
                "kind": (row := explain(loss)).kind,
                "meaning": _KINDS[row.kind],
                "row": _number(row),
                "when": _conditions(row, seen),
                "why": row.why,
                "source": row.source,
                "steps": [asdict(step) for step in course],
            }
            for loss, course in cases
        ],
    }


def _verdict(line: str, loss: Loss) -> str:
    """Return what a loss is taken for, and why, in lines."""
    row, seen = explain(loss), read(loss.error)
    code = "" if seen.code is None else f", {seen.code}"
    return (
        f"{row.kind}: {_KINDS[row.kind]}\n\n"
        f"  read  {line}\n"
        f"    as  {seen.family}{code}, phase {loss.phase}\n"
        f"   row  {_number(row)} of {len(TABLE)} in reconnect/_failures/table.py\n"
        f"  when  {_conditions(row, seen)}\n"
        f"{_wrapped('   why  ', row.why)}\n"
        f"source  {row.source}\n"
    )


def _wrapped(head: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head))


def _number(row: Row) -> int:
    return next(number for number, other in enumerate(TABLE, 1) if other is row)


def _held(loss: Loss) -> str:
    return "with a handle held" if loss.handle else "without a handle"


def _follow(cases: Sequence[Case], *, file: TextIO) -> None:
    """Write what a policy does over time: once, where it does the same in all cases."""
    (_, first), *others = cases
    same = all(course == first for _, course in others)
    if same and first[0].action == "raise":
        file.write("\nThe default policy does not retry: it raises the error unchanged.\n")
        return
    file.write(
        "\nIf every further attempt fails at once in the same way, the default policy does this:\n"
    )
    for loss, course in cases[:1] if same else cases:
        file.write("\n" if same else f"\n{_held(loss)}:\n\n")
        _table([*_lines(course)], file=file)


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
        (row.closing, "the caller asked to close"),
    ):
        said += [] if asked is None else [words if asked else f"not {words}"]
    said += [] if row.since is None else [f"{row.since:g} s old or more"]
    said += [] if row.below is None else [f"younger than {row.below:g} s"]
    if row.repeats is not None:
        times = {1: "once", 2: "twice"}.get(row.repeats, f"{row.repeats} times")
        said.append(f"the same failure {times} or more just before")
    found = [fragment for fragment in row.text or () if finder(fragment)(seen.text)]
    said += [f'the text contains "{fragment}"' for fragment in found[:1]]
    return "; ".join(said) or "everything else"


_ACTIONS: Final = {"resume": "resume with the handle", "restart": "start a new session"}
_HEAD: Final = ("attempt", "what", "after", "usually at")


def _lines(found: Iterable[Step]) -> Iterator[tuple[str, ...]]:
    """Return the cells of the table, one line for steps that differ in nothing but their time."""
    run: list[Step] = []
    for step in found:
        if run and replace(run[-1], attempt=step.attempt, at=step.at) != step:
            yield _line(run)
            run = []
        run.append(step)
    yield _line(run)


def _line(run: Sequence[Step]) -> tuple[str, ...]:
    first, last = run[0], run[-1]
    if first.least is None:
        return "", first.error or "raise the error unchanged", "", f"{first.at:.0f} s"
    number = str(first.attempt) if first is last else f"{first.attempt}-{last.attempt}"
    at = f"{first.at:.0f} s" if first is last else f"{first.at:.0f}-{last.at:.0f} s"
    return number, _ACTIONS[first.action], f"{first.least:g}-{first.most:.3g} s", at


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
