"""The WebSocket under a session of the SDK's, which has no methods for what is asked of it here.

websockets is imported inside the functions: see `sdk`.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any, Final

__all__ = ["abort", "acknowledged_bytes", "acknowledgement", "is_closing", "is_loss", "is_stuck"]

_TCP_INFO: Final = (120, 128)
"""Where Linux's ``struct tcp_info`` has the bytes that the peer has acknowledged."""


def is_loss(error: BaseException) -> bool:
    """Tell whether what a send has raised means that the connection is lost.

    websockets wraps every error of the network in one of its own. Whatever else comes out of a
    send is about its arguments: an ``OSError`` over a truncated image, say.
    """
    from websockets.exceptions import ConnectionClosed

    return isinstance(error, ConnectionClosed)


async def acknowledgement(session: Any) -> bool:
    """Ask the server for a pong, and wait for it; return whether it came.

    All that was written before the ping has then reached the server. The SDK has no method for
    this: where its session has no WebSocket that can be asked, nothing is ever acknowledged.
    """
    from websockets.asyncio.connection import Connection

    websocket = getattr(session, "_ws", None)
    if not isinstance(websocket, Connection):
        return False
    try:
        pong = asyncio.ensure_future(await websocket.ping())
        # Not awaited itself: websockets 13 fails over a pong whose waiter was cancelled.
        await asyncio.wait({pong})
        pong.result()
    except Exception as error:
        if is_loss(error):
            # Whoever reads finds out too.
            return False
        raise
    return True


def is_stuck(session: Any) -> bool:
    """Tell whether the socket takes no more for now, so that whoever writes waits."""
    from websockets.asyncio.connection import Connection

    websocket = getattr(session, "_ws", None)
    return isinstance(websocket, Connection) and bool(websocket.paused)


def is_closing(session: Any) -> bool:
    """Tell whether one side has said that it closes: whoever writes waits for the socket's end."""
    from websockets.asyncio.connection import Connection
    from websockets.protocol import State

    websocket = getattr(session, "_ws", None)
    return isinstance(websocket, Connection) and websocket.state is State.CLOSING


def acknowledged_bytes(session: Any) -> int | None:
    """Return how many bytes the peer's system has taken; None where nobody says so.

    That a write is over is no measure: one that is large takes long on a slow line, and all that
    wait are over at once. So Linux is asked what has been acknowledged of the connection.
    """
    from websockets.asyncio.connection import Connection

    websocket = getattr(session, "_ws", None)
    if not isinstance(websocket, Connection) or sys.platform != "linux":
        return None
    first, last = _TCP_INFO
    try:
        found = websocket.transport.get_extra_info("socket")
        # The loop's own view of the socket may not be asked.
        with socket.socket(fileno=os.dup(found.fileno())) as asked:
            info = asked.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, last)
    except OSError:
        # It is closed.
        return None
    return int.from_bytes(info[first:last], sys.byteorder) if len(info) == last else None


def abort(session: Any) -> None:
    """Cut a connection off, for one whose peer reads nothing: a close would wait for it.

    Whoever waits for room in the socket goes on, most of them as if all had been written.
    """
    from websockets.asyncio.connection import Connection

    websocket = getattr(session, "_ws", None)
    if isinstance(websocket, Connection):
        websocket.transport.abort()
