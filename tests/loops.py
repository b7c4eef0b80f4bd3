"""The loops that async tests run on. Their clocks are virtual: waiting takes no time.

The environment says which it is. ``RECONNECT_LOOP=plain``, which needs no saying, is asyncio's; on
``eager`` tasks start at once (`asyncio.eager_task_factory`); ``uvloop`` is uvloop's. They are in
debug mode, which takes a sixth longer, where it says ``RECONNECT_DEBUG=1``.
"""

import asyncio
import contextlib
import importlib.util
import os
import selectors
import socket
import struct
import sys
import time
from unittest import mock

import pytest

if sys.platform == "linux":
    import fcntl
    import termios

LOOP = os.environ.get("RECONNECT_LOOP", "plain")
DEBUG = os.environ.get("RECONNECT_DEBUG", "0") != "0"

GRACE = 0.001
"""Seconds of real time that a socket gets to become ready before the clock jumps."""

PATIENCE = 5.0
"""Seconds of real time that bytes in the kernel get to arrive before the clock jumps after all."""

TCP_INFO_COUNTS, TCP_INFO_SIZE = 120, 136
"""Where Linux's ``struct tcp_info`` has the counts of bytes, and how much of it is needed."""

SEQUENCE_NUMBERS = 2
"""Bytes that these counts can be apart though nothing is on its way: SYN and FIN count as one."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop on which waiting takes no time: when nothing is ready, its clock jumps.

    It stands otherwise: no test sees how fast the machine is. Sockets are real. Both ends of a
    connection live in this loop, so what one end has written the other can read at once, and a
    clock that jumps only when no socket is ready never overtakes it.
    """

    def __init__(self) -> None:
        super().__init__(_NeverWaiting())
        self._jumped = 0.0
        self._selector.loop = self

    def time(self) -> float:
        return self._jumped

    def jump(self, seconds: float) -> None:
        self._jumped += seconds

    async def shutdown_default_executor(self, timeout=None):
        # Its threads end in real time, which a limit in virtual time does not wait for.
        await super().shutdown_default_executor()


class _NeverWaiting(selectors.DefaultSelector):
    loop: VirtualTimeLoop

    def select(self, timeout=None):
        ready = super().select(0 if timeout is not None and timeout <= 0 else GRACE)
        if not ready and timeout is not None and timeout > 0:
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


def _eager():
    loop = VirtualTimeLoop()
    loop.set_task_factory(asyncio.eager_task_factory)
    return loop


def _uvloop():
    from uvloops import VirtualTimeUvloop  # noqa: PLC0415 (uvloop is not there on Windows)

    return VirtualTimeUvloop()


LOOPS = {"plain": VirtualTimeLoop, "eager": _eager, "uvloop": _uvloop}


def check():
    """Raise where the loop that is asked for is none, or cannot be had here."""
    if LOOP not in LOOPS:
        raise pytest.UsageError(f"RECONNECT_LOOP must be one of {[*LOOPS]}, got {LOOP!r}")
    if LOOP == "eager" and sys.version_info < (3, 12):
        raise pytest.UsageError("RECONNECT_LOOP=eager needs Python 3.12 or newer: use it there")
    if LOOP == "uvloop" and importlib.util.find_spec("uvloop") is None:
        raise pytest.UsageError("RECONNECT_LOOP=uvloop needs uvloop: pip install uvloop")


def new():
    """Return a loop of the kind that is asked for."""
    return LOOPS[LOOP]()


@contextlib.contextmanager
def quickly():
    """Let the loop do without its debug mode, which notes where each callback was made.

    Nor does its clock wait for sockets: both ends of each are in this loop, and nothing is on its
    way when none is ready.
    """
    loop = asyncio.get_running_loop()
    debug = loop.get_debug()
    loop.set_debug(False)
    try:
        with mock.patch(f"{__name__}.GRACE", 0):
            yield
    finally:
        loop.set_debug(debug)
