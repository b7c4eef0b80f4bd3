"""What is asked of the WebSocket under a session, and done to it."""

import asyncio
from types import SimpleNamespace

import pytest
from google.genai import errors
from talk import MODEL
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from reconnect._driver.transport import abort, acknowledgement, is_loss
from reconnect.testing import Abort, LiveServer, Stall

TOO_DEEP = "[" * 100_000


CLOSED = ConnectionClosedError(None, None)


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        (CLOSED, True),
        (ConnectionClosedOK(None, None), True),
        (OSError("image file is truncated"), False),
        (BrokenPipeError(), False),
        (ValueError(), False),
        (errors.APIError(1011, "", None), False),
        (RuntimeError(), False),
    ],
)
def test_loss_that_a_send_has_found(error, lost):
    """Of what a send raises, only what websockets raises of a closed connection means a loss."""
    assert is_loss(error) is lost


async def test_acknowledgement():
    """A pong acknowledges all that was written before it was asked for."""
    async with LiveServer() as server:
        async with server.client().aio.live.connect(model=MODEL, config={}) as session:
            await session.send_realtime_input(text="a")
            assert await acknowledgement(session)
            assert [heard.value for heard in server.heard] == ["a"]


async def test_acknowledgement_that_does_not_come():
    """Nothing is acknowledged on a connection that ends before the pong, or has ended."""
    async with LiveServer() as server:
        async with server.client().aio.live.connect(model=MODEL, config={}) as session:
            server.inject(Stall(pongs=False))
            waiting = asyncio.create_task(acknowledgement(session))
            await asyncio.sleep(5)
            assert not waiting.done()
            server.inject(Abort())
            assert not await waiting
            assert not await acknowledgement(session)


async def test_error_of_a_ping_is_raised(monkeypatch):
    """What a ping raises that is no loss of the connection is a bug, and raised."""
    async with LiveServer() as server:
        async with server.client().aio.live.connect(model=MODEL, config={}) as session:

            async def ping():
                raise RuntimeError("bug")

            monkeypatch.setattr(session._ws, "ping", ping)
            with pytest.raises(RuntimeError, match="bug"):
                await acknowledgement(session)


@pytest.mark.parametrize("session", [SimpleNamespace(), SimpleNamespace(_ws=SimpleNamespace())])
async def test_session_without_a_websocket(session):
    """A session that has no WebSocket acknowledges nothing, and there is nothing to abort."""
    assert not await acknowledgement(session)
    abort(session)


async def test_abort():
    """A connection that is aborted is over at once, without a closing handshake."""
    async with LiveServer() as server:
        async with server.client().aio.live.connect(model=MODEL, config={}) as session:
            abort(session)
            with pytest.raises(errors.APIError):
                await anext(session.receive())
            with pytest.raises(ConnectionClosedError):
                await session.send_realtime_input(text="a")
