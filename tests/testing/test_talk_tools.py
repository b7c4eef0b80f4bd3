"""Tools in a conversation: calls, results that the model waits for, and those that it does not."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from talking import (
    PLAIN,
    dial,
    drain,
    end,
    handle_of,
    kinds,
    respond,
    say,
    send,
    until,
    words,
)

from reconnect.testing import PROFILES, Call, LiveServer

FUNCTION = {"name": "f", "parameters": {"type": "OBJECT", "properties": {}}}
BESIDE: Any = [{"function_declarations": [FUNCTION | {"behavior": "NON_BLOCKING"}]}]


# Calls


@pytest.mark.parametrize("profile", ["2.5", "3.1", "3.8"])
async def test_tools_are_called_and_answered(profile):
    """A tool call waits for its result, and no handle comes in the meantime."""
    async with LiveServer(profile=profile) as server, dial(server) as session:
        await send(session, "call f(a=1)")
        call = (await until(session, "tool_call"))[-1].tool_call.function_calls[0]
        assert (call.id, call.name, call.args) == ("call-1", "f", {"a": 1})
        await asyncio.sleep(1)
        assert kinds(server)[-1] == "toolCall"
        await respond(session, call.id)
        reply = words(await until(session, "turn_complete"))
        assert reply == 'You said "call f(a=1)". f returned {"x": 1}. That is turn 1.'


async def test_several_calls_come_in_one_message():
    """The model goes on when the last of several calls has its result."""
    server = LiveServer([[Call("f"), Call("f")], "done"], profile="2.5")
    async with server, dial(server) as session:
        await send(session, "a")
        *_, message = await until(session, "tool_call")
        first, second = [call.id for call in message.tool_call.function_calls]
        await respond(session, second)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(drain(session), 10)
        await respond(session, first)
        assert words(await until(session, "turn_complete")) == "done"


async def test_no_handle_comes_during_a_call():
    """A handle that is due during a call does not come, and the client is told so."""
    profile = replace(PLAIN, updates=frozenset({"output", "result"}))
    async with LiveServer([Call("f"), "done"], profile=profile) as server, dial(server) as session:
        await send(session, "a")
        await until(session, "tool_call")
        await respond(session, "call-1")
        await until(session, "turn_complete")
        assert kinds(server)[1:6] == ["toolCall", "no handle", "handle", "modelTurn", "handle"]


@pytest.mark.parametrize(
    ("call_ids", "ids"),
    [("unique", ["call-0001", "call-0002"]), ("reused", ["call-1", "call-1"])],
)
async def test_ids_of_calls_may_come_again(call_ids, ids):
    """Calls are numbered by the server, or anew on each connection."""
    found: list[str] = []
    profile = replace(PLAIN, call_ids=call_ids)
    async with LiveServer(lambda _: Call("f"), profile=profile) as server:
        for _ in range(2):
            async with dial(server) as session:
                await send(session, "a")
                *_, message = await until(session, "tool_call")
                found.append(message.tool_call.function_calls[0].id)
    assert found == ids


async def test_a_new_turn_cancels_open_calls():
    """A turn during a call that the model waits for tells the client that the call is off."""
    async with LiveServer([Call("f"), "done"], profile=PLAIN) as server, dial(server) as session:
        await send(session, "a")
        await until(session, "tool_call")
        await send(session, "b")
        *_, message = await until(session, "tool_call_cancellation")
        assert message.tool_call_cancellation.ids == ["call-1"]
        await until(session, "turn_complete")
        assert words(await until(session, "turn_complete")) == "done"


async def test_media_during_a_call_ends_a_strict_session():
    """A strict server closes when text comes in while a call is open."""
    profile = replace(PLAIN, strict_tools=True)
    async with LiveServer([Call("f")], profile=profile) as server, dial(server) as session:
        await send(session, "a")
        await until(session, "tool_call")
        await session.send_realtime_input(text="b")
        assert await end(session) == (1008, "The operation was aborted.")


# Turns that end at their calls


async def test_a_turn_ends_at_its_calls_on_vertex():
    """On Vertex the turn ends at a call, and the answer is a turn of its own."""
    async with LiveServer([Call("f"), "done"], profile="2.5-vertex") as server:
        async with dial(server) as session:
            await send(session, "a")
            *_, message = await until(session, "tool_call")
            assert message.tool_call.function_calls[0].id is None
            assert words(await until(session, "turn_complete")) == ""
            await asyncio.sleep(10)
            await respond(session, None)
            assert words(await until(session, "turn_complete")) == "done"
            await handle_of(session)
        assert kinds(server) == [
            "setupComplete",
            "handle",
            "toolCall",
            "generationComplete",
            "turnComplete+groundingMetadata",
            "modelTurn",
            "generationComplete",
            "turnComplete+groundingMetadata",
            "handle",
        ]
        assert "sessionId" in server.connections[0].sent[0]["setupComplete"]


async def test_a_quick_result_comes_before_the_end_of_the_turn_on_vertex():
    """A result that comes before the turn has ended at its call is answered after that end."""
    server = LiveServer([Call("f"), "done " * 9], profile="2.5-vertex", chunk_delay=0.02)
    async with server, dial(server) as session:
        await send(session, "a")
        await until(session, "tool_call")
        await respond(session, None)
        assert words(await until(session, "turn_complete")) == ""
        handle = await handle_of(session)
        cut = kinds(server)
        assert cut[3:6] == ["generationComplete", "turnComplete+groundingMetadata", "modelTurn"]
    async with server, dial(server, handle) as session:
        await session.send_client_content(turn_complete=True)
        assert words(await until(session, "turn_complete")) == "done " * 9


async def test_a_turn_that_ends_at_its_calls_is_not_the_end_of_the_interaction():
    """The SDK goes on to receive where a turn says that the model is still at work."""
    profile = replace(PROFILES["2.5-vertex"], interaction_status=True)
    async with LiveServer([Call("f"), "done"], profile=profile) as server:
        async with dial(server) as session:
            await send(session, "a")
            said = ""
            async for message in session.receive():
                said += message.text or ""
                if message.tool_call:
                    await respond(session, None)
            assert said == "done"
        assert sum(kind.startswith("turnComplete") for kind in kinds(server)) == 2


# Tools that the model does not wait for


def beside(*replies: Any, **options: Any) -> LiveServer:
    """Make a server of 2.5 whose model calls "f" and talks on, and then gives replies."""
    first = [Call("f"), "please wait a moment"]
    return LiveServer([first, *replies], profile="2.5", **options)


async def test_a_turn_is_held_open_for_a_result():
    """The model talks on beside a call, and its turn does not end before the result."""
    async with beside("done") as server, dial(server, tools=BESIDE) as session:
        await send(session, "a")
        said = await until(session, "generation_complete")
        assert words(said) == "please wait a moment"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(drain(session), 60)
        await respond(session, "call-1")
        assert words(await until(session, "turn_complete")) == "done"
        assert "interrupted" not in kinds(server)


async def test_a_result_may_interrupt():
    """A result with INTERRUPT ends the turn as interrupted, and is answered."""
    async with beside("done") as server, dial(server, tools=BESIDE) as session:
        await send(session, "a")
        await until(session, "model_turn")
        await respond(session, "call-1", scheduling="INTERRUPT")
        await until(session, "turn_complete")
        assert words(await until(session, "turn_complete")) == "done"
        found = kinds(server)
        assert found[found.index("interrupted") + 1] == "turnComplete"
        assert server.context[2] == ("model", "please ")


async def test_a_result_may_wait():
    """A result with WHEN_IDLE is answered when the model has said what it had to say."""
    async with beside("done") as server, dial(server, tools=BESIDE) as session:
        await send(session, "a")
        await until(session, "model_turn")
        await respond(session, "call-1", scheduling="WHEN_IDLE")
        assert words(await until(session, "generation_complete")) == "wait a moment"
        assert words(await until(session, "turn_complete")) == "done"
        assert [known.role for known in server.context] == [
            "user",
            "model",
            "model",
            "user",
            "model",
        ]


@pytest.mark.parametrize("late", [False, True])
async def test_a_result_may_be_silent(late):
    """A result with SILENT lets the turn end, and is not answered."""
    async with beside("done") as server, dial(server, tools=BESIDE) as session:
        await send(session, "a")
        await until(session, "generation_complete" if late else "model_turn")
        await respond(session, "call-1", scheduling="SILENT")
        await until(session, "turn_complete")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(drain(session), 60)
        assert kinds(server).count("generationComplete") == 1
        assert await say(session, "b") == "done"


async def test_a_silent_result_ends_a_turn_without_words():
    """A silent result ends a turn that was nothing but its call."""
    server = LiveServer([Call("f"), "unsaid", "done"], profile="2.5")
    async with server, dial(server, tools=BESIDE) as session:
        await send(session, "a")
        await until(session, "tool_call")
        await respond(session, "call-1", scheduling="SILENT")
        await until(session, "turn_complete")
        assert kinds(server)[-3:] == ["toolCall", "generationComplete", "turnComplete"]
        assert await say(session, "b") == "done"


async def test_a_call_goes_on_beside_another_turn():
    """A turn interrupts what is said beside a call, and the result is answered after its reply."""
    async with beside("two three", "done") as server, dial(server, tools=BESIDE) as session:
        await send(session, "a")
        await until(session, "model_turn")
        await send(session, "b")
        await until(session, "turn_complete")
        await until(session, "model_turn")
        await respond(session, "call-1")
        assert words(await until(session, "turn_complete")) == "three"
        assert words(await until(session, "turn_complete")) == "done"
        assert "toolCallCancellation" not in kinds(server)
