"""An emulator of the Live API, to test applications against, and laws, to test policies with.

The emulator is a server on 127.0.0.1 that the real client talks to, with faults at exact moments
and records of what the model received:

    async with LiveServer(faults=[Abort(after_sent=5)]) as server:
        async with server.client().aio.live.connect(model="any", config={}) as session:
            ...
        assert [heard.value for heard in server.heard] == ["hello"]

It behaves as one of the models that were recorded: see `PROFILES`. It keeps time by the running
loop's clock, so it also runs under a loop whose clock is virtual.

`check_policy` looks for a question over which a policy breaks one of the laws that every policy
keeps. `reconnect.testing.strategies` has the Hypothesis strategies that it asks with; it is
imported by its own name, so that nothing here needs Hypothesis before a policy is checked.

Needs the extra ``reconnect[testing]``.
"""

from reconnect._driver.waiting import is_testing, set_testing

from ._exchange import Heard, Known
from ._faults import (
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
from ._laws import BrokenLaw, check_policy
from ._model import Call, Parrot, Question, Reply, Script, Unspoken
from ._profiles import PROFILES, Profile
from ._records import Connection
from ._server import LiveServer

__all__ = [
    "PROFILES",
    "Abort",
    "BrokenLaw",
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
    "Profile",
    "Question",
    "Refuse",
    "RejectHandle",
    "Reply",
    "Script",
    "Silence",
    "Stall",
    "Unspoken",
    "check_policy",
    "is_testing",
    "set_testing",
]
