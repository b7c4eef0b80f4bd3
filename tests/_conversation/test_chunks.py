"""One piece of realtime input, and how long its audio is."""

import pytest
from google.genai import types
from messages import START, audio, image

from reconnect._conversation.chunks import chunk_of, is_told

SECOND = 32000
"""Bytes in a frame of a second."""


@pytest.mark.parametrize(
    ("arguments", "mark", "seconds", "size"),
    [
        (START, "activity_start", 0.0, 0),
        ({"activity_end": types.ActivityEnd()}, "activity_end", 0.0, 0),
        ({"activity_end": None, "audio_stream_end": True}, None, 0.0, 0),
        (audio(), None, 1.0, SECOND),
        ({"media": types.Blob(data=bytes(320), mime_type="audio/pcm")}, None, 0.01, 320),
        (image(1), None, 0.0, 1),
        ({"video": None, "media": {"mimeType": "audio/pcm", "data": bytes(320)}}, None, 0.01, 320),
        ({"text": "four"}, None, 0.0, 4),
    ],
)
def test_input(arguments, mark, seconds, size):
    """A item knows its mark, be it empty, the seconds of its sound, and its bytes."""
    item = chunk_of(arguments, place=7)
    assert (item.activity, item.seconds, item.size) == (mark, seconds, size)
    assert (item.place, item.again) == (7, False)
    kept = {name: value for name, value in arguments.items() if value is not None}
    if isinstance(kept.get("media"), types.Blob):
        kept["media"] = kept["media"].model_dump(exclude_none=True)
    assert item.arguments == (kept if "media" in kept else arguments)


class Slots:
    """What the SDK takes for a blob by its attributes."""

    __slots__ = ("data", "mime_type")

    def __init__(self):
        self.data, self.mime_type = b"12", "audio/pcm"


@pytest.mark.parametrize(
    ("blob", "fields"),
    [
        (
            types.Blob(data=b"1", mime_type="image/png", display_name="cat"),
            {"data": b"1", "mime_type": "image/png", "display_name": "cat"},
        ),
        ({"data": None, "mimeType": "image/png"}, {"mimeType": "image/png"}),
        (Slots(), {"data": b"12", "mime_type": "audio/pcm"}),
        (5, {}),
        ([{"data": b"1"}], {}),
    ],
    ids=["blob", "dict", "object", "number", "list"],
)
def test_input_keeps_the_fields_of_a_blob(blob, fields):
    """A item keeps what a blob says, whatever it is given as; what is none, the SDK refuses."""
    assert chunk_of({"media": blob}, place=1).arguments == {"media": fields}


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
        ({"mime_type": "audio/pcm", "data": 5}, 0.0),
        ({"mimeType": "audio/pcm", "data": bytes(320)}, 0.01),
        ({"mime_type": 5, "data": b"what"}, None),
        ({"mime_type": ["audio/pcm"], "data": b"what"}, None),
        ({"data": b"jpeg", "mime_type": "image/jpeg"}, None),
        ({"data": b"what"}, None),
        (b"what", None),
    ],
)
def test_seconds_of_audio(blob, seconds):
    """The seconds of a blob follow from its size and rate; what is no sound has none."""
    item = chunk_of({"audio": blob}, place=1)
    assert (item.seconds, item.picture) == (seconds or 0.0, seconds is None)


def test_is_told():
    """What is in any of the places is told in words."""
    items = [chunk_of(audio(place), place=place) for place in range(6)]
    told = [range(1, 3), range(4, 5)]
    assert [item.place for item in items if is_told(item, told)] == [1, 2, 4]
    assert not any(is_told(item, []) for item in items)
