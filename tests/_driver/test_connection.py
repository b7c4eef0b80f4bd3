"""One connection: its dial, its limits, its close."""

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from google.genai import types
from talk import MODEL, QUICK, ask, session_on, settled
from websockets.exceptions import ConnectionClosed

from reconnect import Lost, Phase
from reconnect._driver.connection import Connection
from reconnect.errors import SetupTimeout
from reconnect.testing import Abort, Delay, GoAway, LiveServer, Silence, Stall


async def test_closes_the_old_socket_first():
    """Session waits for the old socket to close before it dials, for the server refuses two."""
    fault = GoAway("50s", after_sent=7)
    async with (
        LiveServer(close_delay=3.0, faults=[fault]) as server,
        session_on(server) as session,
    ):
        await ask(session, "a")
        # Half of the way to a second before the deadline, the close, and a second to spare.
        await asyncio.sleep(24.5 + 3.0 + 1)
        first, second = server.connections
        assert first.closed_at <= second.opened_at
        assert second.ended_by is None


async def test_silent_setup_is_bounded():
    """Session gives a setup ten seconds, and tells it from a dial that hangs."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(Silence(), Delay(20, of="handshake"))
        server.inject(Abort())
        await ask(session, "b")
    phases = [event.phase for event in events if isinstance(event, Lost)]
    assert phases == [Phase.SESSION, Phase.SETUP, Phase.CONNECT]


async def test_stalled_server_is_noticed():
    """Session resumes when the keepalive of websockets finds the server silent."""
    async with LiveServer(profile="2.5", faults=[Stall(pongs=False, after_sent=8)]) as server:
        async with session_on(server, policy=QUICK) as session:
            await ask(session, "a")
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


class OneSession:
    """Something to dial with that opens a session made for the test."""

    def __init__(self, session=None, closing=None):
        self.session = session or SimpleNamespace()
        self.closing = closing

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        yield self.session
        if self.closing is not None:
            raise self.closing


def connection_on(live, over=lambda: None):
    """Return a connection that is not dialled yet."""
    return Connection(live, model=MODEL, config=types.LiveConnectConfig(), over=over)


def is_closed(connection):
    """Tell whether a connection has been left, and its socket closed."""
    return connection._holder.done()


async def test_failed_write_leaves_the_word_to_the_reading_side():
    """Connection gives the reading side a second to say what a failed write was."""
    told = []
    connection = connection_on(OneSession(), over=lambda: told.append(connection.error))
    await connection.open(timeout=1)
    assert connection.alive
    broken = BrokenPipeError()
    connection.suspect(broken)
    connection.suspect(OSError())
    # Nobody writes to it any more, and it is still read.
    assert not connection.alive
    assert connection.error is None
    await asyncio.sleep(2)
    assert told == [broken]
    connection.fail(OSError())
    assert told == [broken]
    await connection.close(timeout=1)
    assert is_closed(connection)


async def test_failure_to_close_is_of_no_account(caplog):
    """Connection logs what leaving it raises, and is closed."""
    caplog.set_level("DEBUG", "reconnect")
    connection = connection_on(OneSession(closing=OSError("no way out")))
    await connection.open(timeout=1)
    connection.fail(OSError())
    assert not connection.alive
    await connection.close(timeout=1)
    assert is_closed(connection)
    assert "raised OSError" in caplog.text
    assert "no way out" not in caplog.text


async def test_cancelled_dial_is_left():
    """Connection leaves a dial that is cancelled, and lets the cancellation pass at once."""
    async with LiveServer(faults=[Silence()]) as server:
        connection = connection_on(server.client().aio.live)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await connection.open(timeout=10)
        # The server is as silent over the close: websockets waits ten seconds for its answer.
        await connection.close(timeout=1)
        assert not is_closed(connection)
        await asyncio.sleep(10)
        assert is_closed(connection)


async def test_connection_that_was_never_dialled_closes():
    """Connection that was never opened is closed without ado."""
    await connection_on(OneSession()).close(timeout=1)


async def test_setup_is_bounded_without_its_close():
    """Connection gives up a silent setup in time, though its close is not acknowledged."""
    async with LiveServer(faults=[Silence()]) as server:
        connection = connection_on(server.client().aio.live)
        began = asyncio.get_running_loop().time()
        with pytest.raises(SetupTimeout, match=r"no setupComplete within 0\.5 s"):
            await connection.open(timeout=0.5)
        assert asyncio.get_running_loop().time() - began < 1
        await asyncio.sleep(11)


IMAGE = types.Blob(data=bytes(12 * 2**20), mime_type="image/png")
"""Two of them are more than the system takes of a peer that does not read."""


async def fill(session):
    """Write until there is no room, and wait for it."""
    while True:
        await session.send_realtime_input(video=IMAGE)


async def test_connection_whose_peer_reads_nothing_is_cut_off():
    """Connection that is cut off frees whoever waits to write to it, and closes at once."""
    async with LiveServer() as server:
        connection = connection_on(server.client().aio.live)
        await connection.open(timeout=1)
        server.inject(Stall(reads=False))
        waiting = asyncio.create_task(fill(connection.session))
        await asyncio.sleep(10)
        assert not waiting.done()
        error = TimeoutError("the peer has read nothing")
        connection.cut_off(error)
        assert connection.error is error
        assert not connection.alive
        with pytest.raises(ConnectionClosed):
            await waiting
        began = asyncio.get_running_loop().time()
        await connection.close(timeout=1)
        assert is_closed(connection)
        assert asyncio.get_running_loop().time() - began < 0.5


async def test_close_that_has_no_room_is_bounded():
    """Connection cuts off what cannot even be sent the close, and says what was not acknowledged.

    websockets limits the time it waits for the server's answer, and not that for its own frame.
    """
    async with LiveServer() as server:
        connection = connection_on(server.client().aio.live)
        await connection.open(timeout=1)
        server.inject(Stall(reads=False))
        waiting = asyncio.create_task(fill(connection.session))
        await asyncio.sleep(1)
        await connection.close(timeout=1)
        assert str(connection.error) == "the server did not acknowledge the close within 1 s"
        assert not is_closed(connection)
        await asyncio.sleep(20)
        assert is_closed(connection)
        with pytest.raises(ConnectionClosed):
            await waiting


async def test_failed_dial_is_raised_whatever_it_raises():
    """Connection raises what a dial raises, be it no Exception: nobody waits for ever."""

    class Over(BaseException):
        pass

    class Broken:
        @contextlib.asynccontextmanager
        async def connect(self, *, model, config):
            raise Over
            yield

    connection = connection_on(Broken())
    with pytest.raises(Over):
        await connection.open(timeout=1)
    await connection.close(timeout=1)
    assert is_closed(connection)
