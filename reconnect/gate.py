"""Limits the rate at which the sessions of a process connect."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from types import TracebackType

from ._numbers import is_number, is_whole

__all__ = ["ReconnectGate"]


class ReconnectGate:
    """Limits the rate of attempts across all sessions that share it.

    After an outage, all sessions of a process want to reconnect at once. The policy's jitter
    spreads them out, and the gate limits their rate. Attempts are served in order; an attempt that
    is cancelled while it waits does not delay the others.

    A gate belongs to the event loop on which it is first used::

        gate = ReconnectGate(rate=5, burst=10)
        async with ResumableSession(live, model=MODEL, gate=gate) as session: ...

    Args:
        rate: How many attempts may begin per second, on average.
        burst: How many may begin at once after a pause.
        concurrent: How many may be in progress at a time, up to setupComplete; None for no limit.

    Raises:
        ValueError: If ``rate`` is not positive and finite, or if ``burst`` or ``concurrent`` is
            below 1.
    """

    def __init__(self, *, rate: float, burst: int = 1, concurrent: int | None = None) -> None:
        self._bucket = _Bucket(rate=rate, burst=burst)
        if concurrent is not None and not (is_whole(concurrent) and concurrent >= 1):
            raise ValueError(f"concurrent must be a whole number of at least 1, got {concurrent!r}")
        self._concurrent = concurrent
        # asyncio's locks and semaphores wake those who wait in the order in which they came.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()
        self._places = None if concurrent is None else asyncio.Semaphore(concurrent)

    def __repr__(self) -> str:
        bucket = self._bucket
        return (
            f"ReconnectGate(rate={bucket.rate!r}, burst={bucket.burst!r},"
            f" concurrent={self._concurrent!r})"
        )

    async def __aenter__(self) -> None:
        """Wait until an attempt may begin.

        Raises:
            RuntimeError: If it was first used on another event loop.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            # asyncio's lock says so only where somebody has to wait for it.
            raise RuntimeError(
                f"{self!r} belongs to the event loop on which it was first used, but was used on"
                " another; create one gate per loop"
            )
        clock = loop.time
        async with self._turn, AsyncExitStack() as place:
            if self._places is not None:
                await place.enter_async_context(self._places)
            await asyncio.sleep(self._bucket.wait(clock()))
            self._bucket = self._bucket.taken(clock())
            # Kept until the attempt is over: nobody has cancelled us so far.
            place.pop_all()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Record that the attempt is over."""
        if self._places is not None:
            self._places.release()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bucket:
    """A token bucket: so many at once, then so many a second; pure arithmetic on a given time.

    Kept as the time at which it is full again (the "generic cell rate algorithm", ITU-T I.371): one
    number instead of a count that has to be refilled.

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
        if not (is_number(self.rate) and 0 < self.rate < math.inf):
            raise ValueError(f"rate must be a positive, finite number a second, got {self.rate!r}")
        if not (is_whole(self.burst) and self.burst >= 1):
            raise ValueError(f"burst must be a whole number of at least 1, got {self.burst!r}")

    def wait(self, now: float) -> float:
        """Return the seconds until the next one may go.

        Args:
            now: The time in seconds.
        """
        return max(0.0, self.full_at - now - (self.burst - 1) / self.rate)

    def taken(self, now: float) -> _Bucket:
        """Return the bucket after one has gone.

        Args:
            now: The time in seconds.
        """
        return replace(self, full_at=max(self.full_at, now) + 1 / self.rate)
