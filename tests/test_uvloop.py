"""A whole conversation on uvloop as it is, in real time: nothing in it waits but for loopback."""

import asyncio
import importlib.util

import pytest
from google.genai import types
from talk import MODEL, TEXT, reply, user

from reconnect import Closed, Connected, Lost, ResumableSession, Resumed, Retrying
from reconnect.testing import Abort, Call, LiveServer

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("uvloop") is None, reason="uvloop is not there on Windows"
)

FRAME = types.Blob(data=bytes(range(64)) * 10, mime_type="audio/pcm;rate=16000")


def on_uvloop(coroutine):
    """Run a coroutine on a loop of uvloop's."""
    import uvloop  # noqa: PLC0415 (it is not there on Windows)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert isinstance(runner.get_loop(), uvloop.Loop)
        return runner.run(coroutine)


def test_conversation_survives_the_loss_of_its_connection():
    """Turns, a tool, audio and a reset: all is as on asyncio's own loop."""
    replies = ["Hello.", Call("look_up", {"key": "a"}), "It is b.", "So it goes on."]
    events = []

    async def talk():
        async with LiveServer(replies, chunk_delay=0.0, handle_delay=0.0) as server:
            async with ResumableSession(
                server.client().aio.live,
                model=MODEL,
                config=TEXT,
                draw=lambda: 0.0,
                on_event=events.append,
            ) as session:
                await session.send_client_content(turns=user("a"))
                assert await reply(session) == "Hello."
                await session.send_client_content(turns=user("b"))
                words = ""
                async for message in session.receive():
                    words += message.text or ""
                    for call in message.tool_call.function_calls if message.tool_call else ():
                        await session.send_tool_response(
                            function_responses=types.FunctionResponse(
                                id=call.id, name=call.name, response={"value": "b"}
                            )
                        )
                assert words == "It is b."
                server.inject(Abort())
                await session.send_client_content(turns=user("c"))
                assert await reply(session) == "So it goes on."
                for _ in range(20):
                    await session.send_realtime_input(audio=FRAME)
                while len(server.connections[-1].received) < 21:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
        return server

    server = on_uvloop(talk())
    assert [type(event) for event in events] == [Connected, Lost, Retrying, Resumed, Closed]
    first, second = server.connections
    assert (first.close_code, first.closed_at is not None) == (1006, True)
    assert (second.close_code, second.ended_by) == (1000, "client")
    assert [heard.kind for heard in server.heard].count("audio") == 20
