"""Keeps a Gemini Live conversation alive whatever happens to its connections."""

import logging

from ._conversation.limits import Limit
from ._failures.classify import FailureKind, classify
from ._failures.loss import Loss, Phase
from .errors import (
    BufferOverflow,
    ReconnectExhausted,
    RemoteProtocolError,
    SessionClosed,
    TooManyReconnects,
)
from .events import (
    AudioDropped,
    Connected,
    Continuity,
    Event,
    GaveUp,
    GoingAway,
    Lost,
    Restarted,
    Resumed,
    Retrying,
    Stalled,
    Stats,
)
from .gate import ReconnectGate
from .policy import Decision, Outage, Policy, Raise, ReconnectPolicy, Restart, Resume
from .session import ResumableSession

__all__ = [
    "AudioDropped",
    "BufferOverflow",
    "Connected",
    "Continuity",
    "Decision",
    "Event",
    "FailureKind",
    "GaveUp",
    "GoingAway",
    "Limit",
    "Loss",
    "Lost",
    "Outage",
    "Phase",
    "Policy",
    "Raise",
    "ReconnectExhausted",
    "ReconnectGate",
    "ReconnectPolicy",
    "RemoteProtocolError",
    "Restart",
    "Restarted",
    "ResumableSession",
    "Resume",
    "Resumed",
    "Retrying",
    "SessionClosed",
    "Stalled",
    "Stats",
    "TooManyReconnects",
    "classify",
]

__version__ = "0.1.0"

# What happens is in the events; without a handler of the application's, logging would print
# every loss to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())
