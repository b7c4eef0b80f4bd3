"""The way from a client's socket to the server: as fast as it comes, at a rate, or not at all.

It only decides when the server reads. What it leaves unread piles up where it does on a network:
in the kernel's buffers, and then in the client's.
"""

import asyncio
from collections.abc import Callable

_STEP = 0.02
"""Seconds: what comes at a rate comes in pieces that take about so long, as frames of audio do."""


class Uplink:
    """What a client writes, taken in at a rate.

    Args:
        transport: Where it is read.
        take: Called with each piece of it.
        over: Called once nothing more will come.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        *,
        take: Callable[[bytes], None],
        over: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._take = take
        self._over = over
        self._rate: float | None = None
        self._stopped = False
        self._lost = False
        self._unread = bytearray()
        # When the next piece may be taken in.
        self._due = 0.0
        self._next: asyncio.TimerHandle | None = None

    # What the connection decides

    def read_at(self, rate: float | None) -> None:
        """Take in so many bytes a second from now on.

        Args:
            rate: Bytes a second, 0 for none at all; None for as fast as they come.
        """
        self._rate = rate
        self._go_on()

    def stop(self) -> None:
        """Take nothing in until `resume`."""
        self._stopped = True
        self._go_on()

    def resume(self) -> None:
        """Take in what comes again."""
        self._stopped = False
        self._go_on()

    def drop(self) -> None:
        """Take nothing in any more, since the server has reset the connection."""
        self._unread.clear()
        self._go_on()

    # What the transport tells

    def came(self, data: bytes) -> None:
        """Take what was read from the socket: in time.

        Args:
            data: Its bytes.
        """
        self._unread += data
        if self._next is None:
            self._go_on()
        else:
            self._transport.pause_reading()

    def lost(self) -> None:
        """Take notice that the socket is closed: what it gave is still taken in."""
        self._lost = True
        if self._next is None:
            self._go_on()

    def _go_on(self) -> None:
        """Take in what is due, and read the socket only where nothing is left."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        flows = not self._stopped and self._rate != 0
        if flows and self._unread:
            whole = len(self._unread) if self._rate is None else max(1, int(self._rate * _STEP))
            piece = bytes(self._unread[:whole])
            del self._unread[:whole]
            if self._rate is not None:
                self._wait(len(piece) / self._rate)
            self._take(piece)
        if flows and self._next is None:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()
        if self._lost and not self._unread:
            self._lost = False
            self._over()

    def _wait(self, seconds: float) -> None:
        """Take in the next piece so long after this one was due; a late loop may catch up."""
        loop = asyncio.get_running_loop()
        self._due = max(self._due, loop.time() - _STEP) + seconds
        self._next = loop.call_at(self._due, self._go_on)
