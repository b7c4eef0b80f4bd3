"""What the server hears: where speech begins and ends, and what it says that it has understood."""

from dataclasses import replace

import pytest
from google.genai import types
from talking import dial, end, handle_of, until, words
from test_conversation import admit, call, memory, say

from reconnect.testing import Abort, LiveServer
from reconnect.testing._conversation import Session
from reconnect.testing._exchange import Reaction
from reconnect.testing._hearing import Ear, count_frames, is_silence
from reconnect.testing._wire import Input

RATE = 16000
SILENCE = bytes(640)
"""20 ms of it: five of them end a turn."""

SOUND = b"\1\2" * 320


def hear(session: Session, *frames: bytes, rate: int = RATE) -> list[Reaction]:
    """Take frames of audio in."""
    return [session.take(Input("audio", value=frame, rate=rate)) for frame in frames]


NOTHING = Reaction("nothing")
START = Reaction("nothing", activity="START")
END = Reaction("answer", activity="END")


def test_silence_is_all_zero():
    """A frame is silence if nothing is in it, and speech if anything is."""
    assert is_silence(SILENCE)
    assert is_silence(b"")
    assert not is_silence(bytes(639) + b"\1")


def test_silence_ends_speech_and_nothing_else():
    """Speech is over after a tenth of a second of silence in a row; without speech nothing is."""
    ear = Ear()
    for frame in [SILENCE] * 9 + [SOUND] + [SILENCE] * 4 + [SOUND] + [SILENCE] * 4:
        ear = ear.hear(frame, rate=RATE)
        assert not ear.ended
    assert ear.speech == (SOUND, SOUND)
    assert ear.hear(SILENCE, rate=RATE).ended


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 44100, 48000])
def test_silence_is_measured_at_the_frames_own_rate(rate):
    """Frames of ten milliseconds end a turn by ten, whatever the rate."""
    ear = Ear().hear(SOUND, rate=rate)
    frame = bytes(2 * (rate // 100))
    for _ in range(9):
        ear = ear.hear(frame, rate=rate)
        assert not ear.ended
    assert ear.hear(frame, rate=rate).ended


def test_detected_speech_is_answered():
    """Speech that is not marked is answered when it ends, once."""
    session = admit(memory(vad=True))
    said = hear(session, SILENCE, SOUND, SOUND, *[SILENCE] * 4)
    assert said == [NOTHING, START, *[NOTHING] * 5]
    assert hear(session, SILENCE) == [END]
    assert hear(session, *[SILENCE] * 9) == [NOTHING] * 9


def test_speech_interrupts():
    """The first frame of speech cuts a reply off, and calls its tools off; silence does not."""
    session = admit(memory(vad=True))
    say(session, "a")
    session.begin()
    call(session, "f")
    assert hear(session, SILENCE, SOUND, SOUND) == [
        NOTHING,
        replace(START, cut="begun", cancelled=("f",)),
        NOTHING,
    ]


def test_a_typed_turn_takes_speech_with_it():
    """What was said before a typed turn is answered with it, and not again when it ends."""
    session = admit(memory(vad=True))
    hear(session, SOUND, SILENCE)
    assert say(session, "a") == Reaction("answer")
    assert hear(session, *[SILENCE] * 9) == [NOTHING] * 9
    session.begin()
    session.say("b")
    assert hear(session, SOUND) == [replace(START, cut="begun")]


def test_the_end_of_the_stream_ends_speech():
    """A microphone that is switched off ends what was said, and nothing where nobody spoke."""
    session = admit(memory(vad=True))
    hear(session, SOUND)
    assert session.take(Input("audio_stream_end")) == END
    assert session.take(Input("audio_stream_end")) == NOTHING


def test_silence_asks_nothing():
    """What is silent is not the user's last word."""
    session = admit(memory(vad=True))
    assert not session.unanswered
    hear(session, SILENCE)
    assert not session.unanswered
    hear(session, SOUND, SILENCE)
    assert session.unanswered
    session.begin()
    session.complete()
    hear(session, SILENCE)
    assert session.take(Input("ask_on")) == Reaction("empty")


def _disabled(session: Session) -> None:
    session.setup = {"realtime_input_config": {"automatic_activity_detection": {"disabled": True}}}


def _marked(session: Session) -> None:
    session.take(Input("activity_start"))
    session.take(Input("activity_end"))


@pytest.mark.parametrize(
    ("vad", "prepare"), [(False, lambda session: None), (True, _disabled), (True, _marked)]
)
def test_speech_is_not_detected(vad, prepare):
    """Nothing is detected by default, where the setup says so, or where the client marks."""
    session = admit(memory(vad=vad))
    prepare(session)
    assert hear(session, SOUND, *[SILENCE] * 9) == [NOTHING] * 10


def test_marked_speech_is_transcribed():
    """What was said between marks is transcribed, where the setup asks for it."""
    session = admit(memory(), input_audio_transcription={})
    hear(session, b"before")
    session.take(Input("activity_start"))
    hear(session, b"a", SILENCE, *[SILENCE] * 9, b"b")
    assert session.take(Input("activity_end")) == replace(END, speech=(b"a", b"b"))
    hear(session, b"after")
    session.take(Input("activity_start"))
    hear(session, b"c")
    assert session.take(Input("activity_end")) == replace(END, speech=(b"c",))


def test_detected_speech_is_transcribed():
    """What was detected is transcribed, without the silence."""
    session = admit(memory(vad=True), input_audio_transcription={})
    *_, last = hear(session, b"a", SILENCE, b"b", *[SILENCE] * 5)
    assert last == replace(END, speech=(b"a", b"b"))


def test_a_handle_covers_what_was_heard_so_far():
    """A session that is resumed in the middle of speech goes on to hear it."""
    server = memory(vad=True)
    session = admit(server, input_audio_transcription={})
    hear(session, b"a", b"b", SILENCE)
    handle = server.issue(session, session.snapshot(), connection=1)
    hear(session, b"c", *[SILENCE] * 3)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    resumed = admit(server, handle, now=2.0, input_audio_transcription={})
    *_, last = hear(resumed, *[SILENCE] * 4)
    assert last == replace(END, speech=(b"a", b"b"))


def test_a_session_that_waits_hears():
    """Speech whose first frame only closes a lost exchange is speech all the same."""
    session = admit(memory(vad=True))
    session.waiting = True
    assert hear(session, SOUND, *[SILENCE] * 5) == [
        Reaction("empty", activity="START"),
        *[NOTHING] * 4,
        END,
    ]


def test_frames_are_counted():
    """Without words of the test's, speech is put into words by its length."""
    assert count_frames([SOUND, SOUND]) == "2 frames of speech"


TRANSCRIBED = {"input_audio_transcription": {}}


async def speak(session, *frames: bytes) -> None:
    """Send frames of audio, and the silence that ends them."""
    for data in [*frames, *[SILENCE] * 5]:
        blob = types.Blob(data=data, mime_type=f"audio/pcm;rate={RATE}")
        await session.send_realtime_input(audio=blob)


def heard(messages: list[types.LiveServerMessage]) -> list[str | None]:
    """Return the transcriptions among messages."""
    contents = [message.server_content for message in messages if message.server_content]
    return [it.input_transcription.text for it in contents if it.input_transcription]


async def test_the_transcription_precedes_the_reply():
    """A server says what it has heard, and then answers."""
    server = LiveServer(["one two"], vad=True, transcriber=lambda speech: b"".join(speech).decode())
    async with server, dial(server, **TRANSCRIBED) as session:
        await speak(session, b"he", b"llo")
        messages = await until(session, "turn_complete")
        assert heard(messages) == ["hello"]
        before = place_of_transcription(messages)
        assert words(messages[:before]) == ""
        assert words(messages[before:]) == "one two"


def place_of_transcription(messages: list[types.LiveServerMessage]) -> int:
    """Return the place of the transcription."""
    return next(place for place, message in enumerate(messages) if heard([message]))


async def test_nothing_is_transcribed_unasked():
    """A server that was not asked to transcribe does not."""
    async with LiveServer(vad=True) as server, dial(server) as session:
        await speak(session, SOUND, SOUND)
        messages = await until(session, "turn_complete")
        assert heard(messages) == []
        assert words(messages) == "I heard 7 frames."


async def test_speech_goes_on_after_a_resume():
    """A session resumed by a handle that came in the middle of speech transcribes all of it."""
    async with LiveServer(vad=True, faults=[Abort(at=3)], handle_delay=0.5) as server:
        async with dial(server, **TRANSCRIBED) as session:
            await handle_of(session)
            await speak(session, SOUND)
            await until(session, "turn_complete")
            await session.send_realtime_input(audio=types.Blob(data=SOUND, mime_type="audio/pcm"))
            handle = await handle_of(session)
            await end(session)
        async with dial(server, handle, **TRANSCRIBED) as session:
            await speak(session, SOUND, SOUND)
            assert heard(await until(session, "turn_complete")) == ["3 frames of speech"]
