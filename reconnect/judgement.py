"""Which failure is which: reads the table of `reconnect.table` for a loss.

The table is searched once for what can be known of a failure without its numbers, which are the
age of the connection and how often the same has happened before. What is left of it then, two rows
or three, is remembered: the same failures come again and again, and one in a thousand clients'
outages is decided about in a microsecond or two.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from .loss import Family, Loss, Phase, read
from .rows import GAP, FailureKind, Row
from .table import TABLE

__all__ = ["TABLE", "FailureKind", "Row", "classify", "explain"]

_REMEMBERED: Final = 1024
"""Failures whose rows are remembered."""


def explain(loss: Loss) -> Row:
    """Return the row of the table that decides about a loss.

    Args:
        loss: What was lost, and how.
    """
    seen = read(loss.error)
    conditional, otherwise = _rows(
        seen.family,
        seen.code,
        seen.text,
        seen.names,
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
    """Tell what a loss calls for; total: there is a verdict for every exception.

    Args:
        loss: What was lost, and how.
    """
    return explain(loss).kind


@lru_cache(maxsize=_REMEMBERED)
def _rows(  # noqa: PLR0917
    family: Family,
    code: int | None,
    text: str,
    names: frozenset[str],
    phase: Phase,
    resumed: bool,  # noqa: FBT001
    handle: bool,  # noqa: FBT001
    go_away: bool,  # noqa: FBT001
    closing: bool,  # noqa: FBT001
) -> tuple[tuple[Row, ...], Row]:
    """Return the rows that match if the numbers do, and the one that matches whatever they are."""
    matching = (
        row
        for row, fragments in _READY
        if (row.family is None or family in row.family)
        and (row.codes is None or (code is not None and code in row.codes))
        and (row.phase is None or phase in row.phase)
        and (row.resumed is None or resumed is row.resumed)
        and (row.handle is None or handle is row.handle)
        and (row.go_away is None or go_away is row.go_away)
        and (row.closing is None or closing is row.closing)
        and (row.names is None or not row.names.isdisjoint(names))
        and (row.text is None or any(_has(text, parts) for parts in fragments))
    )
    conditional = []
    # It ends: the last row of the table asks for nothing.
    while _asks_for_numbers(row := next(matching)):
        conditional.append(row)
    return tuple(conditional), row


def _asks_for_numbers(row: Row) -> bool:
    return row.since is not None or row.below is not None or row.repeats is not None


def _has(text: str, parts: tuple[str, ...]) -> bool:
    """Tell whether a text has all parts of a fragment, in this order."""
    place = 0
    for part in parts:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


_READY: Final = tuple(
    (row, tuple(tuple(fragment.split(GAP)) for fragment in row.text or ())) for row in TABLE
)
"""The rows with their fragments in parts."""
