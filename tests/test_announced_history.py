"""A history that the caller sends itself, as its configuration announces."""

import asyncio
from dataclasses import replace

import pytest
from google.genai import types
from talk import (
    MODEL,
    QUICK,
    READY,
    TEXT,
    ask,
    asked,
    known,
    reply,
    session_on,
    settled,
    until,
    user,
)

from reconnect.testing import PROFILES, Abort, Delay, LiveServer, RejectHandle

ANNOUNCED = TEXT | {"history_config": {"initial_history_in_client_content": True}}
HISTORY = [
    types.Content(role="user", parts=[types.Part(text="My name is Ada.")]),
    types.Content(role="model", parts=[types.Part(text="Hello, Ada.")]),
]
TOLD = [("user", "My name is Ada."), ("model", "Hello, Ada.")]

LATE = replace(PROFILES["2.5"], updates=frozenset({"end"}))
"""It issues no handle before the first turn has ended."""


def announcing(server, **options):
    """Return a session whose caller has announced a history."""
    return session_on(server, config=ANNOUNCED, policy=READY, model=MODEL, **options)


async def told(session):
    """Send the history."""
    await session.send_client_content(turns=HISTORY, turn_complete=True)


def announcements(server):
    """Return for each connection whether a history was announced for it."""
    return [
        bool(
            (connection.setup.get("history_config") or {}).get("initial_history_in_client_content")
        )
        for connection in server.connections
    ]


async def test_history_is_no_question():
    """The model is not asked for a reply to an announced history, before or after a loss."""
    async with LiveServer(profile=LATE) as server, announcing(server) as session:
        await told(session)
        await ask(session, "a")
        await settled()
        server.inject(Abort())
        await ask(session, "b")
        assert asked(server) == ["a", "b"]
        assert announcements(server) == [True, False]
        assert known(server)[:2] == TOLD


async def test_lost_before_the_history_was_sent():
    """The next connection waits for the history too, and the question after it is a question."""
    async with LiveServer(profile=LATE) as server, announcing(server) as session:
        server.inject(Abort())
        await asyncio.sleep(5)
        await told(session)
        await ask(session, "a")
        assert asked(server) == ["a"]
        assert announcements(server) == [True, True]
        assert known(server)[:2] == TOLD


async def test_lost_before_a_handle_has_the_history():
    """A new session is told the history, and does not wait for another."""
    async with LiveServer(profile=LATE) as server, announcing(server) as session:
        await told(session)
        server.inject(Abort())
        await ask(session, "a")
        assert asked(server) == ["a"]
        assert known(server)[:2] == TOLD


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.15, 0.3, 1.0])
async def test_sent_in_an_outage(pause):
    """A history that is sent while there is no connection, or one is being opened, is one."""
    async with LiveServer(profile=LATE) as server, announcing(server) as session:
        server.inject(Abort())
        server.outage(0.2)
        await asyncio.sleep(pause)
        await told(session)
        await session.send_client_content(turns=user("a"))
        await reply(session)
        assert asked(server) == ["a"]
        assert known(server)[:2] == TOLD


async def test_sent_while_a_connection_is_opened():
    """A connection that is opened to wait for the history is written it as one."""
    faults = [None, Delay(2.0)]
    async with LiveServer(profile=LATE, faults=faults) as server, announcing(server) as session:
        server.inject(Abort())
        await until(lambda: len(server.connections) == 2)
        await told(session)
        await ask(session, "a")
        assert asked(server) == ["a"]
        assert announcements(server) == [True, True]
        assert known(server)[:2] == TOLD


async def test_handle_came_before_the_history():
    """A session that is resumed waits for no history: it is told it as what it is, no question."""
    async with LiveServer(profile="3.8") as server, announcing(server) as session:
        await settled()
        assert session.handle
        server.inject(Abort())
        await asyncio.sleep(5)
        await told(session)
        await ask(session, "a")
        assert asked(server) == ["a"]
        assert known(server)[:2] == TOLD


async def test_nothing_is_told_after_a_rejected_handle():
    """A new session without anything to be told waits for no history: the question is answered."""
    async with LiveServer(profile="3.8") as server:
        config = ANNOUNCED | {"session_resumption": {"handle": "old"}}
        server.plan(RejectHandle())
        async with session_on(server, config=config, policy=QUICK) as session:
            assert "a" in await ask(session, "a")
        assert announcements(server)[-1] is False


async def test_spoken_without_a_history():
    """Where somebody is answered without one, what is typed later is a question."""
    speech = types.Blob(data=bytes(3200), mime_type="audio/pcm;rate=16000")
    async with LiveServer(profile=LATE, vad=True) as server, announcing(server) as session:
        await session.send_realtime_input(activity_start={})
        await session.send_realtime_input(audio=speech)
        await session.send_realtime_input(activity_end={})
        await reply(session)
        await settled()
        server.plan(RejectHandle())
        server.inject(Abort())
        await asyncio.sleep(5)
        assert await ask(session, "a")
        assert asked(server) == ["a"]
