"""Follows what a policy does about a failure that comes again and again: pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from reconnect._failures.loss import PROOF_AGE, Loss, Phase
from reconnect.policy import Raise, ReconnectPolicy, Restart

__all__ = ["Action", "Step", "steps"]

_MOST_STEPS: Final = 100
"""Steps that are followed at most, for a policy that never gives up."""

_ALMOST_ONE: Final = math.nextafter(1.0, 0.0)
_HALF: Final = 0.5

_DIGITS: Final = 6
"""Digits of the longest delay, which is a little less than a round number: no draw is 1."""


Action: TypeAlias = Literal["resume", "restart", "raise"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a policy does.

    Args:
        attempt: Its number.
        action: What it does: ``resume``, ``restart`` or ``raise``.
        least: The shortest delay before it, in seconds; None where it gives up.
        most: The longest delay before it, in seconds; None where it gives up.
        at: Seconds since the outage began, with delays in the middle of their range.
        error: The name of what is raised in place of the failure; None for the failure itself.
    """

    attempt: int
    action: Action
    least: float | None
    most: float | None
    at: float
    error: str | None = None


def steps(policy: ReconnectPolicy, loss: Loss) -> Iterator[Step]:
    """Follow what a policy does about a loss if every attempt after it fails in the same way.

    The delays are taken at the middle of their range, so that the time of each step is the usual.

    Args:
        policy: Who decides.
        loss: The first loss of the outage.
    """
    at = 0.0
    for attempt in range(1, _MOST_STEPS + 1):
        middle, shortest, longest = (
            policy.decide(loss, attempt=attempt, elapsed=at, draw=draw)
            for draw in (_HALF, 0.0, _ALMOST_ONE)
        )
        if isinstance(middle, Raise) or isinstance(shortest, Raise) or isinstance(longest, Raise):
            given_up = next(d for d in (middle, shortest, longest) if isinstance(d, Raise))
            same = given_up.error is loss.error
            error = None if same else type(given_up.error).__name__
            yield Step(attempt, "raise", None, None, at, error)
            return
        fresh = isinstance(middle, Restart)
        at += middle.delay
        yield Step(
            attempt,
            "restart" if fresh else "resume",
            shortest.delay,
            round(longest.delay, _DIGITS),
            at,
        )
        loss = _again(loss, resumed=not fresh)


def _again(loss: Loss, *, resumed: bool) -> Loss:
    """Return the loss of the next connection, which fails like the last and proves nothing."""
    proven = loss.phase is Phase.SESSION and loss.age >= PROOF_AGE
    same = resumed is loss.resumed and not proven
    return replace(
        loss,
        resumed=resumed,
        handle=resumed,
        age=0.0,
        go_away=False,
        repeats=loss.repeats + 1 if same else 0,
    )
