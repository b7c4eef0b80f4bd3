"""The socket that a server listens on, which can be away for a while."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import cast

from ._certificates import HOST
from ._journal import logger

BACKLOG = 100

SEGMENT = 1448
"""Bytes of a TCP segment on Ethernet."""


class Listener:
    """Listens on a port, and keeps it while it does not.

    Args:
        accept: Called with the transport of each connection; it sets a protocol of its own.
        port: The port; 0 for any that is free.
        receive_buffer: Bytes of the kernel's buffer for what is not read; None for its default.
    """

    def __init__(
        self,
        accept: Callable[[asyncio.Transport], None],
        *,
        port: int,
        receive_buffer: int | None,
    ) -> None:
        self.port = port
        self._accept = accept
        self._receive_buffer = receive_buffer
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._recovery: asyncio.Task[None] | None = None
        self._recovers_at = 0.0

    @property
    def holds(self) -> bool:
        """Whether it has its port, whether or not it listens."""
        return self._socket is not None

    async def open(self) -> None:
        """Take the port, and listen on it.

        Raises:
            OSError: If somebody else has the port.
            RuntimeError: If it is open.
        """
        if self._socket is not None:
            raise RuntimeError("the server is already running")
        self._socket = self._bound(self.port)
        self.port = self._socket.getsockname()[1]
        await self._listen(self._socket)

    def leave(self, seconds: float) -> None:
        """Refuse all attempts for so long; leaving while away can only make it longer.

        Args:
            seconds: How long.

        Raises:
            RuntimeError: If it is not open.
        """
        if self._socket is None:
            raise RuntimeError("the server is not running")
        self._stop_listening()
        loop = asyncio.get_running_loop()
        self._recovers_at = max(self._recovers_at, loop.time() + seconds)
        if self._recovery is not None:
            self._recovery.cancel()
        self._recovery = loop.create_task(self._recover(self._socket))

    async def close(self) -> None:
        """Give the port up."""
        self._stop_listening()
        cast("socket.socket", self._socket).close()
        self._socket = None
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.wait({self._recovery})

    def _bound(self, port: int) -> socket.socket:
        """Give a socket that holds a port, 0 for any, but does not listen yet."""
        # With the protocol named, or asyncio leaves Nagle's algorithm on for what is accepted.
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # On Windows the option lets others take the port too.
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, os.name == "posix")
        if self._receive_buffer is not None:
            # What is accepted inherits both. A client's own buffer grows with its segments, which
            # on loopback are large: then it takes megabytes, however little is read.
            found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            if hasattr(socket, "TCP_MAXSEG"):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        try:
            found.bind((HOST, port))
        except OSError:
            found.close()
            raise
        return found

    async def _listen(self, on: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Accepted(self._accept), sock=on, backlog=BACKLOG, start_serving=False
        )
        await self._server.start_serving()

    def _stop_listening(self) -> None:
        """Close the listening socket; one that only holds the port takes its place."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._socket = self._bound(self.port)

    async def _recover(self, on: socket.socket) -> None:
        await asyncio.sleep(self._recovers_at - asyncio.get_running_loop().time())
        self._recovery = None
        await self._listen(on)
        logger.info("the server is back")


class _Accepted(asyncio.Protocol):
    """Hands an accepted socket on; whoever takes it sets a protocol of its own."""

    def __init__(self, accept: Callable[[asyncio.Transport], None]) -> None:
        self._accept = accept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand the socket on."""
        self._accept(cast("asyncio.Transport", transport))
