"""What a verdict on a failure is, and what a row of the table of judgement may ask for."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from .loss import Family, Phase

__all__ = ["GAP", "FailureKind", "Row"]


class FailureKind(StrEnum):
    """What a failure calls for."""

    TRANSIENT = "transient"
    """The next dial may well succeed."""

    THROTTLED = "throttled"
    """The server wants to be left alone for a while."""

    HANDLE_REJECTED = "handle_rejected"
    """The handle is dead; a fresh session would work."""

    CONTEXT_EXHAUSTED = "context_exhausted"
    """The conversation has outgrown the model's context."""

    FATAL = "fatal"
    """Nothing that this side can do by dialling again would help."""

    CLEAN = "clean"
    """The session has ended as it should."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table; a condition that is None is always met.

    Args:
        kind: The verdict.
        why: The reason, in a sentence.
        source: Where the behaviour was seen or is documented.
        family: The families it is for.
        names: Exception classes, one of which the exception must be or inherit from.
        codes: The close codes or HTTP statuses it is for.
        text: Fragments of the error text, in lower case, one of which must occur.
        phase: The phases it is for.
        resumed: Whether the connection must have been opened with a handle.
        handle: Whether a handle must be held.
        go_away: Whether a go_away must have been seen.
        closing: Whether the caller must have asked to close.
        since: The age in seconds that the connection must have reached.
        below: The age in seconds that the connection must not have reached.
        repeats: How often at least the same failure must have come right before.
    """

    kind: FailureKind
    why: str
    source: str
    family: Container[Family] | None = None
    names: frozenset[str] | None = None
    codes: Container[int] | None = None
    text: tuple[str, ...] | None = None
    phase: Container[Phase] | None = None
    resumed: bool | None = None
    handle: bool | None = None
    go_away: bool | None = None
    closing: bool | None = None
    since: float | None = None
    below: float | None = None
    repeats: int | None = None


GAP: Final = " ... "
"""What stands between the parts of a fragment that has more than one."""
