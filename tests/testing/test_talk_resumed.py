"""A conversation that goes on: resumed, resumed transparently, or given its history."""

import asyncio
import json
from typing import Any

import pytest
from talking import (
    VERTEX_PATH,
    dial,
    drain,
    end,
    handle_of,
    kinds,
    raw,
    respond,
    say,
    send,
    until,
    words,
)

from reconnect.testing import Abort, LiveServer

# Resumption


async def test_resuming_goes_on_from_the_handle():
    """A resumed session remembers, and starts with no handle of its own."""
    async with LiveServer(profile="2.5") as server:
        async with dial(server) as session:
            await say(session, "a")
            handle = await handle_of(session)
        async with dial(server, handle) as session:
            assert await say(session, "b") == 'You said "b". That is turn 2; before it: "a".'
        first, second = server.connections
        assert (first.handle, second.handle) == (None, handle)
        assert first.session == second.session
        assert kinds(server, 1)[:3] == ["setupComplete", "no handle", "modelTurn"]


async def test_a_resumed_session_may_have_a_handle_at_once():
    """3.8 has a handle after a resumed setupComplete too."""
    async with LiveServer() as server:
        async with dial(server) as session:
            handle = await handle_of(session)
        async with dial(server, handle) as session:
            assert await handle_of(session) == "handle-0002"


async def test_a_cut_reply_is_not_continued():
    """After a loss in the middle of a reply 3.8 knows the turn, and answers when asked on."""
    async with LiveServer(faults=[Abort(after_sent=6)]) as server:
        async with dial(server) as session:
            handle = await handle_of(session)
            await send(session, "a")
            handle = await handle_of(session)
            assert (await end(session))[0] == 1006
        async with dial(server, handle) as session:
            await handle_of(session)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(session._receive(), 60)
        async with dial(server, handle) as session:
            await session.send_client_content(turn_complete=True)
            reply = words(await until(session, "turn_complete"))
            assert reply == 'You said "a". That is turn 1.'
        assert [heard.kind for heard in server.heard] == ["turn", "ask_on"]


async def test_a_lost_turn_is_not_known_on_2_5():
    """After a loss in the middle of a reply 2.5 does not know the turn."""
    async with LiveServer(profile="2.5", faults=[Abort(after_sent=4)]) as server:
        async with dial(server) as session:
            handle = await handle_of(session)
            await send(session, "a")
            await end(session)
        async with dial(server, handle) as session:
            await session.send_client_content(turn_complete=True)
            assert words(await until(session, "turn_complete")) == ""
            assert server.context == []


# Lost calls


@pytest.mark.parametrize("sent", [5, 6], ids=["unseen", "shown"])
async def test_a_lost_call_leaves_3_8_waiting(sent):
    """An answer to the lost call closes the exchange, and the turn can be asked again."""
    async with LiveServer(faults=[Abort(after_sent=sent)]) as server:
        async with dial(server) as session:
            await handle_of(session)
            await send(session, "call f()")
            handle = await handle_of(session)
            await end(session)
        assert ("toolCall" in kinds(server)) is (sent == 6)
        async with dial(server, handle) as session:
            await respond(session, "call-1")
            assert words(await until(session, "turn_complete")) == ""
            await session.send_client_content(turn_complete=True)
            *_, message = await until(session, "tool_call")
            assert message.tool_call.function_calls[0].id == "call-1"


async def test_whatever_comes_first_closes_a_lost_call():
    """A turn that comes first to a session that waits is known, and not answered."""
    async with LiveServer(faults=[Abort(after_sent=3)]) as server:
        async with dial(server) as session:
            await handle_of(session)
            await send(session, "call f()")
            handle = await handle_of(session)
            await end(session)
        async with dial(server, handle) as session:
            assert await say(session, "b") == ""
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(drain(session), 60)
            assert server.context == [("user", "call f()"), ("user", "b")]


async def test_a_late_result_is_ignored_on_2_5():
    """A result for a call of a lost connection means nothing to 2.5."""
    async with LiveServer(profile="2.5", faults=[Abort(after_sent=3)]) as server:
        async with dial(server) as session:
            handle = await handle_of(session)
            await send(session, "call f()")
            await until(session, "tool_call")
            await end(session)
        async with dial(server, handle) as session:
            await respond(session, "call-1")
            assert await say(session, "a") == 'You said "a". That is turn 1.'


# Transparent resumption


async def test_transparent_updates_count_messages():
    """A transparent session says which message its handle covers, counted per connection."""
    async with LiveServer(profile="2.5-vertex") as server:
        wanted: Any = {"transparent": True}
        async with dial(server, session_resumption=wanted) as session:
            first, *_ = await until(session, "session_resumption_update")
            index = first.session_resumption_update.last_consumed_client_message_index
            assert index in {0, None}
            await send(session, "a", complete=False)
            await say(session, "b")
            *_, message = await until(session, "session_resumption_update")
            update = message.session_resumption_update
            assert update.last_consumed_client_message_index == 2
        wanted["handle"] = update.new_handle
        async with dial(server, session_resumption=wanted) as session:
            await say(session, "c")
            *_, message = await until(session, "session_resumption_update")
            assert message.session_resumption_update.last_consumed_client_message_index == 1


async def test_indexes_go_over_the_wire_as_strings():
    """The first update of a transparent session says "0"."""
    setup = {"session_resumption": {"transparent": True}}
    server = LiveServer(profile="2.5-vertex")
    async with server, raw(server, VERTEX_PATH, setup=setup) as websocket:
        update = json.loads(await websocket.recv())["sessionResumptionUpdate"]
        assert update["lastConsumedClientMessageIndex"] == "0"


# History


async def test_a_session_can_be_given_its_history():
    """A seed is known, and gets no answer."""
    history = {"initial_history_in_client_content": True}
    async with LiveServer() as server, dial(server, history_config=history) as session:
        turns = [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}]},
        ]
        await session.send_client_content(turns=turns)
        assert await say(session, "c") == 'You said "c". That is turn 2; before it: "a".'
        assert [heard.kind for heard in server.heard] == ["seed", "seed", "turn"]


async def test_history_with_calls_is_refused():
    """A seed with function parts ends the session."""
    history = {"initial_history_in_client_content": True}
    async with LiveServer() as server, dial(server, history_config=history) as session:
        call = {"role": "model", "parts": [{"function_call": {"name": "f", "args": {}}}]}
        await session.send_client_content(turns=call)
        assert await end(session) == (1007, "Request contains an invalid argument.")
