"""The events that ``on_event`` receives: small frozen records that contain no handle.

An outage produces ``Lost`` and ``Retrying``, once for each failed attempt, and ends with one of
``Resumed``, ``Restarted`` or ``GaveUp``. A go_away produces ``GoingAway``, then ``Resumed`` once
the session has moved, or ``Restarted`` if no handle covers the history that it received. The first
connection produces ``Connected``, a server that does not read ``Stalled``, and audio dropped
between two outages ``AudioDropped``. The last event of a session is ``GaveUp``, or ``Closed`` if
you closed it, even during an outage.

Every event says which session and which model it is about: ``session`` is the ``name`` of the
`reconnect.ResumableSession`, which stays the same across connections. Both are keyword-only, empty
in events that you create yourself, and ignored when events are compared. ``str(event)`` is a
sentence for a log.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from ._failures.classify import FailureKind
from ._failures.loss import Phase
from ._failures.words import counted, describe

__all__ = [
    "AudioDropped",
    "Closed",
    "Connected",
    "Continuity",
    "Event",
    "GaveUp",
    "GoingAway",
    "Lost",
    "Restarted",
    "Resumed",
    "Retrying",
    "Stalled",
    "Stats",
]


@dataclass(frozen=True, kw_only=True)
class Continuity:
    """What a gap did to the conversation.

    Args:
        attempts: How many attempts it took; 0 for a move before a go_away.
        outage: Seconds from the loss until the session was back or was given up. If the session is
            lost again before a turn completes, that is a separate gap, although the policy keeps
            counting the attempts of one outage.
        replayed: How many client messages were sent again.
        maybe_twice: How many turns, contexts and updates among these the server may already have
            had.
        continued: How many replies that were cut off were requested without sending the question
            again.
        forgotten: How many finished exchanges the resumed session may not know about, because
            ``buffer`` was full, or because the model accepts no client content in a running
            session. A new session receives them.
        lost_turns: How many turns are lost: spoken turns without a transcription, and all open
            turns when the session gives up.
        lost_audio: Seconds of audio that were dropped before they could be sent.
        uncovered_audio: Seconds of audio that were sent but may not have arrived: audio that the
            server had not acknowledged before the newest handle arrived or, with transparent
            resumption, audio that did not fit in ``media_buffer``. It is never too low. There is no
            way to know how much of it was speech.
        lost_calls: How many tool calls were cancelled.
    """

    attempts: int = 0
    outage: float = 0
    replayed: int = 0
    maybe_twice: int = 0
    continued: int = 0
    forgotten: int = 0
    lost_turns: int = 0
    lost_audio: float = 0
    uncovered_audio: float = 0
    lost_calls: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing that was said is lost; cancelled calls do not count."""
        return not (self.lost_turns or self.lost_audio or self.uncovered_audio or self.forgotten)

    def __str__(self) -> str:
        return ", ".join(_costs(self)) or "nothing lost"


@dataclass(frozen=True, kw_only=True)
class Stats(Continuity):
    """The totals of a session since its start.

    Args:
        gaps: How many times the session switched to another connection or was given up.
    """

    gaps: int = 0

    def __str__(self) -> str:
        return f"{counted(self.gaps, 'gap')} of {_seconds(self.outage)}: {super().__str__()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _About:
    """Whom an event is about: filled in by the session that tells it.

    Args:
        model: The model's name, as passed to the session.
        session: The session's name; see `ResumableSession.name`.
    """

    # Not compared: a test says `Connected(resumed=False) in events`, whatever the session is named.
    model: str = field(default="", compare=False)
    session: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Connected(_About):
    """The first connection of the session is open.

    Args:
        resumed: Whether it continues a conversation from an earlier process.
    """

    resumed: bool

    def __str__(self) -> str:
        return f"connected{', with the handle of an earlier process' if self.resumed else ''}"


@dataclass(frozen=True, slots=True)
class Lost(_About):
    """A connection was lost, or an attempt failed.

    Args:
        error: The exception.
        kind: Its kind, from the error table.
        phase: How far the connection had come.
        age: Seconds since setupComplete; 0 before it.
    """

    error: BaseException
    kind: FailureKind
    phase: Phase
    age: float

    def __str__(self) -> str:
        what = "attempt failed"
        if self.phase is Phase.SESSION:
            what = f"connection lost after {_seconds(self.age)}"
        return f"{what}: {describe(self.error)} ({self.kind.replace('_', ' ')})"


@dataclass(frozen=True, slots=True)
class Retrying(_About):
    """The session is about to reconnect.

    Args:
        delay: Seconds until the attempt.
        attempt: The number of the attempt in this outage; 1 for the first.
        why: The kind of failure that led to it.
        fresh: Whether it will be a new session, without a handle.
    """

    delay: float
    attempt: int
    why: FailureKind
    fresh: bool

    def __str__(self) -> str:
        what = "starting a new session" if self.fresh else "resuming"
        return f"{what} in {_seconds(self.delay)}, attempt {self.attempt}"


@dataclass(frozen=True, slots=True)
class Resumed(_About):
    """The session is back; the server knows the conversation up to the handle.

    Args:
        continuity: What the gap did to the conversation.
    """

    continuity: Continuity

    def __str__(self) -> str:
        gap = self.continuity
        back = f"resumed after {_took(gap)}" if gap.attempts else "moved to another connection"
        return _listed(back, *_costs(gap))


@dataclass(frozen=True, slots=True)
class Restarted(_About):
    """A new session has replaced the lost one and receives the history.

    Args:
        continuity: What the gap did to the conversation.
        history: How many turns of history it receives.
    """

    continuity: Continuity
    history: int

    def __str__(self) -> str:
        gap = self.continuity
        sent = [f"{counted(self.history, 'turn')} of history sent"] if self.history else []
        return _listed(f"new session after {_took(gap)}", *sent, *_costs(gap))


@dataclass(frozen=True, slots=True)
class GoingAway(_About):
    """The server has announced that it will end the connection.

    Args:
        time_left: Seconds until then.
        announced: The ``time_left`` that the server sent; None if it sent none.
    """

    time_left: float
    announced: str | None

    def __str__(self) -> str:
        return f"the server will end the connection in {_seconds(self.time_left)}"


@dataclass(frozen=True, slots=True)
class Stalled(_About):
    """The server is not reading, and a send is waiting for it.

    After the session's ``stall_timeout``, the connection is dropped.

    Args:
        waited: Seconds that the send has been waiting.
    """

    waited: float

    def __str__(self) -> str:
        return f"the server has read nothing for {_seconds(self.waited)}"


@dataclass(frozen=True, slots=True)
class AudioDropped(_About):
    """Audio was dropped between two outages, because it could not be sent in time.

    Audio that is dropped during an outage is in the `Continuity` of the event that ends it.

    Args:
        seconds: Seconds of audio.
    """

    seconds: float

    def __str__(self) -> str:
        return f"{_seconds(self.seconds)} of audio dropped"


@dataclass(frozen=True, slots=True)
class GaveUp(_About):
    """The session has ended and will not come back.

    Args:
        error: The error that every use of the session raises.
        continuity: What the last gap did to the conversation.
    """

    error: BaseException
    continuity: Continuity

    def __str__(self) -> str:
        costs = ", ".join(_costs(self.continuity))
        return f"ended for good: {describe(self.error)}{'; ' if costs else ''}{costs}"


@dataclass(frozen=True, slots=True)
class Closed(_About):
    """You closed the session, or it was garbage-collected.

    Args:
        unanswered: How many turns did not get a reply.
    """

    unanswered: int

    def __str__(self) -> str:
        turns = f", and {counted(self.unanswered, 'turn')} unanswered" if self.unanswered else ""
        return f"closed{turns}"


Event: TypeAlias = (
    Connected
    | Lost
    | Retrying
    | Resumed
    | Restarted
    | GoingAway
    | Stalled
    | AudioDropped
    | GaveUp
    | Closed
)
"""What ``on_event`` receives."""


def _took(gap: Continuity) -> str:
    attempts = f" and {gap.attempts} attempts" if gap.attempts > 1 else ""
    return f"{_seconds(gap.outage)}{attempts}"


def _costs(gap: Continuity) -> Iterator[str]:
    """Yield what a gap did to the conversation, in words."""
    if gap.replayed:
        yield f"{counted(gap.replayed, 'message')} sent again"
    if gap.maybe_twice:
        yield f"{gap.maybe_twice} perhaps twice"
    if gap.continued:
        replies = "1 reply" if gap.continued == 1 else f"{gap.continued} replies"
        yield f"{replies} to be continued"
    if gap.forgotten:
        yield f"{counted(gap.forgotten, 'exchange')} perhaps forgotten"
    if gap.lost_turns:
        yield f"{counted(gap.lost_turns, 'turn')} lost"
    if gap.lost_audio:
        yield f"{_seconds(gap.lost_audio)} of audio dropped"
    if gap.uncovered_audio:
        yield f"up to {_seconds(gap.uncovered_audio)} of audio lost"
    if gap.lost_calls:
        yield f"{counted(gap.lost_calls, 'tool call')} cancelled"


def _listed(what: str, *more: str) -> str:
    return f"{what}: {', '.join(more)}" if more else what


def _seconds(seconds: float) -> str:
    """Return a time as a person reads it: two figures are enough, below ten seconds."""
    if seconds >= 10:
        return f"{seconds:.0f} s"
    return f"{round(seconds, 1 if seconds >= 1 else 2):g} s"
