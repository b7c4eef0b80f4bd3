"""How long to wait before an attempt: arithmetic on an attempt number and a draw.

Every formula here is pure. The caller passes the draw, a number in [0, 1), so a delay can be
reproduced, tested without a seed and simulated by the million. Each function returns a `Backoff`,
which is called with ``(attempt, draw)``, can be added to another one or to tenacity's ``wait_*``
objects, and can be used as a wait in tenacity itself.

All formulas except `constant` are from "Exponential Backoff And Jitter",
https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from ._adapters.composition import Backoff
from ._adapters.scatter import mix, unit
from ._numbers import is_number

__all__ = [
    "Backoff",
    "check_backoff",
    "constant",
    "decorrelated_jitter",
    "equal_jitter",
    "exponential",
    "full_jitter",
]

_CHAIN: Final = 64
"""Steps after which a chain of decorrelated delays is cut: with a ratio of cap to base of 30, its
delays are then distributed as after any number of steps."""


def check_backoff(*, base: float, factor: float, cap: float) -> None:
    """Raise for numbers from which no backoff can be computed.

    Args:
        base: Seconds.
        factor: A ratio.
        cap: Seconds.

    Raises:
        ValueError: If ``base`` is not positive, ``factor`` is below 1, ``cap`` is below ``base``,
            or any of them is not a finite number.
    """
    if not (is_number(base) and 0 < base < math.inf):
        raise ValueError(f"base must be a positive, finite number of seconds, got {base!r}")
    if not (is_number(factor) and 1 <= factor < math.inf):
        raise ValueError(f"factor must be finite and 1 or more, got {factor!r}")
    if not (is_number(cap) and base <= cap < math.inf):
        raise ValueError(f"cap must be finite and at least base ({base!r} s), got {cap!r}")


def full_jitter(*, base: float, factor: float, cap: float) -> Backoff:
    """Return a backoff between zero and an exponentially growing, capped ceiling.

    ``delay = draw * min(cap, base * factor ** (attempt - 1))``. The cap is applied before the
    jitter: the other way round, most clients at the cap would wait exactly the cap, and come back
    in lockstep. Of the usual formulas, full jitter puts the least load on the server.

    Args:
        base: The ceiling of the first delay, in seconds; positive.
        factor: The factor by which the ceiling grows from attempt to attempt; 1 or more.
        cap: The highest ceiling, in seconds; at least ``base``.

    Raises:
        ValueError: If a number is outside its range.
    """
    return Backoff(
        partial(_full, _ceiling(base=base, factor=factor, cap=cap)),
        name=f"full_jitter(base={base!r}, factor={factor!r}, cap={cap!r})",
    )


def equal_jitter(*, base: float, factor: float, cap: float) -> Backoff:
    """Return a backoff between half the ceiling and the ceiling.

    ``delay = (1 + draw) / 2 * min(cap, base * factor ** (attempt - 1))``. Use it for servers to
    which you must not reconnect immediately. At the cap, the load is two thirds of full jitter's.

    Args:
        base: The ceiling of the first delay, in seconds; positive.
        factor: The factor by which the ceiling grows from attempt to attempt; 1 or more.
        cap: The highest ceiling, in seconds; at least ``base``.

    Raises:
        ValueError: If a number is outside its range.
    """
    return Backoff(
        partial(_equal, _ceiling(base=base, factor=factor, cap=cap)),
        name=f"equal_jitter(base={base!r}, factor={factor!r}, cap={cap!r})",
    )


def decorrelated_jitter(*, base: float, cap: float, factor: float = 3.0) -> Backoff:
    """Return a backoff between ``base`` and a multiple of the previous delay.

    ``delay = min(cap, base + draw * (factor * before - base))``, where ``before`` is ``base`` at
    the first attempt. After that, it is the previous delay in a chain of draws computed from
    ``draw``. So no state is needed, the same input gives the same delay, and over many clients each
    delay has the same distribution as in a chain with memory. The drawback: within one client, a
    delay is not derived from the delay that actually preceded it. Passing in the previous delay was
    rejected, because the result would not be a function of (attempt, draw).

    A chain ends after 64 steps: later attempts wait like the 64th.

    Args:
        base: The shortest delay, in seconds; positive.
        cap: The longest delay, in seconds; at least ``base``.
        factor: The longest next delay, as a multiple of the previous one; 1 or more.

    Raises:
        ValueError: If a number is outside its range.
    """
    check_backoff(base=base, factor=factor, cap=cap)
    return Backoff(
        partial(_decorrelated, base, cap, factor),
        name=f"decorrelated_jitter(base={base!r}, cap={cap!r}, factor={factor!r})",
    )


def exponential(*, base: float, factor: float, cap: float) -> Backoff:
    """Return a backoff that grows exponentially up to a cap, and ignores the draw.

    ``delay = min(cap, base * factor ** (attempt - 1))``. Clients that lose their connections
    together come back together, again and again. Use it as one term of a sum, or for a single
    client.

    Args:
        base: The first delay, in seconds; positive.
        factor: The factor by which the delay grows from attempt to attempt; 1 or more.
        cap: The longest delay, in seconds; at least ``base``.

    Raises:
        ValueError: If a number is outside its range.
    """
    return Backoff(
        partial(_bare, _ceiling(base=base, factor=factor, cap=cap)),
        name=f"exponential(base={base!r}, factor={factor!r}, cap={cap!r})",
    )


def constant(seconds: float) -> Backoff:
    """Return a backoff that is always the same.

    ``delay = seconds``, whatever the attempt and the draw.

    Args:
        seconds: The delay; 0 or more.

    Raises:
        ValueError: If ``seconds`` is negative or not a finite number.
    """
    if not (is_number(seconds) and 0 <= seconds < math.inf):
        raise ValueError(f"seconds must be finite and 0 or more, got {seconds!r}")
    return Backoff(partial(_always, seconds), name=f"constant({seconds!r})")


# The formulas: functions of the module and no closures, so that a policy can be pickled.

_Ceiling: TypeAlias = Callable[[int], float]


def _ceiling(*, base: float, factor: float, cap: float) -> _Ceiling:
    """Return ``min(cap, base * factor ** (attempt - 1))`` as a function that never overflows."""
    check_backoff(base=base, factor=factor, cap=cap)
    if factor == 1:
        return partial(_flat, base)
    # From this exponent on the ceiling is the cap and nothing is multiplied any more, so no
    # attempt number, however large, overflows. Catching OverflowError instead would compute a
    # needless power at every attempt of a long outage.
    largest = math.log(sys.float_info.max)
    grown = min(math.log(cap) - math.log(base), largest) / math.log(factor)
    return partial(_growing, base, factor, cap, grown)


def _flat(base: float, _attempt: int) -> float:
    return base


def _growing(base: float, factor: float, cap: float, grown: float, attempt: int) -> float:
    exponent = attempt - 1
    return cap if exponent >= grown else min(cap, base * factor**exponent)


def _full(ceiling: _Ceiling, attempt: int, draw: float) -> float:
    return draw * ceiling(attempt)


def _equal(ceiling: _Ceiling, attempt: int, draw: float) -> float:
    return (1 + draw) / 2 * ceiling(attempt)


def _bare(ceiling: _Ceiling, attempt: int, _draw: float) -> float:
    return ceiling(attempt)


def _always(seconds: float, _attempt: int, _draw: float) -> float:
    return seconds


def _decorrelated(base: float, cap: float, factor: float, attempt: int, draw: float) -> float:
    start, delay = int(draw * 2**53), base
    last = min(attempt, _CHAIN)
    for step in range(1, last + 1):
        drawn = draw if step == last else unit(mix(start, step))
        # Infinity times a draw of 0 would be no number.
        highest = min(factor * delay, sys.float_info.max)
        delay = min(cap, base + drawn * (highest - base))
    return delay
