"""A conversation on one connection: turns, speech, interruptions, and when the handles come."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from google.genai import types
from talking import (
    PLAIN,
    dial,
    end,
    handle_of,
    kinds,
    say,
    send,
    until,
    words,
)

from reconnect.testing import PROFILES, Call, LiveServer

TURN = ["modelTurn", "modelTurn", "modelTurn", "generationComplete", "turnComplete"]


def now() -> float:
    """Read the loop's clock."""
    return asyncio.get_running_loop().time()


# Turns and handles


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
