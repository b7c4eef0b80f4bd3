"""What a user plugs into the policy: tenacity's objects, or plain callables.

Both come down to one form each, so that the policy knows only that. tenacity is imported when
something of its kind is plugged in, and not before.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

from .loss import Loss

__all__ = ["Stop", "Wait", "stop_rule", "wait_rule"]

Wait: TypeAlias = Callable[[Loss, int, float, float], float]
"""(loss, attempt, elapsed, draw) -> seconds to wait before that attempt."""

Stop: TypeAlias = Callable[[Loss, int, float, float], bool]
"""(loss, attempts made, elapsed, the delay that would come next) -> whether to give up."""


def wait_rule(wait: Callable[..., Any], *, cap: float) -> Wait:
    """Bring what was plugged in as ``wait`` to one form.

    Args:
        wait: A function of ``(attempt, draw)``, or of tenacity's ``RetryCallState``.
        cap: What the result is clipped to, in seconds.

    Raises:
        TypeError: If it is neither.
    """
    if _takes(wait, 2):

        def ask(loss: Loss, attempt: int, elapsed: float, draw: float) -> Any:
            return wait(attempt, draw)

    elif _takes(wait, 1):

        def ask(loss: Loss, attempt: int, elapsed: float, draw: float) -> Any:
            return wait(_retry_state(loss, attempt, elapsed, 0.0))

    else:
        raise TypeError(
            f"wait must be a tenacity wait object or a function of (attempt, draw), got {wait!r}"
        )

    def rule(loss: Loss, attempt: int, elapsed: float, draw: float) -> float:
        delay = float(ask(loss, attempt, elapsed, draw))
        # Written so that NaN is caught: it compares false with everything.
        if not delay >= 0:
            raise ValueError(
                f"wait={wait!r} returned {delay!r} for attempt {attempt}; a delay is a number of"
                " seconds from 0 up"
            )
        return min(cap, delay)

    return rule


def stop_rule(stop: Callable[..., Any]) -> Stop:
    """Bring what was plugged in as ``stop`` to one form.

    Args:
        stop: A function of ``(attempts, elapsed)``, or of tenacity's ``RetryCallState``.

    Raises:
        TypeError: If it is neither.
    """
    if _takes(stop, 2):
        return lambda _loss, attempts, elapsed, _delay: bool(stop(attempts, elapsed))
    if _takes(stop, 1):
        return lambda *facts: bool(stop(_retry_state(*facts)))
    raise TypeError(
        f"stop must be a tenacity stop object or a function of (attempts, elapsed), got {stop!r}"
    )


def _takes(plugged: Any, count: int) -> bool:
    """Tell whether a callable can be called with so many positional arguments."""
    if not callable(plugged) or isinstance(plugged, type):
        return False
    try:
        inspect.signature(plugged).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def _retry_state(loss: Loss, attempt: int, elapsed: float, delay: float) -> Any:
    """Describe an outage as tenacity would: it times calls, we are told the time."""
    import tenacity

    # No retry object and no function: nothing is being called. tenacity's own wait and stop
    # objects read only what is set below.
    state = tenacity.RetryCallState(retry_object=None, fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = attempt
    state.start_time = 0.0
    outcome = tenacity.Future(attempt)
    outcome.set_exception(loss.error)
    state.outcome = outcome
    state.outcome_timestamp = elapsed
    state.upcoming_sleep = delay
    return state
