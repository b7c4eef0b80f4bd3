"""The driver keeps what is sent in an outage, and writes it to the next connection."""

import asyncio
from dataclasses import replace

import pytest
from breakable import BreakableLive
from talk import (
    QUICK,
    ask,
    asked,
    reply,
    session_on,
    settled,
    user,
)
from websockets.exceptions import ConnectionClosedError

from reconnect import (
    BufferOverflow,
    Limit,
    ReconnectExhausted,
    ReconnectPolicy,
)
from reconnect.testing import (
    PROFILES,
    Abort,
    Call,
    LiveServer,
)


async def test_sends_during_an_outage_are_delivered():
    """Session delivers in order what was sent during an outage, once it is back."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(1)
        await asyncio.gather(
            session.send_client_content(turns=user("b"), turn_complete=False),
            session.send_context_update(system_instruction="be brief"),
            session.send_client_content(turns=user("c")),
            session.send_realtime_input(audio={"data": b"\0", "mime_type": "audio/pcm"}),
        )
        assert 'before it: "a", "b".' in await reply(session)
        heard = [entry.kind for entry in server.heard[1:]]
        assert [kind for kind in heard if kind != "audio"] == ["context", "context_update", "turn"]
        assert "audio" in heard


async def test_sends_during_an_outage_raise_what_ends_it():
    """Session that is given up says how many turns are lost, and raises at the next use."""
    policy = ReconnectPolicy(stop=lambda attempts, _elapsed: attempts >= 3)
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=policy, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.outage(1000)
        await asyncio.sleep(0.1)
        await session.send_client_content(turns=user("b"))
        await session.send_client_content(turns=user("c"), turn_complete=False)
        with pytest.raises(ReconnectExhausted):
            await reply(session)
        assert events[-1].continuity.lost_turns == 1
        assert not events[-1].continuity.whole
        with pytest.raises(ReconnectExhausted):
            await session.send_client_content(turns=user("d"))
        with pytest.raises(ReconnectExhausted):
            await session.send_realtime_input(audio_stream_end=True)


async def test_bad_argument_raises_at_the_call_in_an_outage():
    """Session raises for a bad argument at once, connected or not."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        for seconds in (0, 60):
            if seconds:
                server.outage(seconds)
                await asyncio.sleep(1)
            async with asyncio.timeout(1):
                with pytest.raises(ValueError, match="Only one argument"):
                    await session.send_realtime_input(text="x", audio_stream_end=True)
                with pytest.raises(ValueError):
                    await session.send_client_content(turns=[{"parts": [{"no": "part"}]}])
                with pytest.raises(ValueError, match="At least one"):
                    await session.send_context_update()
                with pytest.raises(ValueError):
                    await session.send_tool_response(function_responses=[{"bad": 1}])
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


async def test_audio_never_waits():
    """Driver keeps the newest sound of an outage, and sends it after the typed turns."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        await session.send_realtime_input(activity_start={})
        server.outage(5)
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        for number in range(250):
            frame = {"data": number.to_bytes(2, "big") * 320, "mime_type": "audio/pcm;rate=16000"}
            await session.send_realtime_input(audio=frame)
            for data in (b"old", b"new"):
                await session.send_realtime_input(video={"data": data, "mime_type": "image/png"})
        assert asyncio.get_running_loop().time() - began < 1
        with pytest.raises(ValueError, match="Only one argument"):
            await session.send_realtime_input()
        await session.send_client_content(turns=user("b"), turn_complete=False)
        await session.send_realtime_input(activity_end={})
        await reply(session)
        heard = [entry for entry in server.heard if entry.connection == len(server.connections)]
        kinds_heard = [entry.kind for entry in heard]
        audio = [entry.value[:2] for entry in heard if entry.kind == "audio"]
        assert kinds_heard[:3] == ["context", "activity_start", "audio"]
        assert kinds_heard[-2:] == ["video", "activity_end"]
        assert audio == [number.to_bytes(2, "big") for number in range(100, 250)]


async def test_failed_sound_is_kept():
    """Driver keeps the frame whose write fails, and opens its activity again."""
    async with LiveServer() as server:
        live = BreakableLive(server.client().aio.live)
        async with session_on(server, live=live, policy=QUICK) as session:
            await settled()
            await session.send_realtime_input(activity_start={})
            live.errors = [ConnectionClosedError(None, None), ConnectionClosedError(None, None)]
            await session.send_realtime_input(audio={"data": b"01", "mime_type": "audio/pcm"})
            await asyncio.sleep(5)
            assert len(server.connections) == 3
            assert [heard.kind for heard in server.heard] == [
                "activity_start",
                "activity_start",
                "audio",
            ]


async def test_sender_waits_where_there_is_no_room():
    """Session makes a sender wait while its buffer is full, and sends nothing that was given up."""
    limit = Limit(messages=2, bytes=100, full="wait")
    async with LiveServer() as server, session_on(server, buffer=limit) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(0.1)
        for text in ("b", "c"):
            await session.send_client_content(turns=user(text), turn_complete=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await session.send_client_content(turns=user("given up"))
        with pytest.raises(
            BufferOverflow, match=r"with 10\d\d bytes exceed the limit of 2 messages and 100"
        ):
            await session.send_client_content(turns=user("x" * 1000))
        waiting = asyncio.create_task(ask(session, "d"))
        await asyncio.sleep(1)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting])
        await asyncio.sleep(10)
        assert [entry.value for entry in server.heard] == ["a", "b", "c"]


async def test_sender_is_told_where_there_is_no_room():
    """Session raises at once where its buffers are full and not to be waited for."""
    options = {
        "buffer": Limit(messages=1, bytes=100, full="raise"),
        "media_buffer": Limit(messages=2, bytes=10_000, full="raise"),
    }
    async with LiveServer() as server, session_on(server, **options) as session:
        await ask(session, "a")
        await settled()
        server.outage(5)
        await asyncio.sleep(0.1)
        await session.send_client_content(turns=user("b"))
        with pytest.raises(BufferOverflow, match=r"2 messages with 1\d bytes"):
            await session.send_client_content(turns=user("c"))
        for _ in range(2):
            await session.send_realtime_input(audio_stream_end=True)
        with pytest.raises(BufferOverflow, match="3 messages"):
            await session.send_realtime_input(audio_stream_end=True)
        assert '"b"' in await reply(session)


async def test_failed_write_is_written_to_the_next_connection():
    """Driver takes a write that fails for a lost connection, and writes it to the next."""
    async with LiveServer() as server:
        live = BreakableLive(server.client().aio.live)
        async with session_on(server, live=live, policy=QUICK) as session:
            await ask(session, "a")
            await settled()
            live.errors.append(ConnectionClosedError(None, None))
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
            await settled()
            live.errors.append(ConnectionClosedError(None, None))
            await session.send_realtime_input(audio={"data": b"0", "mime_type": "audio/pcm"})
            await asyncio.sleep(2)
            assert [heard.kind for heard in server.heard] == ["turn", "turn", "audio"]
            assert len(server.connections) == 3


async def test_failed_replay_is_replayed_again():
    """Driver replays on the next connection what it could not on this one, the seed included."""
    async with LiveServer() as server:
        live = BreakableLive(server.client().aio.live)
        options = {"live": live, "policy": QUICK.replace(without_handle="restart")}
        live.errors.append(ConnectionClosedError(None, None))
        async with session_on(server, history=[user("told")], **options) as session:
            assert 'before it: "told".' in await ask(session, "a")
            await session.send_client_content(turns=user("b"))
            live.errors.append(ConnectionClosedError(None, None))
            server.inject(Abort())
            assert '"b"' in await reply(session)
            assert set(asked(server)) == {"a", "b"}


async def test_bug_in_a_replay_ends_the_session(monkeypatch):
    """Driver ends the session over what a replay should never raise."""
    async with LiveServer() as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        monkeypatch.setattr(session._driver.conversation, "unwritten", lambda: 1 / 0)
        server.inject(Abort())
        await asyncio.sleep(2)
        with pytest.raises(ZeroDivisionError):
            async for _ in session.receive():
                pass


async def test_transparent_resumption_loses_no_frame():
    """Driver writes every frame that a handle does not cover again, once and in order."""
    async with (
        LiveServer() as server,
        session_on(server, vertexai=True, policy=QUICK) as session,
    ):
        for number in range(300):
            frame = {"data": number.to_bytes(2, "big") * 320, "mime_type": "audio/pcm;rate=16000"}
            await session.send_realtime_input(audio=frame)
            await asyncio.sleep(0.02)
            if number in {40, 150, 250}:
                server.inject(Abort())
            if number in {100, 200}:
                await ask(session, "a")
        await asyncio.sleep(2)
        frames = [known.value for known in server.context if isinstance(known.value, bytes)]
        assert [int.from_bytes(frame[:2], "big") for frame in frames] == list(range(300))
        assert session.stats.gaps == 3


async def test_result_does_not_wait_for_the_replay():
    """Driver writes a result to the connection that asks for it while others still wait."""
    replies = [Call("look"), "seen"]
    profile = replace(PROFILES["2.5"], strict_tools=True)
    async with (
        LiveServer(replies, profile=profile) as server,
        session_on(server, policy=QUICK, reuse_tool_results=False) as session,
    ):
        await settled()
        await session.send_client_content(turns=user("look"))
        calls, said = 0, ""
        async for message in session.receive():
            if message.tool_call:
                calls += 1
                if calls == 1:
                    server.outage(1)
                    await asyncio.sleep(0.5)
                    frame = {"data": bytes(640), "mime_type": "audio/pcm"}
                    await session.send_realtime_input(audio=frame)
                    continue
                call = message.tool_call.function_calls[0]
                await session.send_tool_response(
                    function_responses={"id": call.id, "name": "look", "response": {"ok": 1}}
                )
            said += message.text or ""
        assert said == "seen"
        await asyncio.sleep(1)
        assert sorted(heard.kind for heard in server.heard) == [
            "audio",
            "tool_response",
            "turn",
            "turn",
        ]
        assert len(server.connections) == 2


@pytest.mark.parametrize("wrong", [123, [{"parts": [{"no": "part"}]}]])
async def test_bad_first_message_ends_nothing(wrong):
    """Driver raises a bad argument to its sender, however early it comes, and to nobody else."""
    async with LiveServer() as server, session_on(server) as session:
        with pytest.raises(ValueError):
            await session.send_client_content(turns=wrong)
        with pytest.raises(ValueError):
            await session.send_context_update(tools=[{"no": "tool"}])
        assert '"a"' in await ask(session, "a")
