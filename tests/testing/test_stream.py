"""Models that make something of audio without ever ending a turn."""

import asyncio
from typing import Any

import pytest
from google.genai import types
from talking import dial, drain, end, until
from test_conversation import admit, memory

from reconnect.testing import PROFILES, Call, LiveServer
from reconnect.testing._exchange import Reaction
from reconnect.testing._stream import transcription, translation
from reconnect.testing._wire import Input

SPEECH, SILENCE = b"\1\2" * 320, bytes(3200)
RATE = 16000
AUDIO: Any = {"response_modalities": ["AUDIO"]}


def hear(session: Any, *frames: bytes) -> list[Reaction]:
    """Take frames of audio in."""
    return [session.take(Input("audio", value=frame, rate=RATE)) for frame in frames]


def stream(*frames: bytes, over: bool = False) -> Reaction:
    """Give what is made of frames of speech."""
    return Reaction("stream", speech=frames, over=over)


def test_speech_is_translated_by_the_segment():
    """Five frames of speech are translated together, and what is left when it ends."""
    session = admit(memory("translate"))
    *before, fifth = hear(session, *[SPEECH] * 5)
    assert not any(reaction.over for reaction in before)
    assert fifth == stream(*[SPEECH] * 5, over=True)
    assert hear(session, SPEECH, SILENCE) == [stream(SPEECH), stream(SPEECH, over=True)]
    assert hear(session, SILENCE) == [Reaction("nothing")]


def test_speech_is_transcribed_as_a_whole():
    """Speech is transcribed when it ends, with its silence or with the stream."""
    session = admit(memory("transcribe"))
    assert [reaction.over for reaction in hear(session, *[SPEECH] * 6)] == [False] * 6
    assert hear(session, SILENCE) == [stream(*[SPEECH] * 6, over=True)]
    hear(session, SPEECH)
    assert session.take(Input("audio_stream_end")) == stream(SPEECH, over=True)
    assert session.take(Input("audio_stream_end")) == Reaction("nothing")


@pytest.mark.parametrize("kind", ["ask_on", "turn", "text", "tool_response"])
def test_nothing_but_audio_is_answered(kind):
    """A model that translates takes in what is typed, and does not answer it."""
    session = admit(memory("translate"))
    assert session.take(Input(kind, value={})) == Reaction("nothing")


def kinds(steps: Any) -> list[list[str]]:
    """Name what is in each message."""
    return [list(step.message.get("serverContent", {})) or list(step.message) for step in steps]


def test_a_translation():
    """A segment is transcribed, and its translation spoken and accounted for."""
    assert kinds(translation("hallo", "hello you")) == [
        ["inputTranscription"],
        ["modelTurn", "outputTranscription"],
        ["modelTurn", "outputTranscription"],
        ["usageMetadata"],
    ]


@pytest.mark.parametrize(
    ("frames", "over", "messages"),
    [
        (1, False, []),
        (2, False, [["serverContent", "voiceActivity"], ["interimInputTranscription"]]),
        (3, False, [["interimInputTranscription"]]),
        (
            3,
            True,
            [["inputTranscription"], ["generationComplete"], ["serverContent", "voiceActivity"]],
        ),
    ],
)
def test_a_transcription(frames, over, messages):
    """Speech is transcribed while it goes on, and once more when it is over."""
    reaction = stream(*[SPEECH] * frames, over=over)
    assert kinds(transcription("a", reaction, profile=PROFILES["transcribe"])) == messages


async def speak(session: Any, *frames: bytes) -> None:
    """Send frames of audio."""
    for data in frames:
        blob = types.Blob(data=data, mime_type=f"audio/pcm;rate={RATE}")
        await session.send_realtime_input(audio=blob)


async def test_a_session_is_translated():
    """No turn ends, and handles come every half second, while something is heard."""
    server = LiveServer(lambda question: f"part {question.number}", profile="translate")
    async with server, dial(server, **AUDIO) as session:
        for _ in range(10):
            await speak(session, *[SPEECH] * 5)
            await asyncio.sleep(0.1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(drain(session), 60)
        sent = [message for message in server.connections[0].sent if isinstance(message, dict)]
        handles = [message for message in sent if "sessionResumptionUpdate" in message]
        assert len(handles) in {2, 3}
        assert sum("usageMetadata" in message for message in sent) == 10
        assert not any("turnComplete" in message.get("serverContent", {}) for message in sent)
        assert [known.value for known in server.context if known.role == "model"] == [
            f"part {number}" for number in range(10)
        ]


async def test_a_session_is_translated_after_a_resume():
    """A session that is resumed in the middle of speech goes on with it."""
    async with LiveServer(["one", "two"], profile="translate") as server:
        async with dial(server, **AUDIO) as session:
            await speak(session, *[SPEECH] * 8)
            *_, update = await until(session, "session_resumption_update")
        handle = update.session_resumption_update.new_handle
        async with dial(server, handle, **AUDIO) as session:
            await speak(session, *[SPEECH] * 2)
            await until(session, "usage_metadata")
            assert server.context[-1] == ("model", "two")


async def test_a_session_is_transcribed():
    """Speech is transcribed while it goes on and when it ends, and nothing is said to it."""
    server = LiveServer(profile="transcribe", transcriber=lambda speech: "a" * len(speech))
    async with server, dial(server, **AUDIO) as session:
        await speak(session, *[SPEECH] * 4, SILENCE)
        *messages, _ = await until(session, "voice_activity") + await until(
            session, "voice_activity"
        )
        contents = [message.server_content for message in messages if message.server_content]
        interim = [it.interim_input_transcription for it in contents]
        assert [it.text for it in interim if it] == ["aa", "aaa", "aaaa"]
        assert [it.input_transcription.text for it in contents if it.input_transcription] == [
            "aaaa"
        ]


async def test_a_translation_is_a_text():
    """A model that translates with anything but a text is told so."""
    server = LiveServer([Call("f")], profile="translate")
    with pytest.raises(TypeError, match="not a translation"):
        await _break(server)


async def _break(server: LiveServer) -> None:
    """Speak until the connection ends."""
    async with server, dial(server) as session:
        await speak(session, *[SPEECH] * 5)
        await end(session)
