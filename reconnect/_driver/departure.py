"""When to leave a connection: before the end that a go_away announces, or for want of an answer.

Pure: the time comes in as ``now``, in seconds of any clock that only moves forward.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Final

from reconnect.errors import ResumeUnconfirmed

__all__ = ["Departure", "GoAway", "Leave", "parse_time_left"]

DEFAULT_NOTICE: Final = 30.0
"""Seconds taken for the notice of a go_away that names none, or one that cannot be read."""

MOVE_WITHIN: Final = 60.0
"""Seconds before the deadline from which a quiet session moves. Notices of five minutes, one
second into a connection, are real: moving at once would rotate the session for ever."""

LEAST_MARGIN: Final = 1.0
"""Seconds before the deadline at which a session moves, quiet or not."""

_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s")


def parse_time_left(text: str) -> float:
    """Read a protobuf Duration such as ``"9.951s"``, in seconds.

    Source: https://protobuf.dev/reference/protobuf/google.protobuf/#duration.

    Raises:
        ValueError: If it is no duration, or a negative one.
    """
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(f"time_left must be a duration such as '9.951s', got {text!r}")
    return float(found[1])


@dataclass(frozen=True, slots=True)
class GoAway:
    """An announced end of the connection.

    Args:
        notice: Seconds between the announcement and the end.
        deadline: When the connection ends.
        announced: What the server sent as ``time_left``.
        readable: Whether that could be read.
        quiet_at: When a session moves that is quiet then; one that is not moves as soon as it is.
        busy_at: When a session moves, quiet or not.
    """

    notice: float
    deadline: float
    announced: str | None
    readable: bool
    quiet_at: float
    busy_at: float


@dataclass(frozen=True, slots=True)
class Leave:
    """When a connection is to be left.

    Args:
        at: The time in seconds.
        error: What it is then lost with; None where the session moves, and nothing is lost.
    """

    at: float
    error: Exception | None = None


class Departure:
    """What is known of when the connection of a session has to be left.

    Args:
        confirm_timeout: Seconds after a resume within which the server must have sent a
            ``session_resumption_update``; None where it need not.
    """

    def __init__(self, *, confirm_timeout: float | None = None) -> None:
        self.go_away: GoAway | None = None
        self._confirm_timeout = confirm_timeout
        # When and why a resume is given up that nothing has confirmed yet.
        self._unconfirmed: Leave | None = None
        self._began = 0.0
        self._slowest = 0.0

    def connecting(self, now: float) -> None:
        """Note that an attempt to connect begins."""
        self.go_away = None
        self._unconfirmed = None
        self._began = now

    def connected(self, now: float, *, resumed: bool) -> None:
        """Note that setupComplete has come.

        Args:
            now: The time in seconds.
            resumed: Whether the connection was opened with a handle.
        """
        if resumed and self._confirm_timeout is not None:
            timeout = self._confirm_timeout
            self._unconfirmed = Leave(now + timeout, ResumeUnconfirmed(timeout))
        self._slowest = max(self._slowest, now - self._began)

    @property
    def pending(self) -> bool:
        """Whether there is a reason to leave, now or later."""
        return self.go_away is not None or self._unconfirmed is not None

    def confirmed(self) -> None:
        """Note a ``session_resumption_update``: a resume, if it was one, has led somewhere."""
        self._unconfirmed = None

    def announced(self, now: float, time_left: str | None, *, draw: float) -> GoAway:
        """Note a go_away and return what it means.

        A server that is taken down says so to all its sessions at once. Were each to move as soon
        as it may, the next server would get all their connections in one instant.

        Args:
            now: The time in seconds.
            time_left: What the server sent; None where it sent nothing.
            draw: A random number in [0, 1), which spreads the moves of many quiet sessions.
        """
        notice, readable = DEFAULT_NOTICE, False
        if time_left is not None:
            # What the server gets wrong must not end the session.
            with contextlib.suppress(ValueError):
                notice, readable = parse_time_left(time_left), True
        deadline = now + notice
        latest = deadline - min(max(LEAST_MARGIN, self._slowest), notice / 3)
        # Where connecting takes longer than the window is wide, there is no choice left.
        earliest = min(max(now, deadline - MOVE_WITHIN), latest)
        quiet_at = min(earliest + draw * (latest - earliest), latest)
        self.go_away = GoAway(notice, deadline, time_left, readable, quiet_at, latest)
        return self.go_away

    def leave(self, *, quiet: bool, handle: bool) -> Leave | None:
        """Return when to leave the connection, and why; None while there is no reason to.

        A resume that must be confirmed, and is not by then, is given up: some sessions come back
        open, and generate nothing.

        After a go_away a quiet session moves within the last minute of the notice, at a moment
        that is drawn, or at the first quiet one after it. A busy session stays until there is
        just time to connect, and leaves at least two thirds of the notice to the reply under way.
        Without a handle there is nothing to move with: the connection is used to its end, and
        taken for lost soon after the deadline, since the server may have gone silent instead of
        closing.

        Args:
            quiet: Whether nothing is open, so that a move interrupts nothing.
            handle: Whether a handle is held.
        """
        reasons = [self._unconfirmed, self._going_away(quiet=quiet, handle=handle)]
        return min(
            (leave for leave in reasons if leave is not None),
            key=lambda leave: leave.at,
            default=None,
        )

    def _going_away(self, *, quiet: bool, handle: bool) -> Leave | None:
        if self.go_away is None:
            return None
        if not handle:
            silent = TimeoutError("the deadline of the go_away has passed and the server is silent")
            return Leave(self.go_away.deadline + LEAST_MARGIN, silent)
        return Leave(self.go_away.quiet_at if quiet else self.go_away.busy_at)
