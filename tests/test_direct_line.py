"""What a send is: the SDK's own call on a good day, held in an outage, and never a hang."""

import asyncio
import contextlib
import contextvars
import itertools

import pytest
from google.genai import types
from google.genai.live import AsyncSession
from talk import QUICK, ask, kinds, session_on, settled, user

from reconnect import (
    AudioDropped,
    Connected,
    GaveUp,
    Limit,
    Lost,
    ReconnectExhausted,
    Resumed,
    Retrying,
    SessionClosed,
    Stalled,
)
from reconnect._driver import dry_run
from reconnect.testing import Abort, Call, Close, GoAway, LiveServer, Stall

PCM = "audio/pcm;rate=16000"


def frame(number, seconds=0.02):
    """Return a frame of audio that is known by its number."""
    size = int(seconds * 32_000)
    return types.Blob(data=number.to_bytes(2, "big") + bytes(size - 2), mime_type=PCM)


def frames(server):
    """Return the numbers of the frames that the model knows, in order."""
    audio = [known.value for known in server.context if isinstance(known.value, bytes)]
    return [int.from_bytes(data[:2], "big") for data in audio]


def sent_to(server):
    """Return the kinds of what the model received, in order."""
    return [heard.kind for heard in server.heard]


# A good day


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


# What is lost, and what is not


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


# In an outage


async def test_bad_arguments_raise_in_an_outage():
    """What the SDK refuses raises at the call, with the SDK's error, and the session lives."""
    image = {"data": b"0", "mime_type": "image/jpeg"}
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        server.outage(5)
        await asyncio.sleep(1)
        for method, arguments in (
            ("send_realtime_input", {"audio": {"data": b"0"}}),
            ("send_realtime_input", {"audio": {"data": b"0", "mime_type": "application/x"}}),
            ("send_realtime_input", {"audio": image}),
            ("send_realtime_input", {"video": {"data": b"0", "mime_type": PCM}}),
            ("send_realtime_input", {"text": 5}),
            ("send_realtime_input", {}),
            ("send_context_update", {"tools": [5]}),
            ("send_context_update", {}),
            ("send_client_content", {"turns": {"role": "user", "parts": [object()]}}),
            ("send_tool_response", {"function_responses": []}),
            ("send_tool_response", {"function_responses": {"name": "x", "response": {}}}),
        ):
            judge = dry_run.DryRun(vertexai=False)
            with pytest.raises(Exception) as expected:
                await getattr(judge._session, method)(**arguments)
            with pytest.raises(type(expected.value)) as raised:
                await getattr(session, method)(**arguments)
            assert str(raised.value) == str(expected.value)
        await session.send_client_content(turns=[{"role": "user"}], turn_complete=False)
        assert '"b"' in await ask(session, "b")


async def test_what_is_held_is_a_copy():
    """A caller may fill one buffer again and again in an outage, and change what it has sent."""
    async with LiveServer(profile="2.5") as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.outage(2)
        await asyncio.sleep(0.5)
        buffer = bytearray(640)
        blob = types.Blob(data=b"", mime_type=PCM)
        given = {"data": buffer, "mime_type": PCM}
        for number in range(1, 7):
            buffer[:2] = number.to_bytes(2, "big")
            blob.data = bytes(buffer)
            await session.send_realtime_input(audio=blob if number % 2 else given)
        instruction = {"parts": [{"text": "Be brief."}]}
        await session.send_context_update(system_instruction=instruction)
        turn = types.Content(role="user", parts=[types.Part(text="b")])
        await session.send_client_content(turns=turn)
        turn.parts[0].text = instruction["parts"][0]["text"] = "changed"
        await asyncio.sleep(5)
        assert frames(server) == [1, 2, 3, 4, 5, 6]
        [update] = [heard.value for heard in server.heard if heard.kind == "context_update"]
        assert "changed" not in str(update)
        assert [heard.value for heard in server.heard if heard.kind == "turn"] == ["a", "b"]


async def test_what_transparent_resumption_keeps_is_a_copy():
    """A caller may fill one buffer again and again on a good day, too: each frame is replayed."""
    async with LiveServer() as server:
        async with session_on(server, vertexai=True, policy=QUICK) as session:
            await ask(session, "a")
            await settled()
            server.inject(Stall())
            buffer = bytearray(640)
            blob = types.Blob(data=b"", mime_type=PCM)
            for number in range(1, 7):
                buffer[:2] = number.to_bytes(2, "big")
                blob.data = bytes(buffer)
                given = {"data": buffer, "mime_type": PCM}
                await session.send_realtime_input(audio=blob if number % 2 else given)
            server.inject(Abort())
            await asyncio.sleep(5)
            assert frames(server) == [1, 2, 3, 4, 5, 6]


async def test_nothing_waits_in_an_outage():
    """Whatever is sent in an outage returns at once; of audio the newest seconds are kept."""
    events = []
    async with LiveServer() as server:
        async with session_on(
            server, policy=QUICK, audio_buffer=1.0, on_event=events.append
        ) as session:
            await ask(session, "a")
            await settled()
            server.outage(3)
            await asyncio.sleep(0.5)
            clock = asyncio.get_running_loop().time
            began = clock()
            for number in range(100):
                with pytest.warns(DeprecationWarning, match="send_realtime_input"):
                    await session.send(input={"data": frame(number).data, "mime_type": PCM})
            await session.send_client_content(turns=user("b"), turn_complete=False)
            assert clock() - began < 0.1
            assert session.stats.lost_audio == pytest.approx(1.0)
            await asyncio.sleep(10)
            assert frames(server) == list(range(50, 100))
            assert session.stats.lost_audio == pytest.approx(1.0)
    [back] = [event for event in events if isinstance(event, Resumed)]
    assert back.continuity.lost_audio == pytest.approx(1.0)


# The deprecated send


@pytest.mark.parametrize("away", [False, True])
async def test_a_turn_of_the_deprecated_send_is_held(away):
    """A typed turn and the result of a tool that are sent so survive an outage, as others do."""
    replies = [Call("look"), "seen"]
    async with (
        LiveServer(replies, profile="2.5") as server,
        session_on(server, policy=QUICK) as session,
    ):
        if away:
            server.outage(2)
            await asyncio.sleep(0.5)
        with pytest.warns(DeprecationWarning, match="send_client_content"):
            await session.send(input="look", end_of_turn=True)
        said = ""
        async for message in session.receive():
            for call in (message.tool_call and message.tool_call.function_calls) or ():
                result = types.FunctionResponse(id=call.id, name=call.name, response={"a": 1})
                with pytest.warns(DeprecationWarning, match="send_client_content"):
                    await session.send(input=result)
            said += message.text or ""
        assert said == "seen"


# Stalls


@pytest.mark.parametrize("vertexai", [False, True])
async def test_a_stall_is_given_up(vertexai):
    """A send that has waited stall_timeout for the socket returns, and its frame is not lost."""
    events = []
    async with (
        LiveServer(receive_buffer=1024) as server,
        session_on(
            server, vertexai=vertexai, policy=QUICK, stall_timeout=4, on_event=events.append
        ) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Stall(reads=False, pongs=False))
        clock = asyncio.get_running_loop().time
        longest, number = 0.0, 0
        while len(server.connections) == 1:
            number += 1
            began = clock()
            await session.send_realtime_input(audio=frame(number, seconds=0.1))
            longest = max(longest, clock() - began)
            await asyncio.sleep(0.1)
        # The kernel may take in a little more just before the time is up, and then it begins anew.
        assert 4 <= longest < 8
        await asyncio.sleep(2)
        assert await ask(session, "b")
        arrived = frames(server)
        if vertexai:
            assert arrived == list(range(1, number + 1))
        missing = 0.1 * (number - len(arrived))
        assert session.stats.uncovered_audio == pytest.approx(missing)
        assert session.stats.lost_audio == 0
    # Where the wait began anew it is told anew.
    told = [kind for kind, _ in itertools.groupby(kinds(events))]
    assert told[1:5] == [Stalled, Lost, Retrying, Resumed]


async def test_a_short_stall_is_back_pressure():
    """A stall that is over in time costs nothing but the wait."""
    events = []
    async with (
        LiveServer(receive_buffer=1024) as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        server.receive_rate = 0

        async def stream():
            for number in range(200):
                await session.send_realtime_input(audio=frame(number, seconds=0.1))

        task = asyncio.create_task(stream())
        await asyncio.sleep(5)
        assert not task.done()
        server.receive_rate = None
        await task
        await asyncio.sleep(1)
        assert frames(server) == list(range(200))
        assert kinds(events) == [Connected, Stalled]


async def test_a_sender_may_be_cancelled_in_a_stall():
    """Cancelling a sender that waits for the socket cancels it, and the session lives."""
    async with (
        LiveServer(receive_buffer=1024) as server,
        session_on(server, policy=QUICK) as session,
    ):
        server.receive_rate = 0

        async def stream():
            while True:
                await session.send_realtime_input(audio=frame(1, seconds=1))

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stream(), 3)
        server.receive_rate = None
        assert await ask(session, "b")
        assert len(server.connections) == 1


async def test_what_lies_in_a_buffer_is_not_taken_for_covered():
    """On a slow uplink a handle covers what has arrived, and the rest is counted as uncovered."""
    events = []
    async with (
        LiveServer(receive_rate=8_000) as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        clock = asyncio.get_running_loop().time
        sent = 0
        until = clock() + 30
        while clock() < until:
            sent += 1
            await session.send_realtime_input(audio=frame(sent, seconds=0.1))
            await asyncio.sleep(0.1)
        arrived = len(frames(server))
        assert arrived < sent / 2
        server.inject(Abort())
        await asyncio.sleep(3)
        missing = (sent - arrived) * 0.1
        assert session.stats.uncovered_audio >= missing - 1e-6


# Vertex: not a frame is lost


async def test_vertex_loses_no_frame_that_there_is_room_for():
    """In transparent resumption every frame arrives once, in order, over drops and a stall."""
    async with (
        LiveServer(receive_buffer=1024) as server,
        session_on(server, vertexai=True, policy=QUICK, stall_timeout=3) as session,
    ):
        await ask(session, "a")
        for number in range(300):
            if number in (50, 100):
                server.inject(Abort())
            if number == 150:
                server.inject(Stall(reads=False, pongs=False))
            # Large ones, since the kernel's buffer grows with what it has had to carry.
            await session.send_realtime_input(audio=frame(number, seconds=1))
            await asyncio.sleep(1)
        await asyncio.sleep(10)
        assert len(server.connections) == 4
        assert frames(server) == list(range(300))
        assert session.stats.lost_audio == session.stats.uncovered_audio == 0


async def test_vertex_says_what_there_was_no_room_for():
    """Frames beyond media_buffer that are lost with a connection are said to be uncovered."""
    events = []
    room = Limit(messages=10, bytes=10**6, full="drop")
    async with (
        LiveServer() as server,
        session_on(
            server, vertexai=True, policy=QUICK, media_buffer=room, on_event=events.append
        ) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Stall())
        for number in range(30):
            await session.send_realtime_input(audio=frame(number, seconds=0.1))
        assert session.stats.lost_audio == session.stats.uncovered_audio == 0
        server.inject(Abort())
        await asyncio.sleep(3)
        assert frames(server) == list(range(20, 30))
        assert session.stats.uncovered_audio == pytest.approx(2.0)


async def test_what_is_dropped_between_outages_is_told():
    """Audio that is dropped while something else is due is told when writing goes on."""
    events = []
    async with LiveServer() as server:
        async with session_on(
            server, policy=QUICK, audio_buffer=0.1, on_event=events.append
        ) as session:
            await ask(session, "a")
            session._driver.sender.writer.hold()
            for number in range(10):
                await session.send_realtime_input(audio=frame(number))
            assert session.stats.lost_audio == pytest.approx(0.1)
            await asyncio.sleep(1)
            assert frames(server) == [5, 6, 7, 8, 9]
            assert session.stats.lost_audio == pytest.approx(0.1)
    assert [event for event in events if isinstance(event, AudioDropped)] == [AudioDropped(0.1)]


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


# The end


async def test_what_is_missing_at_the_end_is_told():
    """A session that is given up says what of the audio nobody has: not arrived, or not sent."""
    events = []
    policy = QUICK.replace(stop=lambda attempts, elapsed: attempts >= 3)
    async with LiveServer() as server:
        async with session_on(server, policy=policy, on_event=events.append) as session:
            await ask(session, "a")
            await settled()
            server.inject(Stall())
            for number in range(10):
                await session.send_realtime_input(audio=frame(number, seconds=0.1))
            server.outage(100)
            await asyncio.sleep(0)
            while not isinstance(events[-1], GaveUp):
                if session._driver.sender.writer is None:
                    with contextlib.suppress(ReconnectExhausted):
                        await session.send_realtime_input(audio=frame(1, seconds=0.1))
                await asyncio.sleep(0.1)
    last = events[-1].continuity
    assert last.uncovered_audio == session.stats.uncovered_audio == pytest.approx(1.0)
    assert last.lost_audio == session.stats.lost_audio > 0


async def test_a_fatal_close_tells_what_is_missing():
    """A session that is ended by a fatal close counts the audio that it took with it."""
    events = []
    async with LiveServer() as server:
        async with session_on(server, policy=QUICK, on_event=events.append) as session:
            await ask(session, "a")
            await settled()
            server.inject(Stall())
            for number in range(10):
                await session.send_realtime_input(audio=frame(number, seconds=0.1))
            server.inject(Close(1007, "API key expired. Please renew the API key."))
            await asyncio.sleep(3)
    assert isinstance(events[-1], GaveUp)
    assert events[-1].continuity.uncovered_audio == pytest.approx(1.0)


async def test_nobody_waits_for_a_stalled_connection_that_is_left():
    """A move before a go_away's deadline frees a sender that waits for the old connection."""
    async with (
        LiveServer(receive_buffer=1024) as server,
        session_on(server, policy=QUICK, stall_timeout=100) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(GoAway("4s"))
        await asyncio.sleep(0.1)
        server.inject(Stall(reads=False, pongs=False))
        clock = asyncio.get_running_loop().time
        began, longest = clock(), 0.0
        while clock() < began + 30:
            before = clock()
            await session.send_realtime_input(audio=frame(1, seconds=1))
            longest = max(longest, clock() - before)
            await asyncio.sleep(0.1)
        assert longest < 10
        assert await ask(session, "b")


# Faults that an attack has found


async def test_a_slow_line_that_moves_is_no_stall():
    """Fifty senders and a large image on a slow line are let be: the server reads all the time."""
    events = []
    async with (
        LiveServer(receive_rate=32_000, receive_buffer=1024) as server,
        session_on(server, policy=QUICK, stall_timeout=3, on_event=events.append) as session,
    ):
        image = types.Blob(data=bytes(400_000), mime_type="image/jpeg")
        sends = [session.send_realtime_input(video=image)]
        sends += [session.send_realtime_input(audio=frame(n, seconds=0.5)) for n in range(50)]
        await asyncio.gather(*sends)
        server.receive_rate = None
        await asyncio.sleep(1)
        assert frames(server)[-50:] == list(range(50))
        assert kinds(events) == [Connected]


async def test_a_stall_is_noticed_though_no_send_waits_for_long():
    """Senders that lose their patience do not hide that the server reads nothing."""
    events = []
    async with (
        LiveServer(receive_buffer=1024) as server,
        session_on(server, policy=QUICK, stall_timeout=4, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Stall(reads=False, pongs=False))
        for number in range(60):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.9):
                    await session.send_realtime_input(audio=frame(number, seconds=0.5))
            await asyncio.sleep(0.1)
        assert Lost in kinds(events)
        assert await ask(session, "b")


@pytest.mark.parametrize("pause", [0.02, 0.06, 0.09])
async def test_a_pong_that_overtakes_a_handle_acknowledges_nothing_for_it(pause):
    """A handle that lies unread when a pong comes is taken for no more than it has."""
    async with (
        LiveServer(receive_rate=16_000, handle_delay=0.0) as server,
        session_on(server, policy=QUICK) as session,
    ):
        sent = 0
        clock = asyncio.get_running_loop().time

        async def speak():
            nonlocal sent
            for _ in range(150):
                sent += 1
                await session.send_realtime_input(audio=frame(sent, seconds=0.1))
                await asyncio.sleep(0.1)

        async def listen():
            for number in range(8):
                await session.send_client_content(turns=user(f"{number} " + "x" * 50))
                async for _ in session.receive():
                    await asyncio.sleep(pause)

        speaker = asyncio.create_task(speak())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listen(), 14)
        arrived = len(frames(server))
        gone = sent
        server.inject(Abort())
        speaker.cancel()
        await asyncio.sleep(3)
        assert clock() > 0
        # What is sent anew after the loss does not hide what was lost.
        assert session.stats.uncovered_audio >= (gone - arrived) * 0.1 - 0.2


async def test_an_empty_tool_response_is_refused_on_a_good_day_too():
    """What the SDK refuses is refused though nothing would be sent."""
    async with LiveServer() as server, session_on(server) as session:
        for responses in ([], ()):
            with pytest.raises(ValueError, match="tool response"):
                await session.send_tool_response(function_responses=responses)
