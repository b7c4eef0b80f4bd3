"""An emulator of the Live API, to test applications against.

Needs the extra ``reconnect[testing]``.
"""

from .conversation import Heard, Known
from .dial import Connection
from .faults import (
    Abort,
    Close,
    Delay,
    Fault,
    Frame,
    GoAway,
    Refuse,
    RejectHandle,
    Silence,
    Stall,
)
from .model import Call, Parrot, Question, Reply, Script
from .server import LiveServer

__all__ = [
    "Abort",
    "Call",
    "Close",
    "Connection",
    "Delay",
    "Fault",
    "Frame",
    "GoAway",
    "Heard",
    "Known",
    "LiveServer",
    "Parrot",
    "Question",
    "Refuse",
    "RejectHandle",
    "Reply",
    "Script",
    "Silence",
    "Stall",
]
