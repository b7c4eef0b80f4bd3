"""What is known of the connection: its age, its go-away, and the outage it may be part of.

Pure: the time comes in as ``now``, in seconds of any clock that only moves forward.

An outage begins with a loss and ends with *proof* that the session works: a turn completed on the
new connection, or ten seconds alive. A mere connect is no proof. A server that accepts and hangs
up at once would otherwise be dialled at the first delay for ever: users saw 1,700 dials a second.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from reconnect._failures.loss import Loss, Phase, read
from reconnect.errors import ResumeUnconfirmed, TooManyReconnects

__all__ = ["GoAway", "Leave", "Link", "parse_time_left"]

PROOF_AGE: Final = 10.0
"""Seconds alive that prove a connection."""

DEFAULT_NOTICE: Final = 30.0
"""Seconds taken for the notice of a go_away that names none, or one that cannot be read."""

MOVE_WITHIN: Final = 60.0
"""Seconds before the deadline from which a quiet session moves. Notices of five minutes, one
second into a connection, are real: moving at once would rotate the session for ever."""

LEAST_MARGIN: Final = 1.0
"""Seconds before the deadline at which a session moves, quiet or not."""

HOUR: Final = 3600.0
"""Seconds over which reconnects are counted."""

_TELLING: Final = 60
"""Characters of a text by which a failure is known again, without what has a digit in it: the
server puts an id of the request first."""

_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)s")


def parse_time_left(text: str) -> float:
    """Read a protobuf Duration such as ``"9.951s"``, in seconds.

    Source: https://protobuf.dev/reference/protobuf/google.protobuf/#duration.

    Args:
        text: What the server sent.

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


class Link:
    """The connection of a session, and the outage it may be part of.

    Args:
        max_reconnects_per_hour: How many reconnects there may be within an hour; None for any
            number.
        confirm_timeout: Seconds after a resume within which the server must have sent a
            ``session_resumption_update``; None where it need not.
    """

    def __init__(
        self,
        *,
        max_reconnects_per_hour: int | None = None,
        confirm_timeout: float | None = None,
    ) -> None:
        self.resumed = False
        self.go_away: GoAway | None = None
        self._open_since: float | None = None
        self._confirm_timeout = confirm_timeout
        # When and why a resume is given up that nothing has confirmed yet.
        self._unconfirmed: Leave | None = None
        self._proven = False
        self._slowest_dial = 0.0
        self._dial_began = 0.0
        self._lost_at: float | None = None
        self._unproven_moves = 0
        self.attempts = 0
        # Whether the policy has decided on a fresh session, and none has proved itself since.
        self.restarting = False
        self._failure: object = None
        self._repeats = 0
        self._most = max_reconnects_per_hour
        self._reconnects: deque[float] = deque()
        self._connected_once = False
        self._last_error: BaseException | None = None

    def dialling(self, now: float, *, resumed: bool) -> None:
        """Note that a dial begins.

        Args:
            now: The time in seconds.
            resumed: Whether it carries a handle.

        Raises:
            TooManyReconnects: If there were as many reconnects within the last hour as there may
                be. Dials that reach no setupComplete are not counted: those are an outage, and
                the policy's to end.
        """
        while self._reconnects and self._reconnects[0] <= now - HOUR:
            self._reconnects.popleft()
        if self._most is not None and len(self._reconnects) >= self._most:
            raise TooManyReconnects(len(self._reconnects)) from self._last_error
        self.resumed = resumed
        self.go_away = None
        self._open_since = None
        self._unconfirmed = None
        self._proven = False
        self._dial_began = now

    def connected(self, now: float) -> None:
        """Note that setupComplete has come.

        Args:
            now: The time in seconds.
        """
        if self._connected_once:
            self._reconnects.append(now)
        self._connected_once = True
        self._open_since = now
        if self.resumed and self._confirm_timeout is not None:
            timeout = self._confirm_timeout
            self._unconfirmed = Leave(now + timeout, ResumeUnconfirmed(timeout))
        self._slowest_dial = max(self._slowest_dial, now - self._dial_began)

    def confirmed(self) -> None:
        """Note a ``session_resumption_update``: a resume, if it was one, has led somewhere."""
        self._unconfirmed = None

    def turn_completed(self) -> None:
        """Note the proof that the connection works: the outage, if there was one, is over."""
        self._proven = True

    def announced(self, now: float, time_left: str | None, *, draw: float) -> GoAway:
        """Note a go_away and return what it means.

        A server that is taken down says so to all its sessions at once. Were each to move as soon
        as it may, the next server would get all their dials in one instant.

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
        latest = deadline - min(max(LEAST_MARGIN, self._slowest_dial), notice / 3)
        # Where a dial takes longer than the window is wide, there is no choice left.
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
        just time for a dial, and leaves at least two thirds of the notice to the reply under way.
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

    def left(self, now: float) -> None:
        """Note that the connection is over, and with it the outage if the connection was proof.

        Args:
            now: The time in seconds.
        """
        if self._works(now):
            self._lost_at, self.attempts, self._unproven_moves = None, 0, 0
            self.restarting = False
            self._failure = None

    def moved(self, now: float) -> ConnectionError | None:
        """Note a move before a go_away's deadline; return an error where it counts as a loss.

        A move is no failure: it waits for no backoff. But a server that announces the end of
        every connection at once would be dialled without a pause, so from the second unproven
        connection in a row on a move is judged as a loss is.

        Args:
            now: The time in seconds.
        """
        self.left(now)
        if not self._works(now):
            self._unproven_moves += 1
        if self._unproven_moves < 2:
            return None
        return ConnectionAbortedError(
            f"the server announced the end of {self._unproven_moves} connections in a row before"
            " a turn was completed on any of them"
        )

    def lost(
        self, error: BaseException, now: float, *, phase: Phase, handle: bool, closing: bool
    ) -> Loss:
        """Note a loss and return it with all that is known about it.

        A failure is the same as the last one if it has the same code and the same text, as far as
        that tells, and both connections carried a handle or neither. Two closes without a reason
        are not known to be the same: so closes a proxy whose server is being restarted.

        Args:
            error: The exception.
            now: The time in seconds.
            phase: How far the connection had come.
            handle: Whether a handle is held now.
            closing: Whether the caller has asked to close.
        """
        self.left(now)
        self._last_error = error
        if self._lost_at is None:
            self._lost_at = now
        return Loss(
            error=error,
            phase=phase,
            resumed=self.resumed,
            handle=handle,
            age=self._age(now),
            go_away=self.go_away is not None,
            closing=closing,
            repeats=self._seen_before(error, now),
            restarting=self.restarting,
        )

    def _seen_before(self, error: BaseException, now: float) -> int:
        """Return how many losses in a row before this one were the same, and proved nothing."""
        if self._works(now):
            return 0
        seen = read(error)
        words = " ".join(word for word in seen.text.split() if not any(map(str.isdigit, word)))
        failure = (seen.family, seen.code, words[:_TELLING], self.resumed)
        same = bool(words) and failure == self._failure
        self._repeats = self._repeats + 1 if same else 0
        self._failure = failure
        return self._repeats

    def _works(self, now: float) -> bool:
        """Tell whether the connection has proven that the session works."""
        return self._proven or self._age(now) >= PROOF_AGE

    def _age(self, now: float) -> float:
        return 0.0 if self._open_since is None else now - self._open_since

    def outage(self, now: float) -> float:
        """Return the seconds since the outage began; 0 where there is none.

        Args:
            now: The time in seconds.
        """
        return 0.0 if self._lost_at is None else now - self._lost_at
