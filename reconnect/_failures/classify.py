"""Which failure is which: reads the error table of `reconnect._failures.table` for a loss.

What can be known of a failure without its numbers, which are the age of the connection and how
often the same has happened before, leaves two or three rows of the table. They are remembered: the
same failures come again and again, and are then decided about in a microsecond or two.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final, TypeAlias

from .loss import Facets, Family, Loss, Phase, facets, leaves
from .rows import GAP, PART_OF_SETUP, FailureKind, Finder, Row, finder
from .table import TABLE

__all__ = ["TABLE", "FailureKind", "Row", "classify", "explain"]

_REMEMBERED: Final = 1024
"""Failures whose rows are remembered."""

_NO_LOSS: Final = "classify() and decide() take a Loss, got {!r}; wrap it: classify(Loss(error))"


_SEVERITY: Final = (
    FailureKind.FATAL,
    FailureKind.CLEAN,
    FailureKind.CONTEXT_EXHAUSTED,
    FailureKind.HANDLE_REJECTED,
    FailureKind.THROTTLED,
    FailureKind.TRANSIENT,
)
"""What a group of exceptions is taken for: the first of these that one of them is. So a bug is
not hidden by the failures of the network that came with it, and a dead handle is not kept."""


def explain(loss: Loss) -> Row:
    """Return the row of the table that decides about a loss.

    An exception group is classified by what is in it: the most severe counts.

    Args:
        loss: The lost connection or failed attempt.

    Raises:
        TypeError: If it is not a `Loss`.
    """
    if not isinstance(loss, Loss):
        raise TypeError(_NO_LOSS.format(loss))
    if isinstance(loss.error, BaseExceptionGroup):
        rows = [explain(replace(loss, error=error)) for error in leaves(loss.error)]
        return min(rows, key=lambda row: _SEVERITY.index(row.kind))
    conditional, otherwise = _rows(
        facets(loss.error),
        loss.phase,
        loss.resumed,
        loss.handle,
        loss.go_away,
        loss.closing,
    )
    for row in conditional:
        if (
            (row.since is None or loss.age >= row.since)
            and (row.below is None or loss.age < row.below)
            and (row.repeats is None or loss.repeats >= row.repeats)
        ):
            return row
    return otherwise


def classify(loss: Loss) -> FailureKind:
    """Classify a loss; every exception has a kind.

    Args:
        loss: The lost connection or failed attempt.

    Raises:
        TypeError: If ``loss`` is not a `Loss` (for example, a bare exception).
    """
    return explain(loss).kind


@lru_cache(maxsize=_REMEMBERED)
def _rows(  # noqa: PLR0917
    seen: Facets,
    phase: Phase,
    resumed: bool,  # noqa: FBT001
    handle: bool,  # noqa: FBT001
    go_away: bool,  # noqa: FBT001
    closing: bool,  # noqa: FBT001
) -> tuple[tuple[Row, ...], Row]:
    """Return the rows that match if the numbers do, and the one that matches whatever they are."""
    family, code, text, names = seen
    matching = (
        row
        for row, plain, others in _rows_but_for_the_text(
            family, code, names, phase, resumed, handle, go_away, closing
        )
        if row.text is None or _says(text, plain, others)
    )
    conditional = []
    # It ends: the last row of the table asks for nothing.
    while _asks_for_numbers(row := next(matching)):
        conditional.append(row)
    return tuple(conditional), row


_Ready: TypeAlias = tuple[Row, tuple[str, ...], tuple[Finder, ...]]
"""A row, its fragments that are in one piece, and what finds the others."""


@lru_cache(maxsize=_REMEMBERED)
def _rows_but_for_the_text(  # noqa: PLR0917
    family: Family,
    code: int | None,
    names: frozenset[str],
    phase: Phase,
    resumed: bool,  # noqa: FBT001
    handle: bool,  # noqa: FBT001
    go_away: bool,  # noqa: FBT001
    closing: bool,  # noqa: FBT001
) -> tuple[_Ready, ...]:
    """Return the rows that match if the text and the numbers do."""
    return tuple(
        ready
        for ready in _READY
        if ((row := ready[0]).family is None or family in row.family)
        and (row.codes is None or (code is not None and code in row.codes))
        and (row.phase is None or phase in row.phase)
        and (row.resumed is None or resumed is row.resumed)
        and (row.handle is None or handle is row.handle)
        and (row.go_away is None or go_away is row.go_away)
        and (row.closing is None or closing is row.closing)
        and (row.names is None or not row.names.isdisjoint(names))
    )


def _asks_for_numbers(row: Row) -> bool:
    return row.since is not None or row.below is not None or row.repeats is not None


def _says(text: str, plain: tuple[str, ...], others: tuple[Finder, ...]) -> bool:
    """Tell whether a text has one of the fragments."""
    # A loop rather than any(): a generator for each row takes longer than the search.
    for part in plain:
        if part in text:
            return True
    return bool(others) and any(found_in(text) for found_in in others)


def _ready(row: Row) -> _Ready:
    fragments = row.text or ()
    others = tuple(f for f in fragments if GAP in f or f == PART_OF_SETUP)
    return row, tuple(f for f in fragments if f not in others), tuple(map(finder, others))


_READY: Final = tuple(map(_ready, TABLE))
