"""What is judged, carried out against a real server: dead handles, full contexts, gates, limits."""

import asyncio
import itertools

import pytest
from talk import QUICK, ask, handles, remembered, session_on, settled

from reconnect import (
    Closed,
    FailureKind,
    Lost,
    ReconnectGate,
    ReconnectPolicy,
    Restarted,
    Resumed,
    TooManyReconnects,
)
from reconnect.testing import Abort, Close, LiveServer, Refuse

INTERNAL = Close(1011, "Internal error occurred.")


async def test_dead_handle_is_found_out():
    """A handle whose every resume ends in the same error is dropped at the third."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(*[INTERNAL] * 3)
        server.inject(Abort())
        assert "a" in await ask(session, "b")
    assert [handle is not None for handle in handles(server)] == [False, True, True, True, False]
    kinds = [event.kind for event in events if isinstance(event, Lost)]
    assert kinds == [*[FailureKind.TRANSIENT] * 3, FailureKind.HANDLE_REJECTED]
    assert [type(event) for event in events[-2:]] == [Restarted, Closed]


async def test_unavailable_server_is_not_the_handle():
    """A server that says it is unavailable keeps its sessions, however often it says so."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.plan(*[Close(1011, "The service is currently unavailable.")] * 6)
        server.inject(Abort())
        await ask(session, "b")
    assert [type(event) for event in events[-2:]] == [Resumed, Closed]


FULL = Close(1007, "the provided content is above the context window size 32000.")


async def test_full_context():
    """A conversation that no longer fits goes on with the newer half of what was said.

    The replies repeat all that was said, so the last turn and its reply are half of it.
    """
    policy = QUICK.replace(context_exhausted="restart")
    async with LiveServer() as server, session_on(server, policy=policy) as session:
        for text in ("a" * 100, "b" * 100, "c" * 100, "d" * 100):
            await ask(session, text)
            await settled()
        server.inject(FULL)
        await asyncio.sleep(5)
        await ask(session, "e")
        assert [text[0] for text in remembered(server)] == ["d", "e"]


async def test_gate_spaces_dials():
    """Sessions that share a gate dial one after the other, and all of them come back."""
    gate = ReconnectGate(rate=0.1)
    clock = asyncio.get_running_loop().time
    dialled = []

    async def talk(server):
        async with session_on(server, gate=gate) as session:
            dialled.append(clock())
            await ask(session, "a")

    async with LiveServer() as server:
        await asyncio.gather(*(talk(server) for _ in range(3)))
    gaps = [after - before for before, after in itertools.pairwise(dialled)]
    assert all(9 <= gap <= 11 for gap in gaps)


async def test_gate_is_left_by_a_dial_that_fails():
    """A dial that is refused leaves the gate to the next."""
    gate = ReconnectGate(rate=1000, burst=1000, concurrent=1)
    policy = ReconnectPolicy(without_handle="restart")
    async with (
        LiveServer(faults=[Refuse(503), Refuse(503)]) as server,
        session_on(server, gate=gate, policy=policy) as session,
    ):
        assert await ask(session, "a")


async def test_too_many_reconnects():
    """A session that reconnects and drops for ever is ended, however well each one goes."""
    policy = QUICK.replace(max_reconnects_per_hour=3)
    async with LiveServer() as server, session_on(server, policy=policy) as session:
        for _ in range(4):
            await ask(session, "a")
            await settled()
            server.inject(Abort())
            await asyncio.sleep(1)
        with pytest.raises(TooManyReconnects, match="3 reconnects within an hour") as raised:
            await ask(session, "b")
        assert raised.value.__cause__ is not None
    assert len(server.connections) == 4


async def test_throttled_server_is_left_alone():
    """A session waits for as long as a throttling server asks."""
    clock = asyncio.get_running_loop().time
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.plan(Refuse(429))
        server.inject(Abort())
        began = clock()
        await ask(session, "b")
        assert clock() - began >= 30
