"""The behaviour that google/adk-python PR 5007 set out for its live loop, at the SDK's level."""

import contextlib

import pytest
from google.genai import errors
from talk import ask, asked, handles, session_on, settled, user
from tenacity import stop_after_attempt
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK
from websockets.frames import Close as CloseFrame

from reconnect import GoingAway, ReconnectExhausted, ReconnectPolicy
from reconnect.testing import Close, GoAway, LiveServer, Refuse

TEN = ReconnectPolicy(stop=stop_after_attempt(10))


class RaisingLive:
    """The SDK's live module, except that a session's ``receive()`` raises when told to."""

    def __init__(self, live):
        self.live = live
        self.error = None

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        async with self.live.connect(model=model, config=config) as session:
            sdk_receive = session.receive

            async def receive():
                async for message in sdk_receive():
                    if self.error is not None:
                        error, self.error = self.error, None
                        raise error
                    yield message

            session.receive = receive
            yield session


async def test_reconnects_on_connection_closed_ok_with_handle():
    """Session resumes after a clean close that nobody on this side asked for."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        handle = session.handle
        server.inject(Close(1000, ""))
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert handles(server) == [None, handle]


async def test_reconnects_on_raw_connection_closed_ok_with_handle():
    """Session resumes where an SDK lets the ConnectionClosedOK of websockets through."""
    async with LiveServer() as server:
        live = RaisingLive(server.client().aio.live)
        async with session_on(server, live=live) as session:
            await ask(session, "a")
            await settled()
            frame = CloseFrame(1000, "")
            live.error = ConnectionClosedOK(frame, frame, rcvd_then_sent=True)
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


@pytest.mark.parametrize("code", [1011, 503])
async def test_reconnects_on_api_error_with_handle(code):
    """Session resumes after an APIError, a 503 in a frame included."""
    async with LiveServer() as server:
        live = RaisingLive(server.client().aio.live)
        async with session_on(server, live=live) as session:
            await ask(session, "a")
            await settled()
            live.error = errors.APIError(code, {"message": "unavailable"}, None)
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
            assert len(server.connections) == 2


async def test_raises_connection_closed_without_handle():
    """Session raises a ConnectionClosed as it came while it has no handle."""
    async with LiveServer() as server:
        live = RaisingLive(server.client().aio.live)
        error = ConnectionClosed(CloseFrame(1011, "gone"), None)
        live.error = error
        with pytest.raises(ConnectionClosed) as raised:
            async with session_on(server, live=live) as session:
                await ask(session, "a")
    assert raised.value is error
    assert len(server.connections) == 1


async def test_raises_api_error_without_handle():
    """Session raises an APIError as it came while it has no handle."""
    async with LiveServer(faults=[Close(1011, "Internal error encountered.")]) as server:
        async with session_on(server) as session:
            with pytest.raises(errors.APIError) as raised:
                await ask(session, "a")
    assert raised.value.code == 1011
    assert len(server.connections) == 1


async def test_raises_non_api_error_with_handle():
    """Session raises what is no failure of a connection, even while it has a handle."""
    async with LiveServer() as server:
        live = RaisingLive(server.client().aio.live)
        async with session_on(server, live=live) as session:
            await ask(session, "a")
            await settled()
            assert session.handle is not None
            live.error = RuntimeError("a bug")
            with pytest.raises(RuntimeError, match="a bug"):
                await ask(session, "b")
        assert len(server.connections) == 1


@pytest.mark.parametrize(
    ("fault", "code"), [(Close(1011, during_setup=True), 1011), (Refuse(503), None)]
)
async def test_raises_after_max_retries(fault, code):
    """Session gives up after ten dials with a ConnectionError that has the last error as cause."""
    async with LiveServer() as server, session_on(server, policy=TEN) as session:
        await ask(session, "a")
        await settled()
        server.plan(*[fault] * 20)
        server.inject(Close(1011, "Internal error encountered."))
        with pytest.raises(ConnectionError) as raised:
            await ask(session, "b")
        assert len(server.connections) == 1 + 10
    assert isinstance(raised.value, ReconnectExhausted)
    assert raised.value.attempts == 10
    assert getattr(raised.value.__cause__, "code", None) == code


async def test_skips_history_on_reconnect():
    """Session does not send the history to a session that is resumed."""
    async with LiveServer() as server:
        async with session_on(server, history=[user("told")]) as session:
            await ask(session, "a")
            await settled()
            server.inject(Close(1011))
            await ask(session, "b")
        first, second = server.connections
        assert second.handle is not None
        assert [h.kind for h in server.heard] == ["seed", "turn", "turn"]
        assert "history_config" in first.setup
        assert "history_config" not in second.setup


async def test_sends_history_without_handle():
    """Session sends the history to a fresh session before anything else, and gets no reply."""
    history = [user("told"), {"role": "model", "parts": [{"text": "heard"}]}]
    async with LiveServer() as server:
        async with session_on(server, history=history) as session:
            assert await ask(session, "a") == 'You said "a". That is turn 2; before it: "told".'
        assert server.context[:2] == [("user", "told"), ("model", "heard")]
        assert asked(server) == ["a"]


async def test_surfaces_go_away():
    """Session hands the go_away to the caller, and tells on_event."""
    events, surfaced = [], []
    async with LiveServer(faults=[[GoAway("9.5s", after_sent=3)]]) as server:
        async with session_on(server, on_event=events.append) as session:
            await session.send_client_content(turns=user("a"))
            async for message in session.receive():
                if message.go_away is not None:
                    surfaced.append(message.go_away.time_left)
    assert surfaced == ["9.5s"]
    assert GoingAway(time_left=9.5, announced="9.5s") in events
