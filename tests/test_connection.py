"""One connection: its dial, its limits, its close."""

import asyncio

from talk import QUICK, ask, session_on, settled

from reconnect import Lost, Phase
from reconnect.testing import Abort, Delay, GoAway, LiveServer, Silence, Stall


async def test_closes_the_old_socket_first():
    """Session waits for the old socket to close before it dials, for the server refuses two."""
    fault = GoAway("50s", after_sent=7)
    async with (
        LiveServer(close_delay=3.0, faults=[fault]) as server,
        session_on(server) as session,
    ):
        await ask(session, "a")
        await asyncio.sleep(20)
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
    async with LiveServer(faults=[Stall(pongs=False, after_sent=8)]) as server:
        async with session_on(server, policy=QUICK) as session:
            await ask(session, "a")
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
