"""What a user plugs into the policy: tenacity's objects, or plain callables.

Both come down to one form each, so that the policy knows only that. tenacity is imported when
something of its kind is plugged in, and not before.

What is plugged in is checked when the policy is built: a mistake that shows in an outage shows too
late. A function is tried with the first question of an outage. One of ``(attempt, draw)`` or
``(attempts, elapsed)`` is pure by its contract, so nobody notices. One of a single argument is
given tenacity's ``RetryCallState``: by its signature it cannot be told from one that was written
for the number of the attempt, which is a common mistake, so it is tried too. tenacity's own
objects are not: they may draw from ``random``.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from reconnect._failures.loss import Loss

from .composition import DRAW, Backoff, takes

__all__ = ["Stop", "Wait", "answers_later", "stop_rule", "wait_rule"]

Wait: TypeAlias = Callable[[Loss, int, float, float], float]
"""(loss, attempt, elapsed, draw) -> seconds to wait before that attempt."""

Stop: TypeAlias = Callable[[Loss, int, float, float], bool]
"""(loss, attempts made, elapsed, the delay that would come next) -> whether to give up."""

_DRAWS: Final = (0.0, 0.5)
"""What a wait is tried with: the draw at which a division fails, and one of the usual."""

_NUMBERS: Final = frozenset({"attempt", "attempts", "attempt_number", "draw", "elapsed"})
"""Names that nobody gives to a ``RetryCallState``."""

_PARTS: Final = ("wait_funcs", "strategies", "stops")
"""Where tenacity's sums, chains, "and" and "or" keep what they are made of."""


def wait_rule(wait: Callable[..., Any], *, cap: float) -> Wait:
    """Bring what was plugged in as ``wait`` to one form.

    Args:
        wait: A function of ``(attempt, draw)``, or of tenacity's ``RetryCallState``.
        cap: What the result is clipped to, in seconds.

    Raises:
        TypeError: If it is neither, made of a part that is not, or fails over such a state.
        ValueError: If it fails when it is tried, or returns what is no delay.
    """
    _check(wait, name="wait", other="stop", form="(attempt, draw)")
    # Without the detour over Backoff.__call__, which has to find out who asks.
    function = wait.formula if isinstance(wait, Backoff) else wait
    pure = takes(function, 2)
    if pure:

        def ask(loss: Loss, attempt: int, elapsed: float, draw: float) -> Any:
            return function(attempt, draw)

    else:
        _try_with_a_state(wait, name="wait", form="(attempt, draw)")

        def ask(loss: Loss, attempt: int, elapsed: float, draw: float) -> Any:
            return wait(_retry_state(loss, attempt, elapsed, draw=draw))

    def rule(loss: Loss, attempt: int, elapsed: float, draw: float) -> float:
        return min(cap, _seconds(wait, ask(loss, attempt, elapsed, draw), attempt))

    if pure:
        for draw in _DRAWS:
            _check_seconds(wait, _try(function, 1, draw, name=f"wait={wait!r}"))
    return rule


def stop_rule(stop: Callable[..., Any]) -> Stop:
    """Bring what was plugged in as ``stop`` to one form.

    Args:
        stop: A function of ``(attempts, elapsed)``, or of tenacity's ``RetryCallState``.

    Raises:
        TypeError: If it is neither, made of a part that is not, or fails over such a state.
        ValueError: If it fails when it is tried, or returns what is neither true nor false.
    """
    _check(stop, name="stop", other="wait", form="(attempts, elapsed)")
    if takes(stop, 2):

        def rule(loss: Loss, attempts: int, elapsed: float, delay: float) -> bool:
            return bool(stop(attempts, elapsed))

        _try(lambda *asked: bool(stop(*asked)), 0, 0.0, name=f"stop={stop!r}")
        return rule
    _try_with_a_state(stop, name="stop", form="(attempts, elapsed)")
    return lambda loss, attempts, elapsed, delay: bool(
        stop(_retry_state(loss, attempts, elapsed, delay=delay))
    )


def _seconds(wait: Any, found: Any, attempt: int) -> float:
    """Return what a wait returned as a number of seconds; raise if it is none."""
    try:
        delay = float(found)
    except OverflowError:
        delay = math.inf
    except (TypeError, ValueError):
        delay = math.nan
    # Written so that NaN is caught: it compares false with everything.
    if not delay >= 0:
        raise ValueError(
            f"wait={wait!r} returned {found!r} for attempt {attempt}; a delay must be a number of"
            " seconds, 0 or more"
        )
    return delay


def _check_seconds(wait: Any, found: Any) -> None:
    """Raise if what a wait returned for the first attempt is not a number of seconds."""
    # A bool passes for a number, but who returns one has written a stop.
    _seconds(wait, str(found) if isinstance(found, bool) else found, 1)


def _check(plugged: Any, *, name: str, other: str, form: str) -> None:
    """Raise for what can be seen to be wrong without a call."""
    fits = takes(plugged, 2) or takes(plugged, 1)
    # tenacity's stops and conditions can be called like its waits, and return True for a second.
    strangers = _tenacity(other), _tenacity("retry")
    if not fits or answers_later(plugged) or isinstance(plugged, strangers):
        raise TypeError(
            f"{name} must be a tenacity {name} object or a function of {form}, got {plugged!r}"
        )
    for part in _parts(plugged):
        if not takes(part, 1) or answers_later(part) or isinstance(part, strangers):
            raise TypeError(
                f"{name} must be made of tenacity {name} objects, but one of its parts is {part!r}"
            )


def _tenacity(kind: str) -> type:
    """Return the base of tenacity's waits, stops or retries; of nothing if it is not loaded."""
    # Whoever has an object of tenacity's has imported tenacity.
    found = getattr(sys.modules.get(f"tenacity.{kind}"), f"{kind}_base", None)
    return found if isinstance(found, type) else type(None)


def _parts(plugged: Any) -> list[Any]:
    """Return what a sum, chain, "and" or "or" of tenacity's is made of, down to the last."""
    if not isinstance(plugged, (_tenacity("wait"), _tenacity("stop"))):
        return []
    parts = [part for name in _PARTS for part in getattr(plugged, name, ())]
    return [*parts, *(deeper for part in parts for deeper in _parts(part))]


def answers_later(plugged: Any) -> bool:
    """Tell whether a call returns a coroutine or a generator and no answer.

    Args:
        plugged: What would be called.
    """
    return any(
        asks(called)
        for called in (plugged, getattr(plugged, "__call__", None))  # noqa: B004 (its kind is asked for)
        for asks in (
            inspect.iscoroutinefunction,
            inspect.isgeneratorfunction,
            inspect.isasyncgenfunction,
        )
    )


def _try(function: Callable[..., Any], *asked: float, name: str) -> Any:
    """Ask the first question of an outage; name what fails over it."""
    try:
        return function(*asked)
    except Exception as error:
        raise ValueError(f"{name} failed when it was tried with {asked}: {error!r}") from error


def _try_with_a_state(plugged: Any, *, name: str, form: str) -> None:
    """Ask a function of one argument the first question of an outage, as tenacity would."""
    if isinstance(plugged, (Backoff, _tenacity(name))):
        return
    attempt = 1 if name == "wait" else 0
    state = _retry_state(Loss(ConnectionError("a trial")), attempt, 0.0, draw=0.0)
    found, failed = None, None
    try:
        found = plugged(state)
        if name == "wait":
            _check_seconds(plugged, found)
    except Exception as error:
        failed = error
    # What compares its argument with a number, or returns it, does not fail over a state.
    if failed is not None or found is state or _parameter(plugged) in _NUMBERS:
        how = "" if failed is None else f", and failed over one: {failed!r}"
        raise TypeError(
            f"{name}={plugged!r} takes one argument, so it receives tenacity's RetryCallState{how};"
            f" write a function of {form}, or read the number from state.attempt_number"
        ) from failed


def _parameter(plugged: Any) -> str:
    """Return the name of the first parameter of a callable."""
    return next(iter(inspect.signature(plugged).parameters))


def _retry_state(
    loss: Loss, attempt: int, elapsed: float, *, delay: float = 0.0, draw: float | None = None
) -> Any:
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
    setattr(state, DRAW, draw)
    return state
