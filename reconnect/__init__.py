"""Keeps a Gemini Live conversation alive when its connections are lost."""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    Closed,
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
from .options import ReconnectOptions
from .policy import Decision, Outage, Policy, Raise, ReconnectPolicy, Restart, Resume
from .session import ResumableSession

if TYPE_CHECKING:
    from ._driver.own import is_local
    from .client import ResumableClient, install

__all__ = [
    "AudioDropped",
    "BufferOverflow",
    "Closed",
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
    "ReconnectOptions",
    "ReconnectPolicy",
    "RemoteProtocolError",
    "Restart",
    "Restarted",
    "ResumableClient",
    "ResumableSession",
    "Resume",
    "Resumed",
    "Retrying",
    "SessionClosed",
    "Stalled",
    "Stats",
    "TooManyReconnects",
    "classify",
    "install",
    "is_local",
]

__version__ = "0.1.0"

_LATE = {"ResumableClient": ".client", "install": ".client", "is_local": "._driver.own"}

# What happens is in the events; without a handler of the application's, logging would print
# every loss to stderr.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Import what brings the SDK when it is first asked for: that costs half a second."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LATE[name], __name__), name)
