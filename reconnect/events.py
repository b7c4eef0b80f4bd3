"""What a session tells its ``on_event`` callback: small frozen records, free of secrets.

An outage reads ``Lost`` and ``Retrying``, again for each dial that fails, and ends with exactly
one of ``Resumed``, ``Restarted`` or ``GaveUp``. A go-away reads ``GoingAway``, then ``Resumed``
once the session has moved. The first connection of all is ``Connected``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .continuity import Continuity
from .judgement import FailureKind
from .loss import Phase

__all__ = [
    "Connected",
    "Event",
    "GaveUp",
    "GoingAway",
    "Lost",
    "Restarted",
    "Resumed",
    "Retrying",
]


@dataclass(frozen=True, slots=True)
class Connected:
    """The first connection of the session is open.

    Args:
        resumed: Whether it carries on a conversation of an earlier process.
    """

    resumed: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A connection was lost, or a dial failed.

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
    """The session is going to dial again.

    Args:
        delay: Seconds until it does.
        attempt: Which dial of this outage it will be; 1 for the first.
        why: What the failure that led to it was taken for.
        fresh: Whether it will be a fresh session, without a handle.
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
    """A fresh session has taken the place of the lost one and is told the history.

    Args:
        continuity: What the gap did to the conversation.
        told: How many turns of history the fresh session is told.
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
class GaveUp:
    """The session has ended and will not come back.

    Args:
        error: What is raised to whoever uses the session.
        continuity: What the last gap did to the conversation.
    """

    error: BaseException
    continuity: Continuity


Event: TypeAlias = Connected | Lost | Retrying | Resumed | Restarted | GoingAway | GaveUp
"""What ``on_event`` is called with."""
