"""Connections that take nothing in: a send waits for the socket, but never for ever."""

import asyncio
import contextlib
import itertools

import pytest
from google.genai import types
from numbered import frame, frames
from talk import QUICK, ask, kinds, reply, session_on, settled

from reconnect import (
    Connected,
    Lost,
    Resumed,
    Retrying,
    SessionClosed,
    Stalled,
)
from reconnect.testing import GoAway, LiveServer, Stall

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


@pytest.mark.parametrize("reads", [False, True])
async def test_nobody_waits_for_a_session_that_is_cancelled(reads):
    """A block that is cancelled frees readers and senders in other tasks, on a dead line too."""
    tasks = []
    async with LiveServer(receive_buffer=1024) as server:

        async def listen(session):
            while True:
                await reply(session)

        async def talk(session):
            while True:
                await session.send_realtime_input(audio=frame(1, seconds=1))

        async def block():
            async with session_on(server, policy=QUICK, stall_timeout=100) as session:
                await ask(session, "a")
                tasks.append(asyncio.create_task(listen(session)))
                await settled()
                server.inject(Stall(reads=reads, pongs=False))
                if not reads:
                    tasks.append(asyncio.create_task(talk(session)))
                await asyncio.sleep(1)
                raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await block()
        done, waiting = await asyncio.wait(tasks, timeout=2)
        assert not waiting
        assert all(isinstance(task.exception(), SessionClosed) for task in done)


# What is no stall


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
