"""The meter of the audio that was written."""

import pytest
from google.genai import types

from reconnect._conversation.meter import Meter

PCM = "audio/pcm;rate=8000"
SECOND = bytes(16_000)


def test_bytes_of_the_counted_kind():
    """Meter counts the bytes that are added in place as audio of the kind that it was given."""
    meter = Meter()
    assert meter.count(types.Blob(data=SECOND, mime_type=PCM)) is SECOND
    assert meter.kind == PCM
    meter.bytes += 8_000
    assert meter.seconds == 1.5


def test_another_kind():
    """Meter keeps what it has counted when the kind changes, and counts by the new one."""
    meter = Meter()
    meter.count(types.Blob(data=SECOND, mime_type=PCM))
    meter.bytes += 16_000
    meter.count(types.Blob(data=SECOND, mime_type="audio/pcm;rate=16000"))
    meter.bytes += 32_000
    assert meter.seconds == 3.5


@pytest.mark.parametrize("kind", ["audio/opus", "image/png", None])
def test_what_is_no_pcm_has_no_kind(kind):
    """Meter takes no other kind for one whose bytes can be counted."""
    meter = Meter()
    meter.count(types.Blob(data=SECOND, mime_type=kind))
    assert meter.kind is meter


def test_seconds_are_set():
    """Meter goes on from the seconds that it is set to."""
    meter = Meter()
    meter.count(types.Blob(data=SECOND, mime_type=PCM))
    meter.seconds = 0.25
    meter.bytes += 16_000
    assert meter.seconds == 1.25


def test_what_has_arrived():
    """A handle is taken to cover what was acknowledged, and that is what had been asked about."""
    meter = Meter()
    meter.seconds = 2.0
    meter.asking()
    meter.seconds = 3.0
    meter.cover()
    assert (meter.uncovered, meter.unacknowledged) == (3.0, True)
    meter.acknowledged()
    assert (meter.uncovered, meter.unacknowledged) == (3.0, True)
    meter.cover()
    assert meter.uncovered == 1.0
    meter.take_back(2.0)
    assert (meter.seconds, meter.unacknowledged) == (2.0, False)
    meter.lost()
    assert (meter.seconds, meter.covered, meter.unacknowledged) == (0.0, 0.0, False)


def test_audio_is_taken_back():
    """What was counted is taken back by its own length."""
    meter = Meter()
    meter.seconds = 2.0
    meter.discount(types.Blob(data=SECOND, mime_type=PCM))
    meter.discount(types.Blob(data=SECOND, mime_type="image/png"))
    assert meter.seconds == 1.0
