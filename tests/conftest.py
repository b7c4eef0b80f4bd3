"""Runs the tests: async ones on a loop of their own whose clock is virtual."""

import asyncio
import inspect
import logging
import selectors
import sys
from unittest import mock

import pytest
from hypothesis import settings

settings.register_profile("reconnect", deadline=None, derandomize=True)
settings.load_profile("reconnect")

GRACE = 0.001
"""Seconds of real time that a socket gets to become ready before the clock jumps."""

SETTLING = 3
"""Rounds of the loop after a test: google-genai 2.34 closes a client in a task when it is freed."""

DEPTH = 10
"""Frames that the debug mode notes where a future is made: as many as for tasks and callbacks.

Else it notes all of them, most of them pytest's, and a test takes a third longer.
"""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on which waiting takes no time: when nothing is ready, its clock jumps.

    Sockets are real. Both ends of a connection live in this loop, so what one end has written the
    other can read at once, and a clock that jumps only when no socket is ready never overtakes it.
    """

    def __init__(self) -> None:
        super().__init__(_NeverWaiting())
        self._jumped = 0.0
        self._selector.loop = self  # type: ignore[attr-defined]

    def time(self) -> float:
        return super().time() + self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds


class _NeverWaiting(selectors.DefaultSelector):  # type: ignore[misc,valid-type]
    loop: VirtualTimeLoop

    def select(self, timeout=None):
        ready = super().select(0 if timeout is not None and timeout <= 0 else GRACE)
        if not ready and timeout is not None and timeout > GRACE:
            self.loop.jump(timeout)
        return ready


def run(coroutine):
    """Run a coroutine on a fresh loop in debug mode; fail on whatever the loop had to report."""
    reported = []
    with (
        mock.patch.object(sys, "tracebacklimit", DEPTH, create=True),
        asyncio.Runner(debug=True, loop_factory=VirtualTimeLoop) as runner,
    ):
        runner.get_loop().set_exception_handler(lambda _loop, context: reported.append(context))
        result = runner.run(_alone(coroutine))
    assert not reported, f"the loop reported {reported}"
    return result


async def _alone(coroutine):
    """Run a coroutine and fail if it leaves tasks behind."""
    result = await coroutine
    for _ in range(SETTLING):
        await asyncio.sleep(0)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left, f"tasks were left behind: {left}"
    return result


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a test that is a coroutine function."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    names = pyfuncitem._fixtureinfo.argnames
    run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
    return True


@pytest.fixture(autouse=True)
def _quiet_asyncio():
    """Keep the loop's debug mode from logging every slow callback."""
    logging.getLogger("asyncio").setLevel(logging.ERROR)
