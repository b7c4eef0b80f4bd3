"""What a verdict on a failure is, and what a row of the error table may ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeAlias

from .loss import Family, Phase

__all__ = ["GAP", "PART_OF_SETUP", "FailureKind", "Finder", "Row", "finder"]


class FailureKind(StrEnum):
    """What a failure calls for."""

    TRANSIENT = "transient"
    """The next attempt may succeed."""

    THROTTLED = "throttled"
    """The server asks to wait: a quota is used up, or it is overloaded."""

    HANDLE_REJECTED = "handle_rejected"
    """The server does not accept the handle; a new session would work."""

    CONTEXT_EXHAUSTED = "context_exhausted"
    """The conversation no longer fits the model's context."""

    FATAL = "fatal"
    """No new connection would help."""

    CLEAN = "clean"
    """The session has ended as intended."""


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

PART_OF_SETUP: Final = "setup.*"
"""A fragment that stands for a part of the setup, named by its path: "setup.tools[0].name: ..." or
"at 'setup'". The handle's own place in it is none that the caller has filled."""

_PART_OF_SETUP: Final = re.compile(
    r"\bsetup(?:\.(?!session_?resumption)\w|')|\b(?:tools|function_?declarations)\[\d"
    r"|\bgeneration_?config\."
)


Finder: TypeAlias = Callable[[str], bool]
"""Tells whether a text, in lower case, has a fragment."""


def finder(fragment: str) -> Finder:
    """Return what finds a fragment in a text.

    Args:
        fragment: One of a row's.
    """
    if fragment == PART_OF_SETUP:
        return _names_part_of_setup
    parts = fragment.split(GAP)

    def found_in(text: str) -> bool:
        place = 0
        for part in parts:
            place = text.find(part, place)
            if place < 0:
                return False
            place += len(part)
        return True

    return found_in


def _names_part_of_setup(text: str) -> bool:
    # Most texts have none of these, and a search for a plain text is the faster by far.
    if "setup" in text or "[" in text or "generation" in text:
        return _PART_OF_SETUP.search(text) is not None
    return False
