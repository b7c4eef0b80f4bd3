"""One connection: an SDK session that is held open in a task of its own.

The SDK's ``connect()`` is a context manager, and whoever enters it must leave it: from another
task, a cancel scope inside it would break. So each connection gets one task that enters, waits to
be released, and leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Final

from reconnect.errors import SetupTimeout

from .sdk import check_setup, connect, readable
from .transport import abort

if TYPE_CHECKING:
    from google.genai import types

__all__ = ["Connection"]

logger = logging.getLogger("reconnect")

_UNWINDING: Final = 0.1
"""Seconds in which an attempt that has run out of time ends, unless it has a socket to close."""

_LINGERING: Final = 15.0
"""Seconds in which a connection closes, or is cut off. websockets waits ten of them for the server,
but without a limit for the room to write its own close frame."""

_PARTING: Final = 1.0
"""Seconds in which a connection closes for which nobody waits, or is cut off."""

_SUSPICION: Final = 1.0
"""Seconds in which the reading side must confirm what a failed write has shown."""


class Connection:
    """A connection, from the first attempt to the end of its closing handshake.

    Args:
        live: What to connect with: the SDK's ``client.aio.live`` or anything with its ``connect``.
        model: The model's name.
        config: The configuration of this connection; ``connect()`` may change it.
        over: Called when nothing more will be read.
    """

    def __init__(
        self,
        live: Any,
        *,
        model: str,
        config: types.LiveConnectConfig,
        over: Callable[[], None],
    ) -> None:
        self.session: Any = None
        # How reading ended; None while more may come.
        self.error: Exception | None = None
        # Whether it is open, as far as is known.
        self.alive = False
        # Whether it was given up since its peer read nothing.
        self.cut = False
        # Whether it has been brought up to date, so that the session may be said to be back.
        self.ready = False
        self._live = live
        self._model = model
        self._config = config
        self._messages: AsyncIterator[types.LiveServerMessage] | None = None
        self._opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._released = asyncio.Event()
        self._over = asyncio.Event()
        self._tell_over = over
        self._holder: asyncio.Task[None] | None = None

    async def open(self, *, timeout: float) -> None:
        """Connect and wait for setupComplete.

        Args:
            timeout: Seconds that all of it may take. The SDK has no limit of its own for the
                setup: a server that stays silent would hang it for ever.

        Raises:
            TimeoutError: If it takes longer: a `SetupTimeout` if the handshake was over.
            Exception: Whatever ``connect()`` raises.
        """
        self._holder = asyncio.create_task(self._hold(timeout), name="reconnect connection")
        try:
            async with asyncio.timeout(timeout + _UNWINDING):
                self.session = await asyncio.shield(self._opened)
                self.alive = True
        except TimeoutError as error:
            if self._opened.done():
                raise
            # The holder has given up by now, and waits for the server to acknowledge its close:
            # so the handshake was over.
            self._opened.cancel()
            raise SetupTimeout(f"no setupComplete within {float(timeout):g} s") from error
        except asyncio.CancelledError:
            self._holder.cancel()
            raise

    def messages(self) -> AsyncIterator[types.LiveServerMessage]:
        """Return what the SDK's ``receive()`` yields, to be read by one task at a time.

        It is passed on from reader to reader, and lives no longer than a turn: the one who finds
        it exhausted, or is cancelled while it waits, says so by `renew`. Nothing is lost then: a
        message is either yielded or still to be read.
        """
        messages = self._messages
        if messages is None:
            messages = self._messages = self.session.receive()
        return messages

    def renew(self) -> None:
        """Note that the iterator of `messages` is exhausted."""
        self._messages = None

    def reading_failed(self, error: Exception) -> None:
        """Note what reading has raised: nothing more will be read."""
        self.fail(readable(error))

    def fail(self, error: Exception) -> None:
        """Note that nothing more will be read."""
        self.alive = False
        if self.error is None:
            self.error = error
            self._over.set()
            self._tell_over()

    def suspect(self, error: Exception) -> None:
        """Note that a write has failed.

        The reading side is left to find out: what the server sent before it hung up is still to
        be read, and its close frame says more than a broken pipe.
        """
        if self.alive:
            self.alive = False
            asyncio.get_running_loop().call_later(_SUSPICION, self.fail, error)

    def release(self) -> None:
        """Let the closing begin, in the background."""
        self.alive = self.ready = False
        self._released.set()

    def cut_off(self, error: Exception) -> None:
        """Give up a connection whose peer reads nothing: whoever waits to write to it goes on."""
        self.cut = True
        self.fail(error)
        abort(self.session)

    async def close(self, *, timeout: float) -> None:
        """Close the socket and wait until it is closed and read to its end.

        Args:
            timeout: Seconds to wait at most; the closing goes on behind that.
        """
        self.release()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                if self._holder is not None:
                    await asyncio.wait({self._holder})
                if self.session is not None:
                    await self._over.wait()
                return
        if self.session is None:
            return
        silent = TimeoutError(f"the server did not acknowledge the close within {timeout:g} s")
        if timeout:
            # Whoever waits to write to it has waited long enough.
            self.cut_off(silent)
        else:
            self.fail(silent)
            # Whoever still reads or writes waits for the server no longer than that.
            asyncio.get_running_loop().call_later(_PARTING, self.cut_off, silent)

    async def _hold(self, timeout: float) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                async with asyncio.timeout(timeout):
                    session = await stack.enter_async_context(
                        connect(self._live, model=self._model, config=self._config)
                    )
                    check_setup(self._live, session)
                if self._opened.cancelled():
                    # It opened too late, for nobody.
                    self._released.set()
                else:
                    self._opened.set_result(session)
                await self._released.wait()
                try:
                    async with asyncio.timeout(_LINGERING):
                        await stack.aclose()
                except TimeoutError:
                    abort(session)
        except asyncio.CancelledError:
            self._opened.cancel()
            raise
        except BaseException as error:
            # One that is no Exception too: whoever waits for the connection would wait for ever.
            if self._opened.done():
                # The connection is over; how its closing went changes nothing for the session.
                logger.debug("closing a connection raised %s", type(error).__name__)
            elif isinstance(error, StopIteration):
                # No future takes it.
                stopped = RuntimeError(f"connect() raised {error!r}")
                stopped.__cause__ = error
                self._opened.set_exception(stopped)
            else:
                self._opened.set_exception(error)
