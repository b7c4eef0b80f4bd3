"""Media: what is kept of input that finds no connection, and in which order it goes out."""

import pytest
from google.genai import types
from held_media import PAUSE, drained, hold, media_of, write
from hypothesis import given, strategies as st
from messages import END, START, audio, image

from reconnect._conversation.chunks import chunk_of
from reconnect._conversation.limits import Limit
from reconnect._conversation.media import Media
from reconnect.errors import BufferOverflow

SECOND = 32000
"""Bytes in a frame of a second."""


# What is kept, and in which order


def test_keeps_the_newest_audio_in_order():
    """Media drops the oldest frames over its seconds, and counts them."""
    media = media_of(3.0)
    hold(media, *map(audio, range(5)))
    assert media.first.place == 3
    assert media.dropped == 2.0
    assert drained(media) == [audio(2), audio(3), audio(4)]
    assert media.first is None


def test_keeps_only_the_newest_image():
    """Media keeps the newest frame of video, as video or as media, at its place in the sound."""
    media = media_of()
    shown = {"media": types.Blob(data=b"2", mime_type="image/png")}
    hold(media, image(1), shown, audio(1), image(3), audio(2))
    assert drained(media) == [audio(1), image(3), audio(2)]
    hold(media, image(4))
    assert media.first.place == 1
    assert drained(media) == [image(4)]
    hold(media, image(5), shown)
    assert drained(media) == [{"media": {"data": b"2", "mime_type": "image/png"}}]


def test_media_that_is_sound_is_audio():
    """Media takes a chunk of media that is sound for audio."""
    media = media_of(3.0)
    sound = {"media": types.Blob(data=bytes(32000), mime_type="audio/pcm")}
    hold(media, *[sound] * 5)
    assert drained(media) == [{"media": {"data": bytes(32000), "mime_type": "audio/pcm"}}] * 3


def test_marks_stay_when_sound_is_dropped():
    """Media keeps marks and their order, whatever sound around them is dropped."""
    media = media_of(1.0)
    hold(media, START, audio(1), PAUSE, audio(2), END)
    assert drained(media) == [START, PAUSE, audio(2), END]


@pytest.mark.parametrize("name", ["audio", "video", "media"])
@pytest.mark.parametrize("numbered", [False, True])
def test_input_is_a_copy(name, numbered):
    """What the caller writes into his buffer afterwards does not change what is kept."""
    media = media_of(10.0)
    buffer = bytearray(2)
    reused = {"data": buffer, "mime_type": "audio/pcm"}
    view = {"data": memoryview(buffer), "mime_type": "audio/pcm"}
    blob = types.Blob(data=b"", mime_type="audio/pcm")
    for number in range(1, 6):
        buffer[0] = number
        blob.data = bytes(buffer)
        for frame in (reused, view, blob):
            item = chunk_of({name: frame}, place=number)
            if numbered:
                media.line.written(item, number=number)
            else:
                media.hold(item)
    reused["data"], blob.mime_type = b"", "image/png"
    media.lost(again=True, numbered=True)
    heard = [arguments[name] for arguments in drained(media)]
    assert heard == [
        {"data": bytes([number, 0]), "mime_type": "audio/pcm"}
        for number in range(1, 6)
        for _ in range(3)
    ]


@given(
    st.lists(st.sampled_from([audio(0, 0.5), START, END, PAUSE, image(1)]), max_size=30),
    st.floats(0, 3),
)
def test_never_more_than_the_limit(inputs, limit):
    """Media never holds more sound than its seconds, nor loses a mark, nor a newest image."""
    media = media_of(limit)
    hold(media, *inputs)
    places = []
    while media.first is not None:
        places.append(media.first.place)
        assert media.next().place == places[-1]
    taken = [inputs[place - 1] for place in places]
    kept = sum(chunk_of(arguments, place=1).seconds for arguments in taken)
    offered = sum(chunk_of(arguments, place=1).seconds for arguments in inputs)
    assert places == sorted(places)
    assert kept <= limit + 1e-5
    assert kept + media.dropped == pytest.approx(offered)
    assert [a for a in taken if a in (START, END, PAUSE)] == [
        a for a in inputs if a in (START, END, PAUSE)
    ]
    assert (image(1) in taken) == (image(1) in inputs)


# Writes that fail


def test_failed_write_is_put_back():
    """Media keeps the place of what could not be written."""
    media = media_of()
    hold(media, audio(1), audio(2))
    first = media.next()
    media.put_back(first)
    assert drained(media) == [audio(1), audio(2)]
    hold(media, image(1))
    taken = media.next()
    media.put_back(taken)
    assert media.next() == taken
    hold(media, image(2))
    media.put_back(taken)
    assert drained(media) == [image(2)]


def test_sound_that_is_put_back_counts():
    """Media counts the seconds and bytes of what is put back as it did before."""
    media = media_of(2.0, messages=2, full="raise")
    hold(media, audio(1), audio(2))
    media.put_back(media.next())
    with pytest.raises(BufferOverflow):
        media.check_room(chunk_of(START, place=9))
    hold(media, audio(3), place=3)
    assert media.dropped == 1.0
    assert drained(media) == [audio(2), audio(3)]


@pytest.mark.parametrize("again", [False, True])
def test_mark_whose_write_failed(again):
    """Media takes a mark that could not be written for not written: it opens nothing twice."""
    media = media_of()
    hold(media, START, audio(1), END)
    begun = media.next()
    media.line.written(begun)
    media.put_back(begun)
    media.lost(again=again, numbered=True)
    assert [media.next(), media.next()] == [begun, chunk_of(audio(1), place=2)]
    media.line.written(begun)
    ended = media.next()
    media.line.written(ended)
    media.put_back(ended)
    media.lost(again=again, numbered=True)
    assert drained(media) == [START, END]


def test_mark_that_is_written_again_in_vain():
    """Media puts what was to be written again back before all that is new."""
    media = media_of()
    write(media, START)
    media.lost(again=True, numbered=True)
    hold(media, audio(1), place=2)
    begun = media.next()
    assert begun.again
    media.line.written(begun)
    media.put_back(begun)
    media.lost(again=True, numbered=True)
    assert drained(media) == [START, audio(1)]


@pytest.mark.parametrize("room", [{"messages": 2}, {"size": 2 * SECOND}])
def test_numbered_input_that_was_refused(room):
    """Media writes nothing again that the SDK would not write, and has its room back."""
    media = media_of(10.0, full="raise", **room)
    write(media, audio(1))
    for refused in (chunk_of(audio(2), place=2), chunk_of(START, place=2)):
        media.line.written(refused, number=2)
        media.line.refused(2)
    media.check_room(chunk_of(audio(3), place=9))
    assert not media.speaking
    media.lost(again=True, numbered=True)
    assert drained(media) == [audio(1)]


def test_image_that_was_refused():
    """Media shows no image again that the SDK would not write, but the one before it."""
    media = media_of()
    write(media, image(1), image(2))
    refused = chunk_of({"video": {"data": b"no type"}}, place=3)
    media.line.written(refused, number=3)
    media.line.refused(3)
    media.lost(again=True, numbered=True)
    assert drained(media) == [image(2)]


# Limits


@pytest.mark.parametrize("room", [{"messages": 3}, {"size": 3 * SECOND}])
def test_unconsumed_input_is_bounded(room):
    """Media lets go of the oldest of what no handle covers; the server has been sent it.

    Where the connection is lost before a handle covers it, it is missing.
    """
    media = media_of(1.0, **room)
    write(media, *map(audio, range(1, 6)))
    assert media.forget_dropped() == 0.0
    media.line.consumed(1)
    assert media.forget_uncovered() == 0.0
    media.lost(again=True, numbered=True)
    assert media.forget_uncovered() == 2.0
    assert media.forget_dropped() == 0.0
    assert drained(media) == [audio(3), audio(4), audio(5)]


@pytest.mark.parametrize("room", [{"messages": 3}, {"size": 3 * SECOND}])
def test_handle_that_covers_what_is_not_kept(room):
    """Media takes what it let go of for heard once a handle covers all of it."""
    media = media_of(1.0, **room)
    write(media, *map(audio, range(1, 6)))
    media.line.consumed(2)
    media.lost(again=True, numbered=True)
    assert media.forget_uncovered() == 0.0
    assert drained(media) == [audio(3), audio(4), audio(5)]
    media.lost(again=False, numbered=True)
    assert media.forget_uncovered() == 3.0
    # The numbers begin anew with each connection.
    write(media, *map(audio, range(1, 5)))
    media.line.consumed(0)
    media.lost(again=False, numbered=True)
    assert media.forget_uncovered() == 4.0


@pytest.mark.parametrize("room", [{"messages": 3}, {"size": 3 * SECOND}])
def test_input_that_is_held_is_bounded(room):
    """Media drops the oldest for what is new: first of what is written again, then of the rest."""
    media = media_of(10.0, **room)
    write(media, audio(1), audio(2))
    media.lost(again=True, numbered=True)
    hold(media, audio(3), audio(4), place=3)
    assert media.dropped == 1.0
    hold(media, audio(5), audio(6), place=5)
    assert media.forget_dropped() == 3.0
    assert drained(media) == [audio(4), audio(5), audio(6)]
    hold(media, *map(audio, range(3)))
    assert media.dropped == 0.0


@pytest.mark.parametrize("room", [{"messages": 3}, {"size": 3 * SECOND}])
def test_what_was_written_makes_room_for_what_waits(room):
    """Media lets go of what was written before it drops what was not: that would be a hole."""
    media = media_of(10.0, **room)
    write(media, audio(1), audio(2))
    hold(media, audio(3), audio(4), place=3)
    assert media.dropped == 0.0
    assert media.kept_from == 2
    hold(media, audio(5), audio(6), place=5)
    assert (media.forget_dropped(), drained(media)) == (1.0, [audio(4), audio(5), audio(6)])


@pytest.mark.parametrize("room", [{"messages": 2}, {"size": 2 * SECOND}])
def test_consumed_input_makes_room(room):
    """Media has room again for as much as a handle covers."""
    media = media_of(10.0, **room)
    write(media, audio(1), audio(2))
    media.line.consumed(1)
    media.line.written(chunk_of(audio(3), place=3), number=3)
    assert media.dropped == 0.0
    media.lost(again=True, numbered=True)
    assert drained(media) == [audio(2), audio(3)]


def test_single_input_over_the_limit():
    """Media keeps no message that is larger than all the room there is, written or held."""
    media = media_of(10.0, size=100)
    hold(media, audio(1))
    assert media.dropped == 1.0
    write(media, audio(2))
    media.lost(again=True, numbered=True)
    assert media.first is None
    assert media.dropped == 1.0
    assert media.forget_uncovered() == 1.0


@pytest.mark.parametrize(
    ("room", "more"), [({"messages": 3}, START), ({"size": 3 * SECOND}, {"text": "a"})]
)
def test_overflow(room, more):
    """Media that is to raise does so before anything is dropped, and says how much there is."""
    media = media_of(10.0, full="raise", **room)
    write(media, audio(1))
    media.lost(again=True, numbered=True)
    hold(media, audio(2), place=2)
    media.check_room(chunk_of(audio(3), place=9))
    hold(media, audio(3), place=3)
    with pytest.raises(BufferOverflow, match="items of realtime input") as caught:
        media.check_room(chunk_of(more, place=9))
    assert caught.value.messages == 4
    assert caught.value.bytes == 3 * SECOND + len(more.get("text", ""))
    # An image takes the place of another one.
    media.check_room(chunk_of(image(1), place=9))
    assert drained(media) == [audio(1), audio(2), audio(3)]
    media.check_room(chunk_of(more, place=9))


def test_nothing_is_raised_where_the_oldest_is_dropped():
    """Media that drops the oldest has room for everything."""
    media = media_of(messages=1)
    hold(media, START)
    media.check_room(chunk_of(audio(1), place=9))


def test_sound_is_dropped_before_marks():
    """Of too many messages the oldest sound goes first, and no mark before it."""
    media = Media(seconds=60.0, limit=Limit(messages=3, bytes=2**20, full="drop"))
    items = [START, *({"audio": {"data": bytes(640), "mime_type": "audio/pcm"}},) * 3, END]
    for place, arguments in enumerate(items):
        media.hold(chunk_of(arguments, place=place))
    assert [media.next().place for _ in range(3)] == [0, 3, 4]
    assert media.forget_dropped() == pytest.approx(0.04)
    for place in range(5):
        media.hold(chunk_of(END, place=place))
    assert media.next().place == 2
