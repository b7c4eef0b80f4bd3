"""How long to wait before a dial: arithmetic on an attempt number and a draw.

Every function here is pure. The draw, a number in [0, 1), comes from the caller, so that a delay
can be computed again, tested without a seed and simulated by the million.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable

__all__ = ["Backoff", "check_backoff", "full_jitter"]

Backoff = Callable[[int, float], float]
"""What computes a delay: (attempt, draw) -> seconds."""


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
    if not 0 < base < math.inf:
        raise ValueError(f"base must be a positive, finite number of seconds, got {base!r}")
    if not 1 <= factor < math.inf:
        raise ValueError(f"factor must be finite and 1 or more, got {factor!r}")
    if not base <= cap < math.inf:
        raise ValueError(f"cap must be finite and at least base ({base!r} s), got {cap!r}")


def full_jitter(*, base: float, factor: float, cap: float) -> Backoff:
    """Return a backoff that draws from zero up to an exponentially growing, capped ceiling.

    ``delay = draw * min(cap, base * factor ** (attempt - 1))``. The cap comes before the jitter:
    were it the other way round, most clients at the cap would wait exactly the cap, and come back
    in step. Full jitter does the least work of the usual formulas; see "Exponential Backoff And
    Jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/.

    Args:
        base: The ceiling of the first delay, in seconds; positive.
        factor: What the ceiling is multiplied with from attempt to attempt; 1 or more.
        cap: The highest ceiling, in seconds; at least ``base``.

    Raises:
        ValueError: If a number is outside its range.
    """
    check_backoff(base=base, factor=factor, cap=cap)
    if factor == 1:
        cap, grown = base, 0.0
    else:
        # From this exponent on the ceiling is the cap and nothing is multiplied any more, so no
        # attempt number, however large, overflows. Catching OverflowError instead would compute a
        # needless power at every attempt of a long outage.
        largest = math.log(sys.float_info.max)
        grown = min(math.log(cap) - math.log(base), largest) / math.log(factor)

    def delay(attempt: int, draw: float) -> float:
        exponent = attempt - 1
        return draw * (cap if exponent >= grown else min(cap, base * factor**exponent))

    return delay
