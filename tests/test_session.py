"""The public face: the SDK's methods, the end of a session, bad input."""

import asyncio
import inspect

import pytest
from google.genai import types
from google.genai.live import AsyncSession
from talk import QUICK, TEXT, ask, asked, handles, reply, session_on, settled, user

from reconnect import Limit, ResumableSession, SessionClosed
from reconnect.testing import Abort, LiveServer, Silence


async def test_takes_over_the_handle_of_an_earlier_process():
    """Session resumes a conversation from a handle that was kept."""
    async with LiveServer() as server:
        async with session_on(server) as session:
            await ask(session, "a")
            await settled()
            handle = session.handle
        async with session_on(server, handle=handle, history=[user("told")]) as session:
            assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        config = TEXT | {"session_resumption": {"handle": handle}}
        async with session_on(server, config=config) as session:
            assert await ask(session, "c") == 'You said "c". That is turn 2; before it: "a".'


async def test_history_may_be_a_callable():
    """Session asks a callable history, plain or async, each time it starts afresh."""

    async def history():
        return [types.Content(role="user", parts=[types.Part(text="told")])]

    async with LiveServer() as server:
        for source in (history, lambda: user("told")):
            async with session_on(server, history=source) as session:
                assert 'before it: "told".' in await ask(session, "a")


async def test_sender_may_change_its_message_afterwards():
    """Session sends again what was sent, not what the caller has made of it since."""
    async with LiveServer(profile="2.5") as server, session_on(server, policy=QUICK) as session:
        turn = user("a")
        await session.send_client_content(turns=turn)
        turn["parts"][0]["text"] = "changed"
        server.inject(Abort())
        await reply(session)
        assert set(asked(server)) == {"a"}


async def test_sends_as_the_sdk_does():
    """Session passes the deprecated send() and the realtime text on, warning included."""
    async with LiveServer() as server, session_on(server) as session:
        with pytest.warns(DeprecationWarning, match=r"send\(\) is deprecated"):
            await session.send(input="a", end_of_turn=True)
        assert "a" in await reply(session)
        await session.send_realtime_input(text="b")
        assert "b" in await reply(session)
        assert session.session_id == session.setup_complete.session_id


async def test_close_is_final():
    """Session dials no more after close(), whatever was under way."""
    async with LiveServer() as server, session_on(server) as session:
        await ask(session, "a")
        await settled()
        server.outage(3)
        await asyncio.sleep(0.1)
        listening = asyncio.create_task(ask(session, "b"))
        await asyncio.sleep(0.1)
        await session.close()
        with pytest.raises(SessionClosed):
            await listening
        await asyncio.sleep(60)
        assert len(server.connections) == 1
        with pytest.raises(SessionClosed):
            await session.send_realtime_input(text="c")
        with pytest.raises(SessionClosed):
            await reply(session)
        await session.close()


async def test_close_ends_a_reader():
    """Session raises SessionClosed to the task that iterates when another one closes it."""
    async with LiveServer(close_delay=2) as server, session_on(server) as session:
        reading = asyncio.create_task(reply(session))
        await asyncio.sleep(1)
        await session.close()
        with pytest.raises(SessionClosed):
            await reading


async def test_cancellation_passes_at_once():
    """Session lets a cancellation through at every await, and leaves no dial behind."""
    async with LiveServer(close_delay=4, faults=[Silence()]) as server:
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), session_on(server):
                pass
        async with asyncio.timeout(20):
            session = session_on(server)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1), session:
                    await reply(session)
        assert loop.time() - began < 2.1
        await asyncio.sleep(20)
        assert len(server.connections) == 2


async def test_session_is_entered_once():
    """Session cannot be entered a second time, nor after it was closed."""
    async with LiveServer() as server:
        session = session_on(server)
        async with session:
            with pytest.raises(RuntimeError, match="entered only once"):
                await session.__aenter__()
        fresh = session_on(server)
        await fresh.close()
        with pytest.raises(RuntimeError, match="entered only once"):
            await fresh.__aenter__()


async def test_no_secret_is_told(caplog):
    """Session puts neither handle nor key into its logs, its events or its repr."""
    caplog.set_level("DEBUG", "reconnect")
    events = []
    async with LiveServer() as server:
        live = server.client(api_key="a-secret-key").aio.live
        session = session_on(server, live=live, policy=QUICK, on_event=events.append)
        told = [repr(session)]
        async with session:
            await ask(session, "a")
            await settled()
            server.reject_handles()
            server.inject(Abort())
            told.append(repr(session))
            await ask(session, "b")
            secrets = {update for update in handles(server) if update} | {session.handle}
            told.append(repr(session))
        told += [repr(session), repr(events), caplog.text, repr(vars(session))]
    assert len(secrets) == 2
    assert not [secret for secret in {"a-secret-key", *secrets} if secret in "".join(told)]


def limit(full):
    """Return a limit that is full in one way."""
    return Limit(messages=1, bytes=1, full=full)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"config": 7}, TypeError, "config must be a dict or .* got a int"),
        ({"config": {"no_such_field": 1}}, ValueError, "no_such_field"),
        ({"setup_timeout": 0}, ValueError, "setup_timeout .* got 0"),
        ({"setup_timeout": float("nan")}, ValueError, "setup_timeout .* got nan"),
        *(
            ({"resume_confirm_timeout": bad}, ValueError, f"resume_confirm_timeout .* got {bad!r}")
            for bad in (0, -1.0, float("nan"), "5")
        ),
        ({"audio_buffer": -1}, ValueError, "audio_buffer .* got -1"),
        ({"history_limit": 0}, ValueError, "history_limit .* got 0"),
        ({"buffer": limit("drop")}, ValueError, "no turn may be dropped"),
        ({"media_buffer": limit("wait")}, ValueError, "no microphone may wait"),
        ({"on_event": 7}, TypeError, "on_event .* got 7"),
        ({"policy": 7}, TypeError, "policy .* got 7"),
        ({"history": [{"parts": [{"no": "part"}]}]}, ValueError, "no"),
        ({"live": 7}, TypeError, "live must be .* got 7"),
        ({"history": 7}, TypeError, "history must be .* got 7"),
    ],
)
async def test_bad_argument_raises_at_once(arguments, error, match):
    """Session raises for a bad argument when it is made, and names the value."""
    with pytest.raises(error, match=match):
        ResumableSession(**{"live": lambda: None, "model": "m"} | arguments)


def test_methods_are_those_of_the_sdk():
    """Session has every public method and property of the SDK's session, with its parameters."""
    left_out = {"start_stream"}
    names = {name for name in vars(AsyncSession) if not name.startswith("_")} - left_out
    for name in names:
        theirs = inspect.signature(getattr(AsyncSession, name)).parameters
        ours = inspect.signature(getattr(ResumableSession, name)).parameters
        assert [(p.name, p.kind, p.default) for p in ours.values()] == [
            (p.name, p.kind, p.default) for p in theirs.values()
        ], name
    for name in ("session_id", "setup_complete"):
        assert isinstance(vars(ResumableSession)[name], property)


async def test_properties_are_those_of_the_newest_connection():
    """Session has the id and the setupComplete of the connection it is on, and a handle."""
    async with LiveServer(profile="2.5-vertex") as server:
        session = session_on(server, vertexai=True, policy=QUICK)
        assert (session.handle, session.session_id, session.setup_complete) == (None, None, None)
        async with session:
            await ask(session, "a")
            await settled()
            first = session.session_id
            assert first == session.setup_complete.session_id
            server.reject_handles()
            server.inject(Abort())
            await ask(session, "b")
            assert session.session_id != first
