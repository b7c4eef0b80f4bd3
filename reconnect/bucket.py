"""A token bucket: so many at once, then so many a second; pure arithmetic on a given time.

Kept as the time at which the bucket was, or will be, empty of debt (the "generic cell rate
algorithm", ITU-T I.371): one number instead of a count that has to be refilled.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

__all__ = ["Bucket"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """How many may go, and when.

    Args:
        rate: How many may go in a second, in the long run.
        burst: How many may go at once after a pause.
        full_at: When the bucket is full again, in seconds of any clock.

    Raises:
        ValueError: If ``rate`` is not positive and finite, or ``burst`` below 1.
    """

    rate: float
    burst: int
    full_at: float = -math.inf

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise ValueError(f"rate must be a positive, finite number a second, got {self.rate!r}")
        if not isinstance(self.burst, int) or self.burst < 1:
            raise ValueError(f"burst must be a whole number from 1 up, got {self.burst!r}")

    def wait(self, now: float) -> float:
        """Return the seconds until the next one may go.

        Args:
            now: The time in seconds.
        """
        return max(0.0, self.full_at - now - (self.burst - 1) / self.rate)

    def taken(self, now: float) -> Bucket:
        """Return the bucket after one has gone.

        Args:
            now: The time in seconds.
        """
        return replace(self, full_at=max(self.full_at, now) + 1 / self.rate)
