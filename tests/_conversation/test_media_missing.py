"""Media: how much audio is missing, since no session is known to have it."""

import pytest
from google.genai import types
from held_media import acknowledge, count, hold, media_of, write
from hypothesis import given, strategies as st
from messages import END, audio, image

from reconnect._conversation.chunks import chunk_of

# What a handle covers


def test_sound_that_no_handle_covers():
    """Media counts the sound that was written since the newest handle, and is not kept."""
    media = media_of()
    count(media, audio(1))
    acknowledge(media)
    media.line.cover()
    count(media, *[audio(2, 0.5)] * 2)
    write(media, audio(3), numbered=False)
    acknowledge(media)
    assert media.forget_uncovered() == 0.0
    media.lost(again=False, numbered=False)
    assert media.dropped == 0.0
    assert media.forget_uncovered() == 2.0
    assert media.forget_uncovered() == 0.0


def test_handle_covers_no_more_than_was_acknowledged():
    """Media takes a handle to cover what was acknowledged before it came: the rest is on its way.

    An acknowledgement is of what was written before it was asked for, and not of what follows.
    """
    media = media_of()
    assert not media.line.unacknowledged
    media.line.cover()
    count(media, audio(1))
    assert media.line.unacknowledged
    asked = media.line.seconds
    count(media, audio(2))
    media.line.cover()
    media.line.acknowledged(asked)
    assert media.line.unacknowledged
    media.line.acknowledged(media.line.seconds)
    assert not media.line.unacknowledged
    media.lost(again=False, numbered=False)
    # Both were acknowledged, but no handle came after that.
    assert media.forget_uncovered() == 2.0
    assert not media.line.unacknowledged
    count(media, audio(3))
    asked = media.line.seconds
    count(media, audio(4, 0.5))
    media.line.acknowledged(asked)
    media.line.cover()
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 0.5


def test_acknowledgement_is_of_one_connection():
    """Media takes nothing that was acknowledged on a lost connection for acknowledged on the next.

    The ping may be answered, or its task be told so, after the connection was lost.
    """
    media = media_of()
    count(media, audio(1))
    line = media.line
    media.lost(again=False, numbered=False)
    count(media, audio(2))
    line.acknowledged(line.seconds)
    media.line.cover()
    assert media.line.unacknowledged
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 2.0


@given(st.lists(st.sampled_from(["count", "write", "ask", "acknowledge", "cover", "lose"])))
def test_uncovered_audio_is_what_is_missing(steps):
    """Media says of each second that is missing that it is, and of no other one.

    A second is there if a handle came after the answer to a ping that was sent after it.
    """
    media = media_of()
    # Of each frame on this connection: "written", "asked", "acknowledged" or "covered".
    frames, missing, asked = [], 0, 0.0
    for step in [*steps, "lose"]:
        match step:
            case "count":
                count(media, audio(1))
                frames.append("written")
            case "write":
                write(media, audio(1), numbered=False)
                frames.append("written")
            case "ask":
                asked = media.line.seconds
                frames = ["asked" if it == "written" else it for it in frames]
            case "acknowledge":
                media.line.acknowledged(asked)
                frames = ["acknowledged" if it == "asked" else it for it in frames]
            case "cover":
                media.line.cover()
                frames = ["covered" if it == "acknowledged" else it for it in frames]
            case "lose":
                media.lost(again=False, numbered=False)
                missing += sum(it != "covered" for it in frames)
                frames, asked = [], 0.0
        assert media.line.unacknowledged == any(it in ("written", "asked") for it in frames)
    assert media.forget_uncovered() == missing


def test_audio_that_there_was_no_room_for_is_missing_once():
    """Media says once of audio that was not kept that it is missing, not with each loss."""
    media = media_of(10.0, messages=2)
    write(media, audio(1), audio(2), audio(3))
    media.lost(again=True, numbered=True)
    assert media.forget_uncovered() == 1.0
    media.lost(again=True, numbered=True)
    assert media.forget_uncovered() == 0.0


@pytest.mark.parametrize(("again", "uncovered"), [(False, 2.0), (True, 0.0)])
def test_unconsumed_sound_that_is_not_written_again(again, uncovered):
    """Media counts what no handle has consumed, unless it is written again."""
    media = media_of()
    write(media, *map(audio, range(3)), END)
    media.line.consumed(1)
    media.lost(again=again, numbered=again)
    assert media.forget_uncovered() == uncovered


def test_all_that_is_missing_when_a_session_ends():
    """Media tells what was dropped or waits, and what no handle covers, and forgets neither."""
    media = media_of(2.0, messages=4)
    assert media.give_up() == (0.0, 0.0)
    # A connection that was lost.
    count(media, audio(1))
    acknowledge(media)
    media.line.cover()
    count(media, audio(2))
    media.lost(again=False, numbered=False)
    assert media.give_up() == (0.0, 1.0)
    # One that is given up: of five seconds a handle covers one, and one was let go of.
    write(media, *map(audio, range(1, 6)), image(6))
    media.line.consumed(1)
    assert media.give_up() == (0.0, 5.0)
    media.line.consumed(2)
    assert media.give_up() == (0.0, 4.0)
    # An outage: what is to be written again waits with what is new.
    media.lost(again=True, numbered=True)
    hold(media, *[audio(7, 0.5)] * 2, END, place=7)
    for _ in range(2):
        assert media.give_up() == (4.0, 1.0)


# How a frame is counted

COUNTED = [
    (audio(1)["audio"], 1.0),
    ({"data": bytes(48000), "mimeType": "audio/pcm;rate=24000"}, 1.0),
    (types.Blob(data=bytes(320), mime_type="audio/pcm;rate=16000"), 0.01),
    (types.Blob(data=bytes(320), mime_type="audio/opus"), 0.02),
    (types.Blob(mime_type="audio/pcm"), 0.0),
    ({"data": bytes(320)}, 0.0),
    ({"data": 5, "mime_type": "audio/pcm"}, 0.0),
    ({"data": bytes(320), "mime_type": 5}, 0.0),
    ([], 0.0),
    (5, 0.0),
]


@pytest.mark.parametrize(("blob", "seconds"), COUNTED)
def test_seconds_that_are_counted(blob, seconds):
    """Media counts a frame by its type and size, as a usual one where these say nothing.

    What is no audio at all raises nothing here: it is the SDK that refuses it.
    """
    media = media_of()
    media.line.note(audio(1)["audio"])
    media.line.note(blob)
    media.line.note(audio(1)["audio"])
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 2.0 + seconds


@pytest.mark.parametrize("blob", [blob for blob, _ in COUNTED])
def test_audio_that_was_not_written_after_all(blob):
    """Media takes back all that it has counted for a frame, and nothing that was acknowledged."""
    media = media_of()
    media.line.note(audio(1)["audio"])
    media.line.note(blob)
    media.line.unwritten(chunk_of({"audio": blob}, place=1))
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 1.0
    media.line.note(blob)
    acknowledge(media)
    media.line.unwritten(chunk_of({"audio": blob}, place=1))
    assert not media.line.unacknowledged
    media.line.cover()
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 0.0


def test_progress():
    """Progress differs whenever audio was written in between, whether it is kept or counted."""
    for numbered in (True, False):
        media = media_of()
        seen = [media.line.progress]
        for number in (1, 2):
            assert media.line.progress == seen[-1]
            if numbered:
                media.line.keep(types.Blob(**audio(number)["audio"]), number, number)
            else:
                media.line.note(audio(number)["audio"])
            assert media.line.progress not in seen
            seen.append(media.line.progress)
        # What is covered now was written before.
        media.line.consumed(1)
        if not numbered:
            acknowledge(media)
        media.line.cover()
        assert media.line.progress == seen[-1]
        assert media.line.covered == (1.0 if numbered else 2.0)


# How a frame is kept


def states(media):
    """Return all that media know, however it is kept."""
    line = media.line
    seconds = [round(it, 9) for it in (line.seconds, line.covered, line.missing)]
    kept = [*line], line.size, line.gone, line.marks, line.shown, line.opened, line.progress[1:]
    return {**vars(media), "line": (kept, seconds)}


BLOBS = [
    *[blob for blob, _ in COUNTED if isinstance(blob, types.Blob)],
    types.Blob(data=bytes(320)),
    types.Blob(data=bytes(320), mime_type="image/png"),
    types.Blob.model_construct(data=bytearray(320), mime_type="audio/pcm"),
    types.Blob.model_construct(data=5, mime_type="audio/pcm"),
    types.Blob.model_construct(data=bytes(320), mime_type=5),
]


@pytest.mark.parametrize("room", [{}, {"messages": 2}, {"size": 400}])
@pytest.mark.parametrize("blob", BLOBS)
def test_audio_that_is_kept(blob, room):
    """Media keeps audio that is about to be written as it keeps all other input: only faster."""
    fast, slow = media_of(**room), media_of(**room)
    usual = types.Blob(data=b"12", mime_type="audio/pcm")
    frames = [types.Blob(**audio(1, 0.01)["audio"]), blob, usual, usual, blob]
    for number, frame in enumerate(frames, 1):
        fast.line.keep(frame, number, number)
        slow.line.written(chunk_of({"audio": frame}, place=number), number=number)
        assert states(fast) == states(slow)
    for media in (fast, slow):
        media.lost(again=True, numbered=True)
    assert states(fast) == states(slow)


@pytest.mark.parametrize("blob", BLOBS)
def test_audio_that_was_not_kept_after_all(blob):
    """Media takes back what it kept of audio that the SDK refused, and all that is written stays.

    What has no type of audio is kept as an image is, of which there is but one.
    """
    media = media_of()
    write(media, image(1), audio(2))
    before = states(media)
    media.line.keep(blob, 3, 3)
    media.line.refused(3)
    assert states(media) == before
    media.line.refused(3)
    assert states(media) == before
