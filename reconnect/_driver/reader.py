"""Who reads: the caller itself while it iterates, a listener while it does not.

The caller reads directly, through the SDK's own generator. When it is not iterating, or sits in
its own loop body for longer than a tenth of a second, a listener steps in, a task that reads into
an inbox. Otherwise a close, a handle or a go_away would go unseen, since websockets stops reading
at 16 frames. A background reader that hands every message over was measured and rejected: it costs
a quarter more per message.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Final

from reconnect._conversation.limits import INBOX, size_of
from reconnect._conversation.messages import PART_OF_MESSAGE, PART_OF_REPLY, ends_turn

from .connection import Connection

if TYPE_CHECKING:
    from google.genai import types

    from reconnect._conversation.conversation import Conversation

__all__ = ["Reader"]

LISTEN_AFTER: Final = 0.1
"""Seconds without a reader after which the session listens for itself."""

_WAITS: Final = object()
"""What stands for a caller that waits for a message."""


class Reader:
    """Reads one connection after the other, each message once and in order.

    Args:
        conversation: The conversation, which knows what a message changes.
        take: Called with each message that may change something, as it is read; returns the
            messages that the caller is shown in its place, None for the message itself.
        check_open: Raises what has ended the session, if it has ended.
        broken: Called with what a listener raises that is no failure of the connection: a bug.
    """

    def __init__(
        self,
        conversation: Conversation,
        *,
        take: Callable[[types.LiveServerMessage], Sequence[types.LiveServerMessage] | None],
        check_open: Callable[[], None],
        broken: Callable[[BaseException], None],
    ) -> None:
        self._conversation = conversation
        self._take = take
        self._check_open = check_open
        self._broken = broken
        self._connection: Connection | None = None
        # Set when there is something new for a caller that waits; there is one at most.
        self._news = asyncio.Event()
        self._closed = False
        # What waits for the caller, each with its bytes, and all of these.
        self._inbox: deque[tuple[types.LiveServerMessage, int]] = deque()
        self._bytes = 0
        # The message that the caller is at work on; `_WAITS` while it waits for one, from the
        # connection or from the listener, and None once somebody else has stepped in.
        self._at: object = None
        # The connection that the caller last read from directly.
        self._read_from: Connection | None = None
        self._listener: asyncio.Task[None] | None = None
        # Whether the listener waits for a message.
        self._awaits = False
        # When to look whether the caller still reads, and what it was at before.
        self._timer: asyncio.TimerHandle | None = None
        self._was_at: object = None

    # The caller's side

    async def turn(  # noqa: C901, PLR0912 (one loop: what is not in it costs every message a call)
        self,
        owner: object,  # noqa: ARG002
    ) -> AsyncIterator[types.LiveServerMessage]:
        """Yield the messages up to the end of the turn, over as many connections as it takes.

        Args:
            owner: What is not to be garbage while this is iterated: the session.
        """
        conversation = self._conversation
        while True:
            connection = await self._source()
            if connection is None:
                message, over = self._take_out()
                yield message
                if over:
                    return
                continue
            # From here to the end of the loop body is what every message costs. `at` is for this
            # generator alone: one that was abandoned may be closed while another one waits.
            at = self._at = _WAITS
            self._read_from = connection
            try:
                async for message in connection.messages():
                    at = self._at = message
                    if connection.error is not None:
                        # Given up while its peer would not close it: this comes too late.
                        break
                    if self._timer is None:
                        self._watch()
                    part = (
                        (content := message.server_content) is not None
                        and content.__pydantic_fields_set__ == PART_OF_REPLY
                        and message.__pydantic_fields_set__ == PART_OF_MESSAGE
                    )
                    if part and (conversation.sounding or conversation.goes_on(content)):
                        yield message
                    else:
                        # It is more than a piece of audio.
                        shown = self._take(message)
                        if shown is not None or self._inbox:
                            self.show(*((message,) if shown is None else shown))
                            break
                        # Asked first: whoever is handed the message may empty it.
                        over = not part and ends_turn(message)
                        yield message
                        if over:
                            return
                    if self._at is not message:
                        # The caller was away for so long that the listener stepped in, or another
                        # task reads.
                        break
                    at = self._at = _WAITS
                else:
                    connection.renew()
            except Exception as error:
                if at is not _WAITS:
                    raise
                connection.reading_failed(error)
            except asyncio.CancelledError:
                # Whoever cancelled the reader may read no more.
                if at is _WAITS:
                    at = self._at = None
                    connection.renew()
                    self._left()
                raise
            finally:
                if at is _WAITS:
                    self._at = None

    async def _source(self) -> Connection | None:
        """Return a connection that this task can read from; None if the inbox has a message.

        A listener that is at it hands over after its next message.
        """
        if self._at is _WAITS:
            raise RuntimeError(
                "another task is already iterating over receive(); read from one task only"
            )
        self._at = _WAITS
        self._read_from = None
        try:
            while not self._inbox:
                connection = self._connection
                if connection is None or connection.error is not None:
                    self._check_open()
                elif self._listener is None:
                    return connection
                self._news.clear()
                await self._news.wait()
            return None
        except asyncio.CancelledError:
            self._at = None
            self._left()
            raise
        finally:
            self._at = None

    def _take_out(self) -> tuple[types.LiveServerMessage, bool]:
        """Return the next message of the inbox, and whether it ends the turn."""
        message, size = self._inbox.popleft()
        self._bytes -= size
        over = ends_turn(message)
        self._at = message
        self._watch()
        return message, over

    def _left(self) -> None:
        """See to it that somebody reads after a caller that was cancelled."""
        if self._connection is not None and not self._connection.alive:
            # It is being closed, and waits to be read to its end.
            self.listen()
        self._watch()

    # The session's side

    def follow(self, connection: Connection) -> None:
        """Read from a connection from now on.

        Args:
            connection: The connection; the one before it has been read to its end.
        """
        self._connection = connection
        if self._listener is not None:
            # It is still at the old one, whose peer does not acknowledge the close.
            self._listener.cancel()
        self._news.set()
        self.listen()

    def show(self, *messages: types.LiveServerMessage) -> None:
        """Put messages of the session's own behind those that were read."""
        for message in messages:
            size = size_of(message)
            self._inbox.append((message, size))
            self._bytes += size
        self._step_in()

    def listen(self) -> None:
        """Read into the inbox until the caller reads for itself, if nobody reads now.

        It begins at the end of a turn: the handle for the turn comes after it, and a caller that
        is done does not wait for it; with websockets 13, what is unread at a close is lost.
        """
        connection = self._connection
        if (
            connection is None
            or connection.error is not None
            or self._served(connection)
            or self._listener is not None
            or self._closed
        ):
            return
        self._listener = asyncio.create_task(
            self._fill_inbox(connection), name="reconnect listener"
        )
        self._listener.add_done_callback(lambda task: self._listened(task, connection))
        self._step_in()

    def _step_in(self) -> None:
        """Note that what the caller reads next is not from the connection."""
        if self._at is not _WAITS:
            self._at = None
        self._news.set()

    async def caught_up(self) -> None:
        """Wait until all that has come is read: somebody waits for a message, and there is none."""
        # An event would have to be set with every message.
        while not (self._awaits or (self._at is _WAITS and self._read_from is not None)):  # noqa: ASYNC110
            await asyncio.sleep(LISTEN_AFTER)

    def end(self) -> None:
        """Raise to the caller what has ended the session, once all that was read is yielded."""
        self._news.set()

    def close(self) -> None:
        """Stop: what has not been read by now, nobody wants."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._listener is not None:
            self._listener.cancel()
        self._inbox.clear()
        self._bytes = 0

    # The listener

    def _watch(self) -> None:
        """Look after a while whether the caller still reads; one timer at a time."""
        if self._closed or self._timer is not None:
            return
        self._was_at = self._at
        self._timer = asyncio.get_running_loop().call_later(LISTEN_AFTER, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._at is _WAITS:
            return
        if self._at is not self._was_at:
            self._watch()
        else:
            self.listen()

    async def _fill_inbox(self, connection: Connection) -> None:
        # A connection that is being closed is read to its end, over the limit if need be: what is
        # left unread is lost. What its buffers hold is bounded.
        while not self._served(connection) and (self._has_room() or not connection.ready):
            self._awaits = True
            try:
                message = await anext(connection.messages())
            except StopAsyncIteration:
                connection.renew()
                continue
            except asyncio.CancelledError:
                connection.renew()
                raise
            except Exception as error:
                connection.reading_failed(error)
                return
            finally:
                self._awaits = False
            if connection.error is not None:
                return
            shown = self._take(message)
            self.show(*((message,) if shown is None else shown))

    def _has_room(self) -> bool:
        return INBOX.fits(messages=len(self._inbox) + 1, bytes=self._bytes)

    def _served(self, connection: Connection) -> bool:
        """Tell whether the caller reads from a connection, or waits to.

        One that still waits for the end of an older connection does not.
        """
        return self._at is _WAITS and self._read_from in (None, connection)

    def _listened(self, listener: asyncio.Task[None], connection: Connection) -> None:
        self._listener = None
        self._news.set()
        if listener.cancelled():
            # By `follow`, or by somebody who has nothing to do with it.
            self._left()
        elif (error := listener.exception()) is not None:
            self._broken(error)
        if connection is not self._connection:
            self.listen()
