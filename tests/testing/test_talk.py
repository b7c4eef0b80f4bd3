"""A conversation on one connection: replies, tools, interruptions, and when the handles come."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from google.genai import types
from talking import (
    VERTEX_PATH,
    dial,
    drain,
    end,
    handle_of,
    kinds,
    raw,
    say,
    send,
    until,
    words,
)

from reconnect.testing import PROFILES, Abort, Call, LiveServer

PLAIN = replace(
    PROFILES["3.8"],
    turn_gap=0.0,
    empty_frames="none",
    non_blocking="none",
    updates=frozenset({"setup", "end"}),
    first_update=0.0,
)
"""A profile without any peculiarity."""

TURN = ["modelTurn", "modelTurn", "modelTurn", "generationComplete", "turnComplete"]
FUNCTION = {"name": "f", "parameters": {"type": "OBJECT", "properties": {}}}
BESIDE: Any = [{"function_declarations": [FUNCTION | {"behavior": "NON_BLOCKING"}]}]


def now() -> float:
    """Read the loop's clock."""
    return asyncio.get_running_loop().time()


async def respond(session: Any, *ids: str | None, **fields: Any) -> None:
    """Answer calls of "f"."""
    results = [types.FunctionResponse(id=key, name="f", response={"x": 1}, **fields) for key in ids]
    await session.send_tool_response(function_responses=results)


# Turns


async def test_a_turn_on_3_8():
    """3.8 has handles after setupComplete, before a turn and after it, and empty frames."""
    async with LiveServer(["one two"]) as server, dial(server) as session:
        await handle_of(session)
        began = now()
        assert await say(session, "hi") == "one two"
        assert 1.7 <= now() - began < 2.2
        await handle_of(session)
        assert kinds(server) == [
            "setupComplete",
            "handle",
            "handle",
            "",
            "",
            "",
            "modelTurn",
            "",
            "modelTurn",
            "generationComplete",
            "turnComplete",
            "handle",
        ]


async def test_the_first_handle_of_3_8_comes_late():
    """A turn that is sent before the first handle of 3.8 is due is taken up with it."""
    async with LiveServer(["one two"]) as server, dial(server) as session:
        await say(session, "hi")
        assert kinds(server)[:3] == ["setupComplete", "handle", ""]


async def test_a_turn_on_3_1_has_one_handle():
    """3.1 has its first handle after its first turn."""
    async with LiveServer(["one two"], profile="3.1") as server, dial(server) as session:
        await say(session, "hi")
        await handle_of(session)
        assert kinds(server) == ["setupComplete", "", *TURN[1:], "handle"]


async def test_a_turn_on_2_5_withholds_handles():
    """2.5 says that it has no handle when it takes a turn up, and issues one after the turn."""
    server = LiveServer(["one two three"], profile="2.5", handle_delay=5)
    async with server, dial(server) as session:
        assert await say(session, "hi") == "one two three"
        before = now()
        await handle_of(session)
        assert now() - before > 4
        assert kinds(server) == ["setupComplete", "handle", "no handle", *TURN, "handle"]


async def test_handles_may_come_after_the_first_output():
    """A profile may have a handle after the first output of each reply."""
    profile = replace(PLAIN, updates=frozenset({"output"}))
    async with LiveServer(["one two three"], profile=profile) as server, dial(server) as session:
        await say(session, "hi")
        assert kinds(server) == ["setupComplete", TURN[0], "handle", *TURN[1:]]


@pytest.mark.parametrize(("moment", "before"), [("speech", "handle"), ("turn", "modelTurn")])
async def test_spoken_turns_may_have_handles_too(moment, before):
    """A handle may come when a spoken turn is taken up, or for typed ones alone."""
    profile = replace(PLAIN, updates=frozenset({moment}), voice_activity="untold")
    async with LiveServer(["one"], profile=profile) as server, dial(server) as session:
        await session.send_realtime_input(activity_start={})
        await session.send_realtime_input(audio=types.Blob(data=b"a", mime_type="audio/pcm"))
        await session.send_realtime_input(activity_end={})
        await until(session, "turn_complete")
        assert kinds(server)[1] == before


async def test_vertex_marks_every_update_resumable():
    """On Vertex nothing is said where there is no handle."""
    profile = replace(PROFILES["2.5"], call_ids="none")
    server = LiveServer([Call("f")], profile=profile)
    async with server, dial(server, client=server.client(vertexai=True)) as session:
        await send(session, "hi")
        await until(session, "tool_call")
        assert kinds(server) == ["setupComplete", "handle", "toolCall"]


@pytest.mark.parametrize(("unasked", "count"), [(False, 0), (True, 2)])
async def test_handles_may_come_unasked(unasked, count):
    """A setup that asks for no resumption gets no updates, except from 3.x."""
    profile = replace(PLAIN, unasked_updates=unasked)
    async with LiveServer(["one"], profile=profile) as server:
        async with dial(server, session_resumption=None) as session:
            await say(session, "hi")
            await asyncio.sleep(1)
        assert kinds(server).count("handle") == count
        assert [kind for kind in kinds(server) if kind != "handle"][1:] == TURN[2:]


async def test_a_turn_overtakes_the_handle_of_the_one_before():
    """A turn that comes before the handle is due takes its place where handles are withheld."""
    async with LiveServer(["one", "two"], profile="2.5") as server, dial(server) as session:
        await say(session, "a")
        await say(session, "b")
        await asyncio.sleep(1)
        assert kinds(server).count("handle") == 2
        assert server.context[-1] == ("model", "two")


async def test_a_handle_that_is_due_comes_in_the_midst_of_the_next_turn():
    """A handle comes when it is due also within a turn, and covers it, if none is withheld."""
    profile = replace(PLAIN, updates=frozenset({"end"}))
    async with LiveServer(["one", "two"], profile=profile, chunk_delay=0.1) as server:
        async with dial(server) as session:
            await say(session, "a")
            await send(session, "b")
            handle = await handle_of(session)
        async with dial(server, handle) as session:
            await session.send_client_content(turn_complete=True)
            assert words(await until(session, "turn_complete")) == "two"


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


async def test_client_content_is_refused_on_3_1():
    """3.1 takes client content until it has answered, and only realtime text from then on."""
    async with LiveServer(["one", "two"], profile="3.1") as server, dial(server) as session:
        assert await say(session, "a") == "one"
        await session.send_realtime_input(text="b")
        assert words(await until(session, "turn_complete")) == "two"
        await send(session, "c")
        assert await end(session) == (1007, "Request contains an invalid argument.")


# Interruptions


async def test_a_new_turn_interrupts_a_reply():
    """A turn during a reply ends that one as interrupted."""
    server = LiveServer(["one two three", "four"], profile=PLAIN)
    async with server, dial(server) as session:
        await send(session, "a")
        await until(session, "model_turn")
        await send(session, "b")
        await until(session, "turn_complete")
        assert words(await until(session, "turn_complete")) == "four"
        assert kinds(server)[2:6] == ["modelTurn", "interrupted", "turnComplete", "modelTurn"]
        assert "usageMetadata" in server.connections[0].sent[4]
        assert server.context == [
            ("user", "a"),
            ("model", "one "),
            ("user", "b"),
            ("model", "four"),
        ]


@pytest.mark.parametrize(("profile", "count"), [("2.5", 1), ("3.8", 0)])
async def test_an_interrupted_reply_may_be_complete(profile, count):
    """2.5 says that a reply is complete before it says that it was interrupted."""
    async with LiveServer(["one two three"], profile=profile) as server, dial(server) as session:
        await send(session, "a")
        await until(session, "model_turn")
        await session.send_realtime_input(activity_start={})
        await until(session, "turn_complete")
        before = kinds(server)[: kinds(server).index("interrupted")]
        assert before.count("generationComplete") == count
        assert before[-1] == ("generationComplete" if count else "modelTurn")


@pytest.mark.parametrize("profile", ["2.5", "3.8"])
async def test_a_complete_reply_can_be_interrupted(profile):
    """A turn between generationComplete and turnComplete interrupts, and all words are known."""
    changed = replace(PROFILES[profile], turn_gap=1.7)
    async with LiveServer(["one two", "three"], profile=changed) as server:
        async with dial(server) as session:
            await send(session, "a")
            await until(session, "generation_complete")
            await send(session, "b")
            cut = await until(session, "turn_complete")
            assert [bool(m.server_content and m.server_content.interrupted) for m in cut][-2:] == [
                True,
                False,
            ]
            assert words(await until(session, "turn_complete")) == "three"
            assert kinds(server).count("generationComplete") == 2
            assert server.context[1] == ("model", "one two")


@pytest.mark.parametrize("profile", PROFILES)
async def test_turns_before_the_first_word_are_answered_together(profile):
    """Turns in one go have one reply and one end, and nothing is interrupted."""
    if PROFILES[profile].stream != "none":
        return
    async with LiveServer(profile=profile) as server, dial(server) as session:
        for text in "abc":
            await session.send_realtime_input(text=text)
        reply = words(await until(session, "turn_complete"))
        assert reply == 'You said "c". That is turn 3; before it: "a", "b".'
        await asyncio.sleep(10)
        assert "interrupted" not in kinds(server)
        assert sum(kind.startswith("turnComplete") for kind in kinds(server)) == 1


async def test_speech_before_the_first_word_drops_the_reply():
    """A reply that has not begun is not given when somebody speaks, but with the next one."""
    async with LiveServer(profile=PLAIN, chunk_delay=0.5) as server, dial(server) as session:
        await send(session, "a")
        await session.send_realtime_input(activity_start={})
        await asyncio.sleep(10)
        assert kinds(server) == ["setupComplete", "handle", "voiceActivity"]
        await session.send_realtime_input(activity_end={})
        assert words(await until(session, "turn_complete")) == 'You said "a". That is turn 1.'


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


# Tools


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


async def test_media_during_a_call_ends_a_strict_session():
    """A strict server closes when text comes in while a call is open."""
    profile = replace(PLAIN, strict_tools=True)
    async with LiveServer([Call("f")], profile=profile) as server, dial(server) as session:
        await send(session, "a")
        await until(session, "tool_call")
        await session.send_realtime_input(text="b")
        assert await end(session) == (1008, "The operation was aborted.")


# Speech


async def test_speech_is_heard_and_answered_at_its_end():
    """Audio frames are heard one by one, and answered when the activity ends."""
    async with LiveServer() as server, dial(server) as session:
        await session.send_realtime_input(activity_start={})
        for byte in (b"\0", b"\1"):
            blob = types.Blob(data=byte, mime_type="audio/pcm")
            await session.send_realtime_input(audio=blob)
        await session.send_realtime_input(activity_end={})
        assert words(await until(session, "turn_complete")) == "I heard 2 frames."
        assert [(heard.index, heard.kind, heard.value) for heard in server.heard] == [
            (1, "activity_start", None),
            (2, "audio", b"\0"),
            (3, "audio", b"\1"),
            (4, "activity_end", None),
        ]


@pytest.mark.parametrize(("told", "count"), [("untold", 0), ("alone", 2)])
async def test_speech_may_be_told_of(told, count):
    """A profile may tell the client when speech begins and when it ends."""
    profile = replace(PLAIN, voice_activity=told)
    server = LiveServer(["one"], profile=profile, transcriber=lambda _: "heard")
    async with server, dial(server, input_audio_transcription={}) as session:
        await session.send_realtime_input(activity_start={})
        await session.send_realtime_input(audio=types.Blob(data=b"a", mime_type="audio/pcm"))
        await session.send_realtime_input(activity_end={})
        await until(session, "turn_complete")
        found = kinds(server)
        assert found.count("voiceActivity") == count
        if count:
            place = found.index("inputTranscription")
            assert (found[place - 1], found[place + 1]) == ("voiceActivity", "voiceActivity")


@pytest.mark.parametrize("profile", ["2.5", "2.5-vertex", "3.1", "3.8"])
async def test_replies_are_spoken_when_asked_for(profile):
    """A session that asks for audio gets it, with its transcription."""
    config: Any = {"response_modalities": ["AUDIO"], "output_audio_transcription": {}}
    async with LiveServer(["one two"], profile=profile) as server:
        async with dial(server, **config) as session:
            await send(session, "a")
            messages = await until(session, "turn_complete")
            sound = b"".join(message.data or b"" for message in messages)
            assert sound
            assert sound.strip(b"\0") == b""
            contents = [message.server_content for message in messages if message.server_content]
            spoken = [content.output_transcription for content in contents]
            assert "".join(part.text or "" for part in spoken if part) == "one two"
            assert server.context == [("user", "a"), ("model", "one two")]


# History, and transparent resumption


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
