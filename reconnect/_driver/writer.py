"""Who writes: the caller itself, or a task that brings a connection up to date.

On a connection that is up to date a send is the SDK's own awaited call, in the caller's own task:
its back-pressure, its errors, its order. Until then, what the outbox says is due is written by a
task of the connection's, and whoever sends meanwhile hands it to the outbox and goes on.

One timer watches both for a peer that reads nothing. It runs only while something is written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

from reconnect._conversation.chunks import chunk_of
from reconnect._conversation.exchanges import REALTIME, Call
from reconnect._conversation.outbox import Outbox, Write
from reconnect.events import Stalled

from .connection import Connection
from .sdk import blob_class
from .transport import (
    abort,
    acknowledged_bytes,
    acknowledgement,
    is_closing,
    is_loss,
    is_stuck,
)

__all__ = ["Writer"]

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks whether the socket takes what is written, and what has arrived."""

_ROUNDING: Final = 1e-6
"""Seconds: the sum of many short times is not exact."""

_TOLD_AFTER: Final = 0.2
"""The part of ``stall_timeout`` after which a stall is told: a shorter one is back-pressure."""

_CLOSING: Final = object()
"""What stands for a connection that is closing."""


class Writer:
    """Writes to one connection.

    Args:
        connection: The connection; its setup is complete.
        outbox: What waits to be written.
        stall_timeout: Seconds that a write may wait for the socket.
        up_to_date: Called when the connection has been brought up to date, each time.
        caught_up: Returns when all that has come over the connection is read.
        tell: Called with an event.
        broken: Called with what is no failure of the connection: a bug.
    """

    def __init__(
        self,
        connection: Connection,
        outbox: Outbox,
        *,
        stall_timeout: float,
        up_to_date: Callable[[], None],
        caught_up: Callable[[], Awaitable[None]],
        tell: Callable[[Stalled], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self.connection = connection
        self._outbox = outbox
        self._stall_timeout = stall_timeout
        self._tell_up_to_date = up_to_date
        self._caught_up = caught_up
        self._tell = tell
        self._broken = broken
        self._due = asyncio.Event()
        # Writes that were begun, and that are over.
        self.begun = 0
        self.over = 0
        # Whether a caller may write: the connection is open and up to date, and nothing is due
        # before. And the class of audio that may be written without looking at more of it.
        self.direct = False
        self.lean: type | None = None
        # Audio of the type that the meter counts is added to it in place; all other is noted. That
        # returns its data, None where it is kept: then it is not counted in place.
        self.meter = outbox.media.line
        self.note: Callable[[Any], bytes | None] = (
            outbox.keep if outbox.transparent else self.meter.note
        )
        self._blob = blob_class()
        self.send_realtime_input = connection.session.send_realtime_input
        self.watch: asyncio.TimerHandle | None = None
        self._look_every = min(_LOOK_EVERY, stall_timeout / 10)
        # Seconds that the socket has taken nothing, as far as was seen; what the peer had taken, or
        # that the connection was closing.
        self._stalled = 0.0
        self._taken: object = None
        self._ping: asyncio.Task[bool] | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to bring the connection up to date."""
        self._task = asyncio.create_task(self._write_due(), name="reconnect writer")
        self._task.add_done_callback(self._ended)

    def stop(self) -> None:
        """Stop writing: the connection is over."""
        self.hold()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        if self.watch is not None:
            self.watch.cancel()
            self.watch = None
        if self._ping is not None:
            self._ping.cancel()

    def wake(self) -> None:
        """Look again at what is due: something was sent, or came."""
        if self._outbox.conversation.due or not self.direct:
            self.hold()
            self._due.set()

    def hold(self) -> None:
        """Let callers write no more: what they send is held from now on."""
        self.direct, self.lean = False, None

    def unwritten(
        self, audio: Any, data: bytes | None, error: Exception | None = None
    ) -> dict[str, Any] | None:
        """Note audio that was not written; return it if it is to be held, and is not kept anyway.

        Without an error too, where the connection was cut off while it waited: websockets lets
        whoever waits go on as if it had been written.

        Args:
            audio: The audio.
            data: What `note` returned of it: the caller may have changed it since.
            error: What was raised.

        Raises:
            Exception: The error, if it is about the audio and not the connection.
        """
        refused = None if error is None or self._lost(error) else error
        held = None
        if not self._outbox.transparent:
            held = {"data": data, "mime_type": audio.mime_type}
            self.meter.unwritten(chunk_of({"audio": held}, place=0))
        elif refused is not None:
            self._outbox.refused(Write(Call(REALTIME, {})))
        if refused is not None:
            raise refused
        return held

    def _lost(self, error: Exception) -> bool:
        if not is_loss(error):
            return False
        self.hold()
        self.connection.suspect(error)
        return True

    async def write(self, write: Write) -> None:
        """Write a message: the SDK's own call. One that does not get through is held.

        Raises:
            Exception: What the SDK raises for a bad argument.
        """
        self.begun += 1
        if self.watch is None:
            self.look_later()
        try:
            await getattr(self.connection.session, write.call.method)(**write.call.arguments)
        except Exception as error:
            if not self._lost(error):
                self._outbox.refused(write)
                raise
            self._outbox.failed(write)
        else:
            if self.connection.cut:
                # As in `unwritten`.
                self._outbox.failed(write)
        finally:
            self.over += 1

    async def _write_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self.connection.alive:
            self._due.clear()
            due = self._outbox.next(loop.time())
            if isinstance(due, Write):
                await self.write(due)
            if due is None:
                self.direct, self.lean = True, None if self._outbox.strict else self._blob
            if not self._outbox.replaying and self.connection.alive:
                self._tell_up_to_date()
            if not isinstance(due, Write):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(None if due is None else due.until):
                        await self._due.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task is not self._task:
            # It was stopped.
            return
        if task.cancelled():
            # By somebody who has nothing to do with it.
            self.hold()
            self.connection.fail(ConnectionAbortedError("the task that writes was cancelled"))
        elif (error := task.exception()) is not None:
            self._broken(error)

    # The watch

    def look_later(self) -> None:
        """Look after a while whether the socket takes what is written."""
        self.watch = asyncio.get_running_loop().call_later(self._look_every, self._look)

    def _look(self) -> None:
        self.watch = None
        if is_closing(self.connection.session):
            if self._taken is _CLOSING:
                # One side has said goodbye, and the socket stays: websockets waits ten seconds for
                # its end, and whoever sends with it. What was read, and the reason, are kept.
                abort(self.connection.session)
            self._taken = _CLOSING
            self.look_later()
            return
        if self.begun > self.over or is_stuck(self.connection.session):
            taken = self._progress()
            moves, self._taken = taken != self._taken, taken
            self._stalled = 0.0 if moves else self._stalled + self._look_every
            if self._given_up():
                return
            self.look_later()
        else:
            self._stalled, self._taken = 0.0, None
        counted = not self._outbox.transparent
        if counted and self._ping is None and self.meter.unacknowledged:
            self._ping = asyncio.create_task(self._acknowledge(), name="reconnect ping")
            self._ping.add_done_callback(self._pinged)

    def _progress(self) -> int:
        """Return what grows while the peer reads."""
        taken = acknowledged_bytes(self.connection.session)
        # Where nobody says what the peer has taken, a write that is over is all there is.
        return self.over if taken is None else taken

    def _given_up(self) -> bool:
        """Tell of a stall, and give the connection up where it has lasted too long."""
        told = self._stall_timeout * _TOLD_AFTER
        if self._stalled >= self._stall_timeout - _ROUNDING:
            self.connection.cut_off(
                TimeoutError(f"the peer has read nothing for {float(self._stall_timeout):g} s")
            )
            return True
        if 0 <= self._stalled - told < self._look_every - _ROUNDING:
            self._tell(Stalled(waited=self._stalled))
        return False

    async def _acknowledge(self) -> bool:
        written = self.meter.seconds
        acknowledged = await acknowledgement(self.connection.session)
        if acknowledged:
            # A handle that came before the pong may be unread still, and has less.
            await self._caught_up()
            self.meter.acknowledged(written)
        return acknowledged

    def _pinged(self, task: asyncio.Task[bool]) -> None:
        self._ping = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._broken(error)
        elif task.result() and self.meter.unacknowledged and self.watch is None:
            # What was written while the pong was awaited, by a caller who is silent now.
            self.look_later()
