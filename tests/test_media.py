"""What is kept of realtime input that finds no connection, and in which order it goes out."""

import pytest
from google.genai import types
from hypothesis import given, strategies as st

from reconnect import media as media_module
from reconnect.media import Media, seconds_of

START = {"activity_start": {}}
END = {"activity_end": {}}
PAUSE = {"audio_stream_end": True}


def audio(number=0, seconds=1.0):
    """Return a frame of audio that carries a number."""
    data = number.to_bytes(2, "big") * round(seconds * 16000)
    return {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}


def image(number):
    """Return a frame of video that carries a number."""
    return {"video": {"data": bytes([number]), "mime_type": "image/jpeg"}}


def drained(media):
    """Take out all that waits, and note it as written."""
    taken = []
    while media.waiting:
        arguments = media.next()
        media.written(arguments)
        taken.append(arguments)
    return taken


def test_keeps_the_newest_audio_in_order():
    """Media drops the oldest frames over its limit, and counts their seconds."""
    media = Media(limit=3.0)
    for number in range(5):
        media.hold(audio(number))
    assert media.waiting
    assert media.dropped == 2.0
    assert drained(media) == [audio(2), audio(3), audio(4)]


def test_keeps_only_the_newest_image():
    """Media keeps the newest frame of video, as video or as media, and sends it last."""
    media = Media(limit=3.0)
    media.hold(image(1))
    media.hold({"media": types.Blob(data=b"2", mime_type="image/png")})
    media.hold(image(3))
    media.hold(audio(1))
    assert drained(media) == [audio(1), image(3)]


def test_media_that_is_sound_is_audio():
    """Media takes a chunk of media that is sound for audio."""
    media = Media(limit=3.0)
    sound = {"media": types.Blob(data=bytes(32000), mime_type="audio/pcm")}
    for _ in range(5):
        media.hold(sound)
    assert drained(media) == [sound] * 3


def test_marks_stay_when_sound_is_dropped():
    """Media keeps marks and their order, whatever sound around them is dropped."""
    media = Media(limit=1.0)
    for arguments in (START, audio(1), PAUSE, audio(2), END):
        media.hold(arguments)
    assert drained(media) == [START, PAUSE, audio(2), END]


def test_open_activity_is_opened_again():
    """Media opens an activity again that was open when the connection was lost."""
    media = Media(limit=3.0)
    media.written(START)
    media.hold(audio(1))
    media.lost()
    media.lost()
    assert media.next() == START
    media.written(START)
    media.lost()
    media.hold(END)
    assert drained(media) == [START, audio(1), END]
    media.lost()
    assert not media.waiting


def test_failed_write_is_put_back():
    """Media keeps the place of what could not be written."""
    media = Media(limit=3.0)
    media.hold(audio(1))
    media.hold(audio(2))
    first = media.next()
    media.put_back(first)
    assert drained(media) == [audio(1), audio(2)]
    media.hold(image(1))
    taken = media.next()
    media.put_back(taken)
    assert media.next() == taken
    media.hold(image(2))
    media.put_back(taken)
    assert drained(media) == [image(2)]


@pytest.mark.parametrize(
    ("blob", "seconds"),
    [
        ({"data": bytes(32000), "mime_type": "audio/pcm"}, 1.0),
        ({"data": bytes(48000), "mime_type": "audio/pcm;rate=24000"}, 1.0),
        ({"data": bytes(32000), "mime_type": "Audio/PCM;rate=soon"}, 1.0),
        ({"data": bytes(32000), "mime_type": "audio/pcm;rate=0"}, 1.0),
        (types.Blob(data=bytes(32000), mime_type="audio/pcm;rate=16000"), 1.0),
        ({"data": b"opus", "mime_type": "audio/opus"}, 0.02),
        ({"mime_type": "audio/pcm"}, 0.0),
        ({"data": b"jpeg", "mime_type": "image/jpeg"}, None),
        ({"data": b"what"}, None),
        (b"what", None),
    ],
)
def test_seconds_of_sound(blob, seconds):
    """The seconds of a blob follow from its size and rate; what is no sound has none."""
    assert seconds_of(blob) == seconds


@given(
    st.lists(st.sampled_from([audio(0, 0.5), START, END, PAUSE, image(1)]), max_size=30),
    st.floats(0, 3),
)
def test_never_more_than_the_limit(inputs, limit):
    """Media never holds more sound than its limit, nor loses a mark, nor a newest image."""
    media = Media(limit=limit)
    for arguments in inputs:
        media.hold(arguments)
    taken = drained(media)
    kept = sum(seconds_of(arguments.get("audio")) or 0 for arguments in taken)
    offered = sum(seconds_of(arguments.get("audio")) or 0 for arguments in inputs)
    assert kept <= limit + 1e-5
    assert kept + media.dropped == pytest.approx(offered)
    assert [a for a in taken if a in (START, END, PAUSE)] == [
        a for a in inputs if a in (START, END, PAUSE)
    ]
    assert (image(1) in taken) == (image(1) in inputs)


def test_unconsumed_input_is_written_again():
    """Media writes again, first and in order, what no handle covers, however long it was."""
    media = Media(limit=1.0)
    for index in range(1, 6):
        media.written(audio(index), index=index)
    media.consumed(2)
    media.lost()
    media.hold(audio(6))
    assert drained(media) == [audio(3), audio(4), audio(5), audio(6)]
    media.lost()
    assert not media.waiting


def test_unconsumed_beginning_of_an_activity_is_written_once():
    """Media opens an activity again once, by its own mark where that is not covered."""
    for consumed, expected in ((0, [START, audio(1)]), (1, [START, audio(1)]), (2, [START])):
        media = Media(limit=1.0)
        media.written(START, index=1)
        media.written(audio(1), index=2)
        media.consumed(consumed)
        media.lost()
        assert drained(media) == expected


def test_unconsumed_input_is_bounded(monkeypatch):
    """Media drops the oldest of what no handle ever covers, and counts its sound."""
    monkeypatch.setattr(media_module, "UNCONSUMED_LIMIT", 3)
    media = Media(limit=1.0)
    for index in range(1, 6):
        media.written(audio(index), index=index)
    assert media.forget_dropped() == 2.0
    assert media.forget_dropped() == 0.0
    media.consumed(0)
    media.lost()
    assert drained(media) == [audio(3), audio(4), audio(5)]


def test_server_that_numbers_nothing_is_sent_nothing_stale():
    """Media writes nothing again to a server that never said what it has consumed."""
    media = Media(limit=1.0)
    media.written(audio(1), index=1)
    media.lost()
    assert not media.waiting
