"""The clock of random conversations: it stands but for waiting, which takes no time."""

from __future__ import annotations

import asyncio
import contextlib
from unittest import mock

import loops


class StandingClock(loops.VirtualTimeLoop):
    """A loop on which time passes by waiting alone, so that a seed gives the same play."""

    def time(self):
        return self._jumped


def new_loop():
    """Return a loop of the kind that is asked for, with a standing clock where it can have one."""
    if loops.LOOP == "uvloop":
        return loops.new()
    loop = StandingClock()
    if loops.LOOP == "eager":
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


@contextlib.contextmanager
def quickly():
    """Let the loop do without its debug mode, and its clock not wait for sockets.

    Both ends of each are in this loop, and nothing is on its way when none is ready.
    """
    loop = asyncio.get_running_loop()
    debug = loop.get_debug()
    loop.set_debug(False)
    try:
        with mock.patch.object(loops, "GRACE", 0):
            yield
    finally:
        loop.set_debug(debug)
