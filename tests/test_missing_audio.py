"""Which audio a session says is missing: what was dropped, and what no handle is known to cover."""

import asyncio
import contextlib

import pytest
from numbered import frame, frames
from talk import QUICK, ask, session_on, settled, user

from reconnect import (
    AudioDropped,
    GaveUp,
    Limit,
    ReconnectExhausted,
)
from reconnect.testing import Abort, Close, LiveServer, Stall

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


# What was sent and did not arrive


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


# What was dropped


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
