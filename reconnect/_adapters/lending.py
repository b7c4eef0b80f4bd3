"""Lends a policy to other libraries: to ``websockets.connect(...)`` and to tenacity.

The policy has neither clock nor randomness; these two bring none either, so both are taken here.
What is lent is a question to ask, and not the policy: this module need not know it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Final, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    import tenacity

__all__ = ["Ask", "delays", "retrying"]

_UNKNOWN: Final = "the attempt failed, and it is not known how"


class Ask(Protocol):
    """What to do about the next failure of one outage."""

    def __call__(
        self, error: BaseException, /, *, now: float, draw: float
    ) -> float | BaseException:
        """Return the seconds to wait before the next attempt, or what to raise instead.

        Args:
            error: What the attempt failed with.
            now: The time in seconds.
            draw: A random number in [0, 1).
        """
        ...


def _ask(ask: Ask, error: BaseException | None) -> float | BaseException:
    return ask(
        error or ConnectionError(_UNKNOWN),
        now=time.monotonic(),
        draw=random.random(),  # noqa: S311 (spreads attempts, keeps no secret)
    )


def delays(ask: Ask) -> Generator[float]:
    """Yield the seconds to wait before each attempt of an outage.

    websockets asks for the next delay while it handles what the attempt failed with. That
    exception is read, so a server that throttles is left alone for as long as it asks.

    Args:
        ask: Asked about each failure.

    Raises:
        ReconnectExhausted: If the policy's budget is spent, from the last error.
    """
    while True:
        answer = _ask(ask, sys.exc_info()[1])
        if isinstance(answer, BaseException):
            raise answer
        yield answer


def retrying(
    outage: Callable[[], Ask], passes: Callable[[BaseException], bool], **options: Any
) -> tenacity.AsyncRetrying:
    """Return a tenacity object that tries a coroutine again as the policy would connect again.

    Args:
        outage: Returns what is asked about the failures of one call.
        passes: Tells whether to try again over an exception, as far as it alone tells.
        **options: What else ``AsyncRetrying`` takes, such as ``sleep`` or ``before_sleep``.
    """
    import tenacity  # noqa: PLC0415 (imported with the first use)

    # tenacity asks three questions about a failure, in an order that depends on its version; they
    # are answered from one.
    outages: WeakKeyDictionary[tenacity.RetryCallState, Ask] = WeakKeyDictionary()
    answers: WeakKeyDictionary[tenacity.RetryCallState, tuple[int, float | BaseException]] = (
        WeakKeyDictionary()
    )

    def answer(state: tenacity.RetryCallState) -> float | BaseException:
        number, known = answers.get(state, (0, 0.0))
        if number != state.attempt_number:
            ask = outages.get(state) or outages.setdefault(state, outage())
            known = _ask(ask, None if state.outcome is None else state.outcome.exception())
            answers[state] = state.attempt_number, known
        return known

    def wait(state: tenacity.RetryCallState) -> float:
        known = answer(state)
        return 0.0 if isinstance(known, BaseException) else known

    def stop(state: tenacity.RetryCallState) -> bool:
        return isinstance(answer(state), BaseException)

    def give_up(state: tenacity.RetryCallState) -> Any:
        known: Any = answer(state)
        raise known

    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(passes),
        wait=wait,
        stop=stop,
        retry_error_callback=give_up,
        **options,
    )
