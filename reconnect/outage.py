"""Counts the facts of an outage: which attempt, since when, what proves a connection, what repeats.

Pure: the time is an argument. The driver uses it, and your own reconnect loop can too.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ._failures.loss import PROOF_AGE, Family, Loss, Phase, read
from ._numbers import is_whole
from .errors import TooManyReconnects

__all__ = ["Outage", "check_count"]

_HOUR: Final = 3600.0
"""Seconds over which reconnects are counted."""

_TELLING: Final = 60
"""Characters of a text by which a failure is known again, without what has a digit in it: the
server puts an id of the request first."""


def check_count(name: str, count: object) -> None:
    """Raise for what is not a number of attempts or connections.

    Args:
        name: What it is called.
        count: What was given.

    Raises:
        ValueError: If it is not a whole number of at least 1.
    """
    if not (is_whole(count) and count >= 1):
        raise ValueError(f"{name} must be a whole number of at least 1, got {count!r}")


class Outage:
    """Keeps track of the facts that a policy needs: which attempt, since when, and what repeats.

    An outage begins with a loss and ends with *proof* that the session works: a completed turn, or
    ten seconds alive. Connecting is not proof: a server that accepts and hangs up would be retried
    at the first delay forever. Users have seen 1,700 connections a second.

    Your own reconnect loop needs nothing else, and never has to reset it::

        outage = Outage(max_reconnects_per_hour=policy.max_reconnects_per_hour)
        handle = None
        while True:
            outage.connecting(clock(), resumed=handle is not None)
            try:
                async with connect(handle) as session:
                    outage.connected(clock())
                    async for message in session:
                        handle = message.handle or handle
                        if message.turn_complete:
                            outage.proved()
                    break
            except Exception as error:
                now = clock()
                loss = outage.lost(error, now=now, handle=handle is not None)
            decision = policy.decide(
                loss, attempt=outage.attempt, elapsed=outage.elapsed(now), draw=random()
            )
            if isinstance(decision, Raise):
                raise decision.error
            if isinstance(decision, Restart):
                handle = None
            await sleep(decision.delay)

    It has no clock of its own: ``now`` is in seconds of any monotonic clock, such as
    ``time.monotonic``.

    Args:
        max_reconnects_per_hour: How many reconnects are allowed within an hour; None for no limit.

    Raises:
        ValueError: If ``max_reconnects_per_hour`` is below 1 or not a whole number.
    """

    def __init__(self, *, max_reconnects_per_hour: int | None = None) -> None:
        if max_reconnects_per_hour is not None:
            check_count("max_reconnects_per_hour", max_reconnects_per_hour)
        # The connection that is there or being made.
        self._resumed = False
        self._open_since: float | None = None
        self._proven = False
        # The outage. An attempt is noted when it begins; one that nobody noted, when it is lost.
        self._lost_at: float | None = None
        self._attempts = 0
        self._noted = False
        self._restarting = False
        self._unproven_moves = 0
        # What the last loss was, and how many in a row before it were the same.
        self._failure: object = None
        self._repeats = 0
        self._last_error: BaseException | None = None
        # The reconnects of the last hour.
        self._most = max_reconnects_per_hour
        self._reconnects: deque[float] = deque()
        self._connected_once = False

    @property
    def attempt(self) -> int:
        """The number of the next attempt in the outage, to pass to a policy; 1 or more."""
        return self._attempts + 1

    def elapsed(self, now: float) -> float:
        """Return the seconds since the outage began; 0 if there is none.

        Args:
            now: The time in seconds.
        """
        return 0.0 if self._lost_at is None else now - self._lost_at

    def connecting(self, now: float, *, resumed: bool) -> None:
        """Record that an attempt to connect begins.

        Args:
            now: The time in seconds.
            resumed: Whether it carries a handle.

        Raises:
            TooManyReconnects: If there were ``max_reconnects_per_hour`` reconnects within the last
                hour. Attempts that fail before setupComplete do not count: they belong to an
                outage, which the policy ends.
        """
        self._over(now)
        while self._reconnects and self._reconnects[0] <= now - _HOUR:
            self._reconnects.popleft()
        if self._most is not None and len(self._reconnects) >= self._most:
            raise TooManyReconnects(len(self._reconnects)) from self._last_error
        self._resumed = resumed
        if self._lost_at is not None:
            self._attempts += 1
            self._noted = True
            # Whoever has had a connection and asks for a new session has given up the old one.
            self._restarting = self._restarting or not resumed

    def connected(self, now: float) -> None:
        """Record that setupComplete has arrived.

        Args:
            now: The time in seconds.
        """
        if self._connected_once:
            self._reconnects.append(now)
        self._connected_once = True
        self._open_since = now

    def proved(self) -> None:
        """Record that a turn was completed: the connection works, and the outage is over."""
        self._proven = True

    def lost(
        self,
        error: BaseException,
        *,
        now: float,
        phase: Phase | None = None,
        handle: bool = False,
        go_away: bool = False,
        closing: bool = False,
    ) -> Loss:
        """Record a lost connection or a failed attempt, and return everything known about it.

        A failure counts as the same as the last one if it has the same code and essentially the
        same text, and if both connections carried a handle or neither did. Two closes without a
        reason do not count as the same: that is how a proxy closes while its server restarts.

        Args:
            error: The exception.
            now: The time in seconds.
            phase: How far the connection had come; None to infer it from the error: before
                `connected`, a WebSocket close belongs to the setup, and anything else to the
                connect.
            handle: Whether you currently hold a handle.
            go_away: Whether a go_away arrived on this connection.
            closing: Whether the caller asked to close.
        """
        if phase is None:
            phase = Phase.SETUP if read(error).family is Family.CLOSE else Phase.CONNECT
            phase = phase if self._open_since is None else Phase.SESSION
        age = self._age(now)
        repeats = self._seen_before(error, now)
        self._over(now)
        if self._lost_at is None:
            self._lost_at = now
        elif not self._noted:
            self._attempts += 1
        self._noted = False
        self._last_error = error
        return Loss(
            error=error,
            phase=phase,
            resumed=self._resumed,
            handle=handle,
            age=age,
            go_away=go_away,
            closing=closing,
            repeats=repeats,
            restarting=self._restarting,
        )

    def moved(self, now: float) -> ConnectionError | None:
        """Record a move before a go_away's deadline; return an error if it counts as a loss.

        A move is not a failure and does not wait for the backoff. But a server that immediately
        announces the end of every connection would be reconnected to without a pause. So from the
        second unproven connection in a row, a move counts as a loss: pass the error to `lost`.

        Args:
            now: The time in seconds.
        """
        self._unproven_moves = 0 if self._works(now) else self._unproven_moves + 1
        if self._unproven_moves < 2:
            self._over(now)
            return None
        return ConnectionAbortedError(
            f"the server announced the end of {self._unproven_moves} connections in a row before"
            " a turn was completed on any of them"
        )

    def _seen_before(self, error: BaseException, now: float) -> int:
        """Return how many losses in a row before this one were the same, and proved nothing."""
        if self._works(now):
            return 0
        seen = read(error)
        words = " ".join(word for word in seen.text.split() if not any(map(str.isdigit, word)))
        failure = (seen.family, seen.code, words[:_TELLING], self._resumed)
        same = bool(words) and failure == self._failure
        self._repeats = self._repeats + 1 if same else 0
        self._failure = failure
        return self._repeats

    def _over(self, now: float) -> None:
        """End the connection, and with it the outage if the connection was proof."""
        if self._works(now):
            self._lost_at, self._attempts = None, 0
            self._unproven_moves = 0
            self._restarting = False
            self._failure = None
        self._open_since = None
        self._proven = False

    def _works(self, now: float) -> bool:
        """Tell whether the connection has proven that the session works."""
        return self._proven or self._age(now) >= PROOF_AGE

    def _age(self, now: float) -> float:
        return 0.0 if self._open_since is None else now - self._open_since
