"""What counts as a number that somebody gives: a bool is none, though Python takes True for 1.

Pure.
"""

from __future__ import annotations

from numbers import Real
from typing import TypeGuard

__all__ = ["is_number", "is_whole"]


def is_number(value: object) -> TypeGuard[float]:
    """Tell whether a value is a real number, NaN and the infinite ones too, and no bool.

    Args:
        value: Anything.
    """
    return isinstance(value, Real) and not isinstance(value, bool)


def is_whole(value: object) -> TypeGuard[int]:
    """Tell whether a value is an int, and no bool.

    Args:
        value: Anything.
    """
    return isinstance(value, int) and not isinstance(value, bool)
