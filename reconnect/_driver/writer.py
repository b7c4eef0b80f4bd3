"""Who writes: whoever has something to be sent, as far as that needs no waiting.

What to write, and in which order, is the outbox's to say. A write that has to wait goes on in a
task of the connection's; until it is over nothing else is written, and what is sent meanwhile
waits in the outbox. So nobody who sends ever waits for a socket.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from reconnect._conversation.outbox import Outbox, Pause, Write
from reconnect._failures.loss import Family, read

from .bell import Bell
from .connection import Connection
from .eager import Eager

__all__ = ["Writer"]

WRITE_TIMEOUT: Final = 40.0
"""Seconds that a write may wait for the socket: what the keepalive of websockets takes to notice
that nobody is there. Where the socket is full the keepalive waits for it too, and sees nothing."""


class Writer:
    """Writes to one connection what is due.

    Args:
        connection: The connection; its setup is complete.
        outbox: What waits to be written.
        bell: Rung when there may be something to write.
        up_to_date: Called once, when the connection has been brought up to date.
        broken: Called with what is no failure of the connection: a bad argument, or a bug.
    """

    def __init__(
        self,
        connection: Connection,
        outbox: Outbox,
        *,
        bell: Bell,
        up_to_date: Callable[[], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self._connection = connection
        self._send = connection.session.send_realtime_input
        self._outbox = outbox
        self._media = outbox.media
        self._lean = not outbox.transparent
        self._bell = bell
        self._tell_up_to_date = up_to_date
        # Whether realtime input can be written at once, since nothing is due before it.
        self.flowing = False
        # Whether something is being written, or was when the connection was lost.
        self._busy = False
        self._watch: asyncio.TimerHandle | None = None
        self._eager = Eager(name="reconnect writer", broken=broken)

    def flush(self) -> None:
        """Write what is due, as far as that needs no waiting, and leave the rest to the task.

        Raises:
            Exception: What the SDK says of a bad argument, or a bug.
        """
        if self._busy:
            self._bell.ring()
            return
        if not self._connection.alive:
            return
        self._busy, self.flowing = True, False
        self._eager.start(self._write_due())

    def stream(self, arguments: dict[str, Any]) -> bool:
        """Write realtime input past the outbox; return whether it is written, or on its way.

        Args:
            arguments: Those of ``send_realtime_input``.

        Raises:
            BufferOverflow: If there is no room for it, and the oldest is not to be dropped.
            Exception: What the SDK says of a bad argument.
        """
        if self._outbox.strict:
            self._outbox.media.check_room(arguments)
        try:
            rest = self._eager.start(self._send(**arguments))
        except Exception as error:
            if read(error).family is Family.FOREIGN:
                raise
            self.flowing = False
            self._connection.suspect(error)
            return False
        if rest is None and self._lean and (sound := arguments.get("audio")) is not None:
            # What every frame of sound costs, where it is not kept and has no number: a count.
            self._media.frames += 1
            self._media.frame = sound
            return True
        write = self._outbox.streamed(arguments)
        if rest is not None:
            self._busy, self.flowing = True, False
            self._watch_socket()
            rest.later = partial(self._streamed, write)
        return True

    def cancel(self) -> None:
        """Stop writing: the connection is over."""
        self._busy, self.flowing = True, False
        self._unwatch_socket()
        self._eager.cancel()

    def _streamed(self, write: Write, error: Exception | None) -> None:
        """Go on after realtime input for which there had been no room in the socket."""
        self._unwatch_socket()
        if error is None:
            self._busy = False
            self.flush()
        elif read(error).family is Family.FOREIGN:
            raise error
        else:
            self._outbox.failed(write)
            self._connection.suspect(error)

    async def _write_due(self) -> None:
        loop = asyncio.get_running_loop()
        while (due := self._outbox.next(loop.time())) is not None:
            if isinstance(due, Pause):
                self._check()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due.until):
                        await self._bell.wait()
                continue
            self._watch_socket()
            try:
                await getattr(self._connection.session, due.call.method)(**due.call.arguments)
            except Exception as error:
                if read(error).family is Family.FOREIGN:
                    self._outbox.refused(due)
                    self._busy = False
                    raise
                self._outbox.failed(due)
                self._connection.suspect(error)
                return
            finally:
                self._unwatch_socket()
            self._check()
        self._check()
        self._busy, self.flowing = False, self._connection.alive

    def _watch_socket(self) -> None:
        """Give the connection up if the write that begins here waits for too long."""
        silent = TimeoutError(f"the peer has read nothing for {WRITE_TIMEOUT:g} s")
        loop = asyncio.get_running_loop()
        self._watch = loop.call_later(WRITE_TIMEOUT, self._connection.fail, silent)

    def _unwatch_socket(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _check(self) -> None:
        """Tell when the connection has been brought up to date."""
        if not self._connection.ready and not self._outbox.replaying:
            self._connection.ready = True
            self._tell_up_to_date()
