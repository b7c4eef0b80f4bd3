"""The switch that takes the waiting out of reconnects while tests run.

It is the driver's, not the policy's: a policy is asked, and answers, as in production, and what it
has decided is then carried out almost at once. So nothing has to be handed to a session that an
application makes for itself.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from reconnect.errors import ReconnectExhausted
from reconnect.outage import check_count
from reconnect.policy import Raise

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from reconnect.gate import ReconnectGate
    from reconnect.policy import Decision

__all__ = ["VARIABLE", "gate_for", "hurried", "is_testing", "set_testing"]

VARIABLE: Final = "RECONNECT_TESTING"
"""The environment variable that turns it on in a process of its own; ``0`` is off."""

PAUSE: Final = 0.01
"""Seconds that are waited all the same: with none, a server that is away is asked 200 times a
second, and each attempt is an event and a line of the log."""


@dataclass(frozen=True, eq=False)
class _Choice:
    testing: bool
    attempts: int | None = None


_choices: list[_Choice] = []
"""What was chosen, the newest last; a `with` block takes back its own."""


def set_testing(
    testing: bool = True,  # noqa: FBT001, FBT002 (as stamina's function of this name)
    *,
    attempts: int | None = None,
) -> AbstractContextManager[object]:
    """Make every session in this process reconnect without delay, or restore the delays.

    The policy decides as usual, but its decisions are carried out after at most a hundredth of a
    second, and a `ReconnectGate` lets every attempt through. This applies from now on, or for a
    ``with`` block::

        with set_testing(attempts=3):
            ...

    Args:
        testing: Whether to skip the delays; False keeps them even if the environment variable
            ``RECONNECT_TESTING`` is set.
        attempts: How many attempts in a row may fail before `ReconnectExhausted` is raised,
            whatever the policy says; None leaves it to the policy. Without delays, the five minutes
            of the default policy would be five minutes of continuous attempts.

    Raises:
        ValueError: If ``attempts`` is below 1 or not a whole number.
    """
    if attempts is not None:
        check_count("attempts", attempts)
    choice = _Choice(testing, attempts)
    _choices.append(choice)
    block = ExitStack()
    block.callback(_take_back, choice)
    return block


def _take_back(choice: _Choice) -> None:
    _choices[:] = [other for other in _choices if other is not choice]


def is_testing() -> bool:
    """Return whether reconnects skip the delays, by `set_testing` or by the environment."""
    if _choices:
        return _choices[-1].testing
    return os.environ.get(VARIABLE, "0") not in {"", "0"}


def hurried(decision: Decision, *, attempt: int, elapsed: float, error: BaseException) -> Decision:
    """Return what is done about a loss: what was decided, without the waiting in a test run.

    Args:
        decision: What the policy has decided.
        attempt: Which attempt it is about: 1 for the first.
        elapsed: Seconds since the outage began.
        error: What was lost.
    """
    if not is_testing() or isinstance(decision, Raise):
        return decision
    most = _choices[-1].attempts if _choices else None
    made = attempt - 1
    if most is not None and made >= most:
        exhausted = ReconnectExhausted(attempts=made, elapsed=elapsed)
        exhausted.__cause__ = error
        return Raise(exhausted)
    return replace(decision, delay=min(decision.delay, PAUSE))


def gate_for(gate: ReconnectGate | None) -> AbstractAsyncContextManager[object]:
    """Return what spaces the attempts: nothing does in a test run.

    Args:
        gate: The session's own.
    """
    return nullcontext() if gate is None or is_testing() else gate
