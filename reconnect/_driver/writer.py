"""Who writes: the caller itself, or a task that brings a connection up to date.

On a connection that is up to date a send is the SDK's own awaited call, in the caller's own task:
its back-pressure, its errors, its order. Until then, what the outbox says is due is written by a
task of the connection's, and whoever sends meanwhile hands it to the outbox and goes on.

One timer watches both for a peer that reads nothing. It runs only while something is written.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from reconnect._conversation.outbox import Outbox, Write
from reconnect.events import Stalled

from .connection import Connection
from .sdk import acknowledgement, is_loss

__all__ = ["Writer"]

_LOOKS: Final = 10
"""How often the watch looks within the time after which a stall is given up."""

_LOOKS_UNTIL_TOLD: Final = 2
"""Looks after which a stall is an event: one that is over sooner is back-pressure."""


class Writer:
    """Writes to one connection.

    Args:
        connection: The connection; its setup is complete.
        outbox: What waits to be written.
        stall_timeout: Seconds that a write may wait for the socket.
        up_to_date: Called when the connection has been brought up to date, each time.
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
        tell: Callable[[Stalled], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._media = outbox.media
        self._stall_timeout = stall_timeout
        self._tell_up_to_date = up_to_date
        self._tell = tell
        self._broken = broken
        self._due = asyncio.Event()
        # Writes that were begun, and that are over.
        self.begun = 0
        self.over = 0
        # Whether a caller may write: the connection is open and up to date, and nothing is due
        # before. And whether audio may be written without looking for room for it.
        self.direct = False
        self.lean = False
        self._keeps = outbox.transparent
        # Called with audio that is about to be written.
        self.note: Callable[[Any], None] = outbox.keep if self._keeps else outbox.media.count
        self.send_realtime_input = connection.session.send_realtime_input
        self.watch: asyncio.TimerHandle | None = None
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
        if self._outbox.due or not self.direct:
            self.hold()
            self._due.set()

    def hold(self) -> None:
        """Let callers write no more: what they send is held from now on."""
        self.direct = self.lean = False

    def failed(self, audio: Any, error: Exception) -> bool:
        """Note what writing audio has raised; return whether the audio is still to be held.

        Args:
            audio: The audio.
            error: What was raised.

        Raises:
            Exception: The error, if it is about the audio and not the connection.
        """
        lost = self._lost(error)
        if not self._keeps:
            self._media.discount(audio)
        elif not lost:
            self._outbox.unkeep()
        if not lost:
            raise error
        return not self._keeps

    def _lost(self, error: Exception) -> bool:
        if not is_loss(error):
            return False
        self.hold()
        self._connection.suspect(error)
        return True

    async def write(self, write: Write) -> None:
        """Write a message: the SDK's own call. One that does not get through is held.

        Args:
            write: What the outbox has taken for written.

        Raises:
            Exception: What the SDK raises for a bad argument.
        """
        self.begun += 1
        if self.watch is None:
            self.look_later()
        try:
            await getattr(self._connection.session, write.call.method)(**write.call.arguments)
        except Exception as error:
            if not self._lost(error):
                self._outbox.refused(write)
                raise
            self._outbox.failed(write)
        finally:
            self.over += 1

    async def _write_due(self) -> None:
        loop = asyncio.get_running_loop()
        while self._connection.alive:
            self._due.clear()
            due = self._outbox.next(loop.time())
            if isinstance(due, Write):
                await self.write(due)
            if due is None:
                self.direct, self.lean = True, not self._outbox.strict
            if not self._outbox.replaying and self._connection.alive:
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
            self._connection.fail(ConnectionAbortedError("the task that writes was cancelled"))
        elif (error := task.exception()) is not None:
            self._broken(error)

    # The watch

    def look_later(self, *, looks: int = 0) -> None:
        """Look after a while whether a write waits for the socket.

        Args:
            looks: How many looks in a row have found that one waits.
        """
        loop = asyncio.get_running_loop()
        self.watch = loop.call_later(self._stall_timeout / _LOOKS, self._look, looks, self.over)

    def _look(self, looks: int, over: int) -> None:
        """Look whether a write has waited for the socket since the last look.

        Args:
            looks: How many looks before this one have found that no write was over in between.
            over: How many writes were over at the last look.
        """
        self.watch = None
        if self.begun > self.over:
            looks = looks + 1 if self.over == over else 0
            if looks == _LOOKS:
                self._connection.cut_off(
                    TimeoutError(f"the peer has read nothing for {self._stall_timeout:g} s")
                )
                return
            if looks == _LOOKS_UNTIL_TOLD:
                self._tell(Stalled(waited=looks * self._stall_timeout / _LOOKS))
            self.look_later(looks=looks)
        if self._ping is None and self._media.unacknowledged:
            self._ping = asyncio.create_task(self._acknowledge(), name="reconnect ping")
            self._ping.add_done_callback(self._pinged)

    async def _acknowledge(self) -> bool:
        self._media.asking()
        acknowledged = await acknowledgement(self._connection.session)
        if acknowledged:
            self._media.acknowledged()
        return acknowledged

    def _pinged(self, task: asyncio.Task[bool]) -> None:
        self._ping = None
        if task.cancelled():
            return
        if (error := task.exception()) is not None:
            self._broken(error)
        elif task.result() and self._media.unacknowledged and self.watch is None:
            # What was written while the pong was awaited, by a caller who is silent now.
            self.look_later()
