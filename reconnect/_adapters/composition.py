"""A wait that is a function of (attempt, draw) and can be added to tenacity's waits.

tenacity adds by itself: ``wait_fixed(1) + full_jitter(...)`` is tenacity's sum, which asks each of
its parts with a ``RetryCallState``. So a `Backoff` can be asked in both ways. A state that the
policy has made carries the policy's draw; for one of tenacity's own a draw is made, as tenacity's
random waits do.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, overload

if TYPE_CHECKING:
    import tenacity

__all__ = ["DRAW", "Backoff", "takes"]

DRAW: Final = "draw"
"""The attribute in which a ``RetryCallState`` of the policy's carries the draw."""


Formula: TypeAlias = Callable[[int, float], float]
"""(attempt, draw) -> seconds."""


class Backoff:
    """Computes the delay before an attempt from the attempt number and a draw.

    The sum of two is a `Backoff` that passes the same draw to both; the sum with a tenacity
    ``wait_*`` object is tenacity's sum. All of these can be the ``wait`` of a policy, and the
    ``wait`` of tenacity itself. It can be pickled if its formula can.

    Args:
        formula: A pure function of ``(attempt, draw)`` that returns seconds; ``attempt`` starts at
            1, and ``draw`` is in [0, 1).
        name: The name shown in its ``repr``; None for the function's own name.

    Raises:
        TypeError: If ``formula`` cannot be called with two arguments.
    """

    __slots__ = ("_name", "formula")

    def __init__(self, formula: Formula, *, name: str | None = None) -> None:
        if not takes(formula, 2):
            raise TypeError(f"formula must be a function of (attempt, draw), got {formula!r}")
        self.formula: Final = formula
        self._name: Final = f"Backoff({formula!r})" if name is None else name

    def __repr__(self) -> str:
        return self._name

    @overload
    def __call__(self, attempt: int, draw: float) -> float: ...
    @overload
    def __call__(self, attempt: tenacity.RetryCallState) -> float: ...
    @overload
    def __call__(self, *, retry_state: tenacity.RetryCallState) -> float: ...
    def __call__(
        self,
        attempt: int | tenacity.RetryCallState | None = None,
        draw: float | None = None,
        *,
        retry_state: tenacity.RetryCallState | None = None,
    ) -> float:
        """Return the seconds to wait before an attempt.

        Args:
            attempt: The attempt number, at least 1; or tenacity's ``RetryCallState``.
            draw: A number in [0, 1); None if tenacity calls.
            retry_state: tenacity's ``RetryCallState``: its sums pass it by this name.

        Raises:
            TypeError: If it is called with an attempt number but without a draw.
        """
        if retry_state is None:
            if isinstance(attempt, int):
                if draw is None:
                    raise TypeError(f"attempt {attempt!r} needs a draw: a number in [0, 1)")
                return self.formula(attempt, draw)
            retry_state = attempt
        known: Any = retry_state
        given = getattr(known, DRAW, None)
        return self.formula(known.attempt_number, random.random() if given is None else given)  # noqa: S311 (spreads attempts, keeps no secret)

    @overload
    def __add__(self, other: Backoff) -> Backoff: ...
    @overload
    def __add__(self, other: tenacity.wait.wait_base) -> tenacity.wait.wait_combine: ...
    def __add__(self, other: Any) -> Any:
        if isinstance(other, Backoff):
            both = partial(_sum, self.formula, other.formula)
            return Backoff(both, name=f"{self!r} + {other!r}")
        # tenacity's waits add themselves to whatever they do not find added.
        return NotImplemented

    @overload
    def __radd__(self, other: Literal[0]) -> Backoff: ...
    @overload
    def __radd__(self, other: tenacity.wait.wait_base) -> tenacity.wait.wait_combine: ...
    def __radd__(self, other: Any) -> Any:
        # What the built-in sum() starts from; tenacity's waits take it too.
        return self if isinstance(other, int) and other == 0 else NotImplemented


def takes(plugged: Any, count: int) -> bool:
    """Tell whether a callable, but for a class, can be called with so many positional arguments.

    Args:
        plugged: What would be called.
        count: How many.
    """
    if not callable(plugged) or isinstance(plugged, type):
        return False
    try:
        inspect.signature(plugged).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def _sum(one: Formula, other: Formula, attempt: int, draw: float) -> float:
    return one(attempt, draw) + other(attempt, draw)
