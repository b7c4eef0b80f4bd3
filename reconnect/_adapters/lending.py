"""Lends a policy to other libraries: to ``websockets.connect(...)`` and to tenacity.

The policy has neither clock nor randomness; these two bring none either, so both are taken here.
There is no handle and no session, only something that can be tried again. So whatever may pass is
tried again, as if a handle were held.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final, cast
from weakref import WeakKeyDictionary

from reconnect._driver.link import Link
from reconnect._failures.loss import Family, Loss, Phase, read
from reconnect.policy import Decision, Raise, ReconnectPolicy

if TYPE_CHECKING:
    import tenacity

__all__ = ["delays", "process", "retrying"]

_UNKNOWN: Final = "the dial failed, and it is not known how"


class _Outage:
    """The failures in a row of one thing that is tried again and again."""

    def __init__(self) -> None:
        self._link = Link()
        self._attempt = 0

    def decide(self, policy: ReconnectPolicy, error: BaseException) -> Decision:
        """Ask a policy about the next failure."""
        now = time.monotonic()
        self._attempt += 1
        self._link.dialling(now, resumed=False)
        loss = self._link.lost(error, now, phase=_phase(error), handle=True, closing=False)
        elapsed = self._link.outage(now)
        draw = random.random()  # noqa: S311
        return policy.decide(loss, attempt=self._attempt, elapsed=elapsed, draw=draw)


def _phase(error: BaseException) -> Phase:
    return Phase.SESSION if read(error).family is Family.CLOSE else Phase.CONNECT


def process(policy: ReconnectPolicy, error: Exception) -> Exception | None:
    """Tell whether a dial that failed is to be tried again: None if so, else what to raise.

    Args:
        policy: Who decides.
        error: What the dial failed with.
    """
    loss = Loss(error, phase=_phase(error), handle=True)
    decision = policy.decide(loss, attempt=1, elapsed=0.0, draw=0.0)
    if not isinstance(decision, Raise):
        return None
    # The error itself, or what was made of it: no bare BaseException either way.
    return cast("Exception", decision.error)


def delays(policy: ReconnectPolicy) -> Generator[float]:
    """Yield the seconds to wait before each dial of an outage.

    websockets asks for the next delay while it handles what the dial failed with. That exception
    is read, so a server that throttles is left alone for as long as it asks.

    Args:
        policy: Who decides.

    Raises:
        ReconnectExhausted: If the policy's budget is spent, from the last error.
    """
    outage = _Outage()
    while True:
        decision = outage.decide(policy, sys.exc_info()[1] or ConnectionError(_UNKNOWN))
        if isinstance(decision, Raise):
            raise decision.error
        yield decision.delay


def retrying(policy: ReconnectPolicy, **options: Any) -> tenacity.AsyncRetrying:
    """Return a tenacity object that tries a coroutine again as the policy would dial again.

    Args:
        policy: Who decides.
        **options: What else ``AsyncRetrying`` takes, such as ``sleep`` or ``before_sleep``.
    """
    import tenacity  # noqa: PLC0415 (imported with the first use)

    # tenacity asks three questions about a failure, in an order that depends on its version; they
    # are answered from one decision.
    outages: WeakKeyDictionary[tenacity.RetryCallState, _Outage] = WeakKeyDictionary()
    decided: WeakKeyDictionary[tenacity.RetryCallState, tuple[int, Decision]] = WeakKeyDictionary()

    def decide(state: tenacity.RetryCallState) -> Decision:
        number, decision = decided.get(state, (0, None))
        if decision is None or number != state.attempt_number:
            error = state.outcome and state.outcome.exception()
            outage = outages.setdefault(state, _Outage())
            decision = outage.decide(policy, error or ConnectionError(_UNKNOWN))
            decided[state] = state.attempt_number, decision
        return decision

    def wait(state: tenacity.RetryCallState) -> float:
        decision = decide(state)
        return 0.0 if isinstance(decision, Raise) else decision.delay

    def stop(state: tenacity.RetryCallState) -> bool:
        return isinstance(decide(state), Raise)

    def give_up(state: tenacity.RetryCallState) -> Any:
        decision: Any = decide(state)
        raise decision.error

    return tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(lambda error: _passes(policy, error)),
        wait=wait,
        stop=stop,
        retry_error_callback=give_up,
        **options,
    )


def _passes(policy: ReconnectPolicy, error: BaseException) -> bool:
    return isinstance(error, Exception) and process(policy, error) is None
