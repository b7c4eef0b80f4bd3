"""What a send is on a good day: the SDK's own call, in its caller's task and order."""

import asyncio
import contextvars

import pytest
from google.genai import types
from google.genai.live import AsyncSession
from numbered import PCM, frame, frames, sent_to
from talk import QUICK, ask, kinds, session_on, settled, user

from reconnect import (
    Connected,
    SessionClosed,
)
from reconnect.testing import Abort, LiveServer, Stall

# What is sent


@pytest.mark.parametrize("vertexai", [False, True])
async def test_a_recording_as_fast_as_it_goes(vertexai):
    """Every piece of a five-minute recording that is sent at once arrives, in order."""
    async with LiveServer() as server, session_on(server, vertexai=vertexai) as session:
        for number in range(300):
            await session.send_realtime_input(audio=frame(number, seconds=1))
        await asyncio.sleep(1)
        assert frames(server) == list(range(300))
        assert session.stats.lost_audio == 0


async def test_a_stream_may_begin_in_the_tick_in_which_the_session_opens():
    """Nothing is taken for an outage's when `async with` has returned."""
    events = []
    async with (
        LiveServer() as server,
        session_on(
            server, audio_buffer=0.0, on_event=events.append, history=[user("x")]
        ) as session,
    ):
        for number in range(5):
            await session.send_realtime_input(audio=frame(number))
        await asyncio.sleep(1)
        assert frames(server) == list(range(5))
        assert kinds(events) == [Connected]


async def test_the_callers_order_is_kept(monkeypatch):
    """What several tasks send is written in the order in which they called."""
    written = []
    for name in ("send_realtime_input", "send_client_content"):
        send = getattr(AsyncSession, name)

        async def noting(self, _name=name, _send=send, **arguments):
            written.append(_name)
            await _send(self, **arguments)

        monkeypatch.setattr(AsyncSession, name, noting)
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        written.clear()
        sends = [
            session.send_realtime_input(audio=frame(1)),
            session.send_client_content(turns=user("b"), turn_complete=False),
            session.send_realtime_input(audio=frame(2)),
        ]
        await asyncio.gather(*sends)
        assert written == ["send_realtime_input", "send_client_content", "send_realtime_input"]
        await asyncio.sleep(1)
        assert sent_to(server)[1:] == ["audio", "context", "audio"]


async def test_a_send_runs_in_the_context_of_its_caller(monkeypatch):
    """The SDK's call sees the caller's context variables, and may change and reset them."""
    variable = contextvars.ContextVar("variable", default="none")
    seen = []
    send = AsyncSession.send_realtime_input

    async def noting(self, **arguments):
        seen.append(variable.get())
        await send(self, **arguments)

    monkeypatch.setattr(AsyncSession, "send_realtime_input", noting)
    async with LiveServer() as server, session_on(server) as session:
        token = variable.set("mine")
        try:
            await session.send_realtime_input(audio=frame(1))
        finally:
            variable.reset(token)
        await session.send_realtime_input(audio=frame(2))
        assert seen == ["mine", "none"]
        assert await ask(session, "a")


async def test_back_pressure_is_the_sockets():
    """A sender waits while the server reads slowly, and every frame arrives."""
    async with LiveServer(receive_rate=64_000, receive_buffer=1024) as server:
        async with session_on(server) as session:
            clock = asyncio.get_running_loop().time
            began = clock()
            for number in range(100):
                await session.send_realtime_input(audio=frame(number, seconds=0.5))
            assert clock() - began > 10
            server.receive_rate = None
            await asyncio.sleep(1)
            assert frames(server) == list(range(100))
            assert session.stats.lost_audio == session.stats.gaps == 0


async def test_a_closed_socket_is_a_loss():
    """A send that finds the connection closed is held, and written to the next."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        websocket = session._driver.connection.session._ws
        websocket.transport.abort()
        await websocket.wait_closed()
        await session.send_client_content(turns=user("b"), turn_complete=False)
        await session.send_realtime_input(audio=frame(7))
        await asyncio.sleep(3)
        assert frames(server) == [7]
        assert sent_to(server) == ["turn", "context", "audio"]
        assert session.stats.uncovered_audio == 0


async def test_a_socket_that_only_closes_is_a_loss():
    """A send on a connection that closes and never ends, as after a lost ping, is soon held."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.inject(Stall(pongs=False))
        closing = asyncio.create_task(session._driver.connection.session._ws.close(code=1011))
        await asyncio.sleep(0.1)
        clock = asyncio.get_running_loop().time
        began = clock()
        await session.send_realtime_input(audio=frame(7))
        assert clock() - began < 3
        await closing
        await asyncio.sleep(1)
        assert frames(server) == [7]
        assert session.stats.uncovered_audio == 0


# What is refused


async def test_an_error_of_the_callers_is_no_loss(monkeypatch):
    """An OSError out of the SDK, over a truncated image say, is raised, and nothing reconnects."""
    send = AsyncSession.send_realtime_input

    async def truncated(self, **arguments):
        if arguments.get("video") is not None:
            raise OSError("image file is truncated (0 bytes not processed)")
        await send(self, **arguments)

    monkeypatch.setattr(AsyncSession, "send_realtime_input", truncated)
    async with LiveServer(profile="2.5") as server, session_on(server, policy=QUICK) as session:
        image = types.Blob(data=b"\xff\xd8", mime_type="image/jpeg")
        with pytest.raises(OSError, match="truncated"):
            await session.send_realtime_input(video=image)
        await ask(session, "a")
        server.outage(5)
        await asyncio.sleep(1)
        with pytest.raises(OSError, match="truncated"):
            await session.send_realtime_input(video=image)
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        assert len(server.connections) == 2


@pytest.mark.parametrize("vertexai", [False, True])
async def test_what_the_sdk_refuses_leaves_no_trace(vertexai):
    """A message that the SDK refuses is neither numbered nor held: what follows is right."""
    async with (
        LiveServer() as server,
        session_on(server, vertexai=vertexai, policy=QUICK) as session,
    ):
        await ask(session, "a")
        wrong = types.Blob(data=b"0", mime_type="application/octet-stream")
        for refused in (
            session.send_realtime_input(audio=wrong),
            session.send_realtime_input(audio={"data": b"0"}),
            session.send_realtime_input(audio=frame(1), text="both"),
            session.send_realtime_input(video={"data": b"0", "mime_type": PCM}),
            session.send_realtime_input(audio=5),
            session.send_realtime_input(text=5),
            session.send_client_content(turns=[5]),
            session.send_context_update(tools=[5]),
            session.send_tool_response(function_responses=5),
        ):
            with pytest.raises((ValueError, TypeError, AttributeError)):
                await refused
        await session.send_realtime_input(audio=frame(2))
        await settled()
        server.inject(Abort())
        assert await ask(session, "b")
        assert frames(server) == [2]
        assert len(server.connections) == 2


class Touchy:
    """An object that raises an error of its own when it is asked for anything."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def itself():
    """Return a content that is its own part."""
    content = {}
    content["parts"] = [content]
    return content


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("send_realtime_input", {"audio": Touchy()}),
        ("send_realtime_input", {"media": Touchy()}),
        ("send_realtime_input", {"video": Touchy()}),
        ("send_realtime_input", {"audio": {"data": b"0", "mime_type": ["audio/pcm"]}}),
        (
            "send_realtime_input",
            {"audio": types.Blob.model_construct(data=b"0", mime_type=["audio/pcm"])},
        ),
        ("send_client_content", {"turns": Touchy()}),
        ("send_client_content", {"turns": types.Content}),
        ("send_client_content", {"turns": itself()}),
        ("send_context_update", {"tools": [types.Tool]}),
        ("send_tool_response", {"function_responses": Touchy()}),
    ],
)
async def test_what_cannot_be_copied_is_the_sdks_to_refuse(method, arguments, away):
    """What fails while it is measured or copied raises what it raises in the SDK's own call."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        with pytest.raises((ValueError, TypeError, AttributeError)) as expected:
            await getattr(session._driver.session, method)(**arguments)
        if away:
            server.outage(2)
            await asyncio.sleep(0.5)
        with pytest.raises((ValueError, TypeError, AttributeError)) as raised:
            await getattr(session, method)(**arguments)
        assert (type(raised.value), str(raised.value)) == (
            type(expected.value),
            str(expected.value),
        )
        assert '"b"' in await ask(session, "b")


async def test_an_empty_tool_response_is_refused_on_a_good_day_too():
    """What the SDK refuses is refused though nothing would be sent."""
    async with LiveServer() as server, session_on(server) as session:
        for responses in ([], ()):
            with pytest.raises(ValueError, match="tool response"):
                await session.send_tool_response(function_responses=responses)


async def test_use_after_the_end_raises():
    """Every method of a session that was closed says so."""
    async with LiveServer() as server:
        async with session_on(server) as session:
            pass
        for send in (
            session.send_realtime_input(audio=frame(1)),
            session.send_realtime_input(text="a"),
            session.send_client_content(turns=user("a")),
            session.send_context_update(tools=[]),
            session.send_tool_response(function_responses={"id": "1", "name": "a", "response": {}}),
        ):
            with pytest.raises(SessionClosed):
                await send
