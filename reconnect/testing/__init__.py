"""An emulator of the Live API, to test applications, and laws, to test policies.

The emulator is a server on 127.0.0.1 that the real client talks to. It injects faults at exact
moments and records what the model received:

    async with LiveServer(faults=[Abort(after_sent=5)]) as server:
        async with server.client().aio.live.connect(model="any", config={}) as session:
            ...
        assert [heard.value for heard in server.heard] == ["hello"]

It behaves like one of several recorded models: see `PROFILES`. It uses the running loop's clock, so
it also works with a loop whose clock is virtual.

`check_policy` searches for an input for which a policy breaks one of the laws that every policy
must keep. `reconnect.testing.strategies` has the Hypothesis strategies that it uses; import it
separately, so that nothing else here needs Hypothesis.

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
