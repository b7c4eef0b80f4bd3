"""What a send is in an outage: held as a copy, judged at once, and never waited for."""

import asyncio

import pytest
from google.genai import types
from numbered import PCM, frame, frames
from talk import QUICK, ask, session_on, settled, user

from reconnect import (
    Resumed,
)
from reconnect._driver import dry_run
from reconnect.testing import Abort, Call, LiveServer, Stall

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


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
async def test_what_was_made_past_the_checks_raises_in_an_outage():
    """What the SDK takes, and would not take as the copy that is kept, ends no session later."""
    blob = types.Blob.model_construct(data=5, mime_type=PCM)
    turn = types.Content.model_construct(role="user", parts=5)
    async with (
        LiveServer() as server,
        session_on(server, vertexai=True, policy=QUICK) as session,
    ):
        await ask(session, "a")
        server.outage(5)
        await asyncio.sleep(1)
        for refused in (
            session.send_realtime_input(audio=blob),
            session.send_realtime_input(media=blob),
            session.send_client_content(turns=turn),
        ):
            with pytest.raises(ValueError, match=r"audio\.data|Blob\.data|Could not convert"):
                await refused
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


async def test_contents_keep_their_roles():
    """The SDK's own classes of contents are said again by the role that is their default."""
    said = [types.UserContent("hi"), types.ModelContent("hello, I am Eve")]
    async with LiveServer(profile="2.5") as server, session_on(server, policy=QUICK) as session:
        await ask(session, "a")
        await settled()
        server.outage(1)
        await asyncio.sleep(0.5)
        await session.send_client_content(turns=said, turn_complete=False)
        assert '"b"' in await ask(session, "b")
        told = [
            (role, value) for role, value in server.context if value in ("hi", "hello, I am Eve")
        ]
        assert [role for role, _ in told] == ["user", "model"]


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
