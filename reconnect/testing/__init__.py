"""An emulator of the Live API, to test applications against.

A server on 127.0.0.1 that the real client talks to, with faults at exact moments and records of
what the model received:

    async with LiveServer(faults=[Abort(after_sent=5)]) as server:
        async with server.client().aio.live.connect(model="any", config={}) as session:
            ...
        assert [heard.value for heard in server.heard] == ["hello"]

It keeps time by the running loop's clock, so it also runs under a loop whose clock is virtual.
Needs the extra ``reconnect[testing]``.
"""

from .conversation import Heard, Known
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
from .records import Connection
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
