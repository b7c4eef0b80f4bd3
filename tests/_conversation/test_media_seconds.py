"""How much audio was written to a connection, and how much of it has arrived."""

import pytest
from google.genai import types
from messages import START

from reconnect._conversation.chunks import chunk_of
from reconnect._conversation.limits import MEDIA
from reconnect._conversation.media_line import MediaLine

PCM = "audio/pcm;rate=8000"
SECOND = bytes(16_000)


def test_bytes_of_the_counted_kind():
    """The line counts bytes that are added in place as audio of the kind that it was given."""
    line = MediaLine(MEDIA)
    assert line.note(types.Blob(data=SECOND, mime_type=PCM)) is SECOND
    assert line.kind == PCM
    line.bytes += 8_000
    assert line.seconds == 1.5


def test_another_kind():
    """The line keeps what it has counted when the kind changes, and counts by the new one."""
    line = MediaLine(MEDIA)
    line.note(types.Blob(data=SECOND, mime_type=PCM))
    line.bytes += 16_000
    line.note(types.Blob(data=SECOND, mime_type="audio/pcm;rate=16000"))
    line.bytes += 32_000
    assert line.seconds == 3.5


@pytest.mark.parametrize("kind", ["audio/opus", "image/png", None])
def test_what_is_no_pcm_has_no_kind(kind):
    """The line takes no other kind for one whose bytes can be counted."""
    line = MediaLine(MEDIA)
    line.note(types.Blob(data=SECOND, mime_type=kind))
    assert line.kind is line


def test_what_is_kept_is_not_counted_in_place():
    """The line has no kind where audio has a number: each frame is to be kept."""
    line = MediaLine(MEDIA)
    for number in (1, 2):
        line.keep(types.Blob(data=SECOND, mime_type=PCM), number, number)
    assert line.kind is line
    assert line.seconds == 2.0


def test_other_input_between():
    """The line goes on from the seconds of all that was written, or was not after all."""
    line = MediaLine(MEDIA)
    line.note(types.Blob(data=SECOND, mime_type=PCM))
    half = chunk_of({"audio": {"data": SECOND, "mime_type": "audio/pcm"}}, place=1)
    line.written(half)
    line.bytes += 16_000
    line.written(chunk_of(START, place=2))
    line.unwritten(half)
    line.bytes += 16_000
    assert line.seconds == 3.0


def test_what_has_arrived():
    """A handle is taken to cover what was acknowledged, and that is what had been asked about."""
    line = MediaLine(MEDIA)
    second = chunk_of({"audio": {"data": SECOND, "mime_type": PCM}}, place=1)
    for _ in range(3):
        line.written(second)
    line.cover()
    assert (line.covered, line.unacknowledged) == (0.0, True)
    line.acknowledged(2.0)
    assert (line.covered, line.unacknowledged) == (0.0, True)
    line.cover()
    assert (line.seconds, line.covered) == (3.0, 2.0)
    for _ in range(2):
        line.unwritten(second)
        assert (line.seconds, line.unacknowledged) == (2.0, False)


def test_acknowledgement_of_what_was_taken_back():
    """No more is acknowledged than is written, and what was taken back leaves nothing."""
    line = MediaLine(MEDIA)
    line.written(chunk_of({"audio": {"data": bytes(2), "mime_type": PCM}}, place=1))
    before = line.seconds
    frame = chunk_of({"audio": {"data": bytes(640), "mime_type": PCM}}, place=2)
    line.written(frame)
    asked = line.seconds
    line.unwritten(frame)
    assert line.seconds == before
    line.acknowledged(asked)
    line.cover()
    assert line.missing == 0.0


def test_handle_without_a_number_after_one_with():
    """A handle that says not what it covers takes nothing back of what another one has."""
    line = MediaLine(MEDIA)
    line.keep(types.Blob(data=SECOND, mime_type=PCM), 1, 1)
    line.consumed(1)
    line.cover()
    assert line.covered == 1.0
