"""What is taken from the SDK: frames, configurations, phases."""

import pytest
from google.genai import types
from talk import QUICK, ask, session_on, settled

from reconnect import Lost, RemoteProtocolError, ResumableSession
from reconnect.testing import Abort, Frame, LiveServer


@pytest.mark.parametrize(
    "data", ["no json", b"\xff\xfe", '{"error": {"code": 500}}', "[1]", '{"serverContent": 7}']
)
async def test_unreadable_frame_is_a_loss(data):
    """Session takes a frame that the SDK cannot read for a loss, and resumes."""
    events = []
    async with (
        LiveServer() as server,
        session_on(server, policy=QUICK, on_event=events.append) as session,
    ):
        await ask(session, "a")
        await settled()
        server.inject(Frame(data))
        assert await ask(session, "b") == 'You said "b". That is turn 2; before it: "a".'
    lost = next(event for event in events if isinstance(event, Lost))
    assert isinstance(lost.error, RemoteProtocolError)
    assert lost.error.__cause__ is not None


async def test_unreadable_setup_is_a_loss():
    """Session takes a setup that is answered with no JSON for a loss."""
    async with LiveServer(faults=[Frame("no json", during_setup=True)]) as server:
        with pytest.raises(RemoteProtocolError):
            async with session_on(server):
                pass
    assert len(server.connections) == 1


async def test_leaves_the_callers_config_alone():
    """Session dials with a copy of the configuration, which connect() changes."""
    config = types.LiveConnectConfig(response_modalities=["TEXT"], system_instruction="be brief")
    before = config.model_copy(deep=True)
    async with LiveServer() as server, session_on(server, config=config) as session:
        await ask(session, "a")
    assert config == before


async def test_calls_live_for_every_dial():
    """Session calls a callable live for each dial, plain or async, for fresh credentials."""
    calls = []
    async with LiveServer() as server:
        client = server.client()

        def plain():
            calls.append("plain")
            return client.aio.live

        async def coroutine():
            calls.append("async")
            return client.aio.live

        for live in (plain, coroutine):
            async with session_on(server, live=live, policy=QUICK) as session:
                await ask(session, "a")
                await settled()
                server.inject(Abort())
                await ask(session, "b")
    assert calls == ["plain", "plain", "async", "async"]


async def test_callable_that_returns_no_live_is_named():
    """Session raises a TypeError that names what a callable live has returned."""
    with pytest.raises(TypeError, match="live returned None"):
        async with ResumableSession(lambda: None, model="m"):
            pass
