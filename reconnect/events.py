"""What ``on_event`` is called with: small frozen records, in which there is no handle.

An outage reads ``Lost`` and ``Retrying``, again for each attempt that fails, and ends with exactly
one of ``Resumed``, ``Restarted`` or ``GaveUp``. A go-away reads ``GoingAway``, then ``Resumed``
once the session has moved. The first connection of all is ``Connected``. A server that reads
nothing is ``Stalled``, and audio that is dropped between two outages ``AudioDropped``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from ._failures.classify import FailureKind
from ._failures.loss import Phase

__all__ = [
    "AudioDropped",
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
    """How whole the conversation is after a gap.

    Args:
        attempts: How many attempts it took; 0 for a move before a go-away's deadline.
        outage: Seconds from the loss until the session was back, or was given up.
        replayed: How many client messages were written again.
        maybe_twice: How many turns, contexts and updates in these the server may have had already.
        continued: How many cut replies the model was asked to continue, without sending their turn
            again.
        forgotten: How many exchanges that are over the resumed session may not know: there was no
            room to keep them until a handle covers them, or the model takes no client content in a
            session. A new session is told them.
        lost_turns: How many turns are lost: spoken ones of which nobody wrote down the words,
            answered or not, and all that are open when the session is given up.
        lost_audio: Seconds of audio that were dropped before they could be written.
        uncovered_audio: Seconds of audio that were written, and that no session is known to have:
            what the server had not acknowledged before the newest handle came, or, where resumption
            is transparent, what there was no room to keep. Never less than what is missing; how
            much of it was speech nobody can know.
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
        """Whether nothing of what was said is lost; a cancelled call is asked anew."""
        return not (self.lost_turns or self.lost_audio or self.uncovered_audio or self.forgotten)


@dataclass(frozen=True, kw_only=True)
class Stats(Continuity):
    """The sums of a session since its start.

    Args:
        gaps: How many times the session came to another connection, or was given up.
    """

    gaps: int = 0


@dataclass(frozen=True, slots=True)
class Connected:
    """The first connection of the session is open.

    Args:
        resumed: Whether it carries on a conversation of an earlier process.
    """

    resumed: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection was lost, or an attempt failed.

    Args:
        error: The exception.
        kind: What the policy takes it for.
        phase: How far the connection had come.
        age: Seconds since setupComplete; 0 before it.
    """

    error: BaseException
    kind: FailureKind
    phase: Phase
    age: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """The session is going to connect again.

    Args:
        delay: Seconds until it does.
        attempt: Which attempt of this outage it will be; 1 for the first.
        why: What the failure that led to it was taken for.
        fresh: Whether it will be a new session, without a handle.
    """

    delay: float
    attempt: int
    why: FailureKind
    fresh: bool


@dataclass(frozen=True, slots=True)
class Resumed:
    """The session is back, and the server knows the conversation up to the handle.

    Args:
        continuity: What the gap did to the conversation.
    """

    continuity: Continuity


@dataclass(frozen=True, slots=True)
class Restarted:
    """A new session has taken the place of the lost one and is sent the history.

    Args:
        continuity: What the gap did to the conversation.
        told: How many turns of history it is sent.
    """

    continuity: Continuity
    told: int


@dataclass(frozen=True, slots=True)
class GoingAway:
    """The server has announced that it will end the connection.

    Args:
        time_left: Seconds until it does.
        announced: What the server sent as ``time_left``; None where it sent none.
    """

    time_left: float
    announced: str | None


@dataclass(frozen=True, slots=True)
class Stalled:
    """The server reads nothing of what is sent, and a send waits for it.

    If it goes on, the connection is given up after the session's ``stall_timeout``.

    Args:
        waited: Seconds that the send has waited so far.
    """

    waited: float


@dataclass(frozen=True, slots=True)
class AudioDropped:
    """Audio was dropped between two outages, since it could not be written for too long.

    What an outage drops is in the `Continuity` of its end.

    Args:
        seconds: Seconds of audio.
    """

    seconds: float


@dataclass(frozen=True, slots=True)
class GaveUp:
    """The session has ended and will not come back.

    Args:
        error: What is raised to whoever uses the session.
        continuity: What the last gap did to the conversation.
    """

    error: BaseException
    continuity: Continuity


Event: TypeAlias = (
    Connected | Lost | Retrying | Resumed | Restarted | GoingAway | Stalled | AudioDropped | GaveUp
)
"""What ``on_event`` is called with."""
