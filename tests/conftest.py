"""Runs the tests: async ones on a loop of their own whose clock is virtual."""

import asyncio
import contextlib
import inspect
import logging
import selectors
import socket
import struct
import sys
import time
from unittest import mock

if sys.platform == "linux":
    import fcntl
    import termios

import pytest
from hypothesis import settings

settings.register_profile("reconnect", deadline=None, derandomize=True)
settings.load_profile("reconnect")

GRACE = 0.001
"""Seconds of real time that a socket gets to become ready before the clock jumps."""

PATIENCE = 5.0
"""Seconds of real time that bytes in the kernel get to arrive before the clock jumps after all."""

TCP_INFO_COUNTS, TCP_INFO_SIZE = 120, 136
"""Where Linux's ``struct tcp_info`` has the counts of bytes, and how much of it is needed."""

SEQUENCE_NUMBERS = 2
"""Bytes that these counts can be apart though nothing is on its way: SYN and FIN count as one."""

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
            patience = time.monotonic() + PATIENCE
            while not ready and in_flight(self.loop) and time.monotonic() < patience:
                ready = super().select(GRACE)
            if not ready:
                self.loop.jump(timeout)
        return ready


def in_flight(loop):
    """Tell whether the kernel still has bytes on their way to a socket that is being read.

    Once a buffer has been full the kernel's own timers decide when the rest moves, in real time.
    """
    if sys.platform != "linux":
        return False
    sockets = {}
    for transport in list(loop._transports.values()):
        sock = transport.get_extra_info("socket")
        if sock.family == socket.AF_INET and sock.fileno() >= 0 and not transport.is_closing():
            with contextlib.suppress(OSError):  # it is not connected any more
                sockets[sock.getsockname(), sock.getpeername()] = sock, transport.is_reading()
    for (here, there), (sock, reading) in sockets.items():
        sender, _ = sockets.get((there, here), (None, False))
        if reading and sender is not None:
            acknowledged, _ = _counts(sender)
            waiting = fcntl.ioctl(sender.fileno(), termios.TIOCOUTQ, bytes(4))
            _, received = _counts(sock)
            written = acknowledged + int.from_bytes(waiting, sys.byteorder)
            if written - received > SEQUENCE_NUMBERS:
                return True
    return False


def _counts(sock):
    """Return how many bytes a socket has had acknowledged, and how many it has received."""
    information = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
    return struct.unpack_from("QQ", information, TCP_INFO_COUNTS)


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
