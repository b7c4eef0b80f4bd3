"""The driver moves before the deadline of a go_away."""

import asyncio
import contextlib

import pytest
from talk import (
    TEXT,
    ask,
    asked,
    kinds,
    reply,
    session_on,
    settled,
)

from reconnect import (
    Connected,
    GoingAway,
    Resumed,
)
from reconnect._driver.driver import CLOSE_TIMEOUT
from reconnect.testing import (
    GoAway,
    LiveServer,
)


async def test_endless_go_aways_make_no_storm():
    """Session waits before it leaves a second connection in a row that announces its end."""
    async with (
        LiveServer(faults=[GoAway("2s", after_sent=1)] + [GoAway("2s")] * 500) as server,
        session_on(server),
    ):
        await asyncio.sleep(60)
        assert len(server.connections) < 12


@pytest.mark.parametrize("silent", [False, True])
async def test_moves_before_the_deadline_while_nobody_reads(silent):
    """Session leaves a connection that is going away in time, though nobody iterates."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        announced = asyncio.get_running_loop().time()
        server.inject(GoAway("20s", silent=silent))
        await asyncio.sleep(30)
        # Half of the way to a second before the deadline.
        moved = announced + 9.5 + silent * CLOSE_TIMEOUT
        assert server.connections[1].opened_at == pytest.approx(moved, abs=1)
        # A silent server acknowledges no close, and the session counts as taken until it does.
        expected = [Connected, GoingAway, Resumed]
        assert [kind for kind in kinds(events) if kind in expected] == expected
        assert silent or len(events) == 3
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'


async def test_does_not_cut_a_reply_while_there_is_time():
    """Session lets the reply under way finish before it moves."""
    async with LiveServer(chunk_delay=1.0, faults=[GoAway("30s", after_sent=3)]) as server:
        async with session_on(server) as session:
            assert await ask(session, "a") == 'You said "a". That is turn 1.'
            await asyncio.sleep(30)
            assert asked(server) == ["a"]
            assert server.connections[0].ended_by == "client"


async def test_long_notice_is_used():
    """Session stays on a connection whose end is announced five minutes ahead until the last."""
    async with LiveServer(faults=[GoAway("300s", after_sent=1)]) as server, session_on(server):
        await asyncio.sleep(299)
        first, second = server.connections
        # Half of the way from a minute before the deadline to a second before it.
        assert second.opened_at - first.opened_at == pytest.approx(240 + 29.5, abs=1)


async def test_sessions_with_the_same_notice_move_one_by_one():
    """Sessions that are given the same notice move where in it each has drawn."""
    draws = (0.0, 0.3, 0.9)
    async with LiveServer() as server, contextlib.AsyncExitStack() as stack:
        for draw in draws:
            server.plan(GoAway("31s", at=5.0))
            session = await stack.enter_async_context(session_on(server, draw=lambda at=draw: at))
            await ask(session, "a")
        await asyncio.sleep(40)
        opened = [connection.opened_at for connection in server.connections]
        stayed = [later - earlier for earlier, later in zip(opened[:3], opened[3:], strict=True)]
        assert stayed == pytest.approx([5 + draw * 30 for draw in draws], abs=1)


async def test_first_quiet_moment_is_used():
    """Session that was busy when it would have moved does so as soon as the reply is safe."""
    async with LiveServer(chunk_delay=1.0, faults=[GoAway("30s", after_sent=3)]) as server:
        async with session_on(server, draw=lambda: 0.0) as session:
            await ask(session, "a")
            over = asyncio.get_running_loop().time()
            await asyncio.sleep(5)
            assert over < server.connections[1].opened_at < over + 1
            assert asked(server) == ["a"]


@pytest.mark.parametrize("time_left", [None, "soon", "-1s"])
async def test_malformed_time_left_is_taken_for_half_a_minute(time_left, caplog):
    """Session warns of a go_away that it cannot read, and moves within half a minute."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.inject(GoAway(time_left))
        await asyncio.sleep(30)
        assert len(server.connections) == 2
    warning = f"session {session.name}: go_away has no time_left that can be read ({time_left!r})"
    assert warning in caplog.text


async def test_silence_after_a_go_away_is_a_loss_without_a_handle():
    """Session without a handle takes a connection for lost when the deadline passes in silence."""
    config = TEXT
    fault = [GoAway("5s", silent=True, close_code=None)]
    async with LiveServer(faults=[fault]) as server:
        async with session_on(server, config=config) as session:
            with pytest.raises(TimeoutError, match="deadline of the go_away"):
                await reply(session)
