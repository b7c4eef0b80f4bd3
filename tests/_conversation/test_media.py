"""What is kept of realtime input that finds no connection, and in which order it goes out."""

import pytest
from google.genai import types
from hypothesis import given, strategies as st

from reconnect._conversation.chunks import chunk_of, seconds_of
from reconnect._conversation.limits import Limit
from reconnect._conversation.media import Media
from reconnect.errors import BufferOverflow

START = {"activity_start": {}}
END = {"activity_end": {}}
PAUSE = {"audio_stream_end": True}
SECOND = 32000
"""Bytes in a frame of a second."""


def audio(number=0, seconds=1.0):
    """Return a frame of audio that carries a number."""
    data = number.to_bytes(2, "big") * round(seconds * 16000)
    return {"audio": {"data": data, "mime_type": "audio/pcm;rate=16000"}}


def image(number):
    """Return a frame of video that carries a number."""
    return {"video": {"data": bytes([number]), "mime_type": "image/jpeg"}}


def media_of(seconds=3.0, *, messages=100, size=2**20, full="drop"):
    """Return media with so much room."""
    return Media(seconds=seconds, limit=Limit(messages=messages, bytes=size, full=full))


def hold(media, *inputs, place=1):
    """Hold inputs, the first of which has the place."""
    for number, arguments in enumerate(inputs, place):
        media.hold(chunk_of(arguments, place=number))


def write(media, *inputs, numbered=True):
    """Write inputs, the first of which has the first place, and the first number if any."""
    for number, arguments in enumerate(inputs, 1):
        media.written(chunk_of(arguments, place=number), index=number if numbered else None)


def drained(media):
    """Take out all that waits, and note it as written."""
    taken = []
    while media.next_place is not None:
        item = media.next()
        media.written(item)
        taken.append(item.arguments)
    return taken


# What is kept, and in which order


def test_keeps_the_newest_audio_in_order():
    """Media drops the oldest frames over its seconds, and counts them."""
    media = media_of(3.0)
    hold(media, *map(audio, range(5)))
    assert media.next_place == 3
    assert media.dropped == 2.0
    assert drained(media) == [audio(2), audio(3), audio(4)]
    assert media.next_place is None


def test_keeps_only_the_newest_image():
    """Media keeps the newest frame of video, as video or as media, at its place in the sound."""
    media = media_of()
    shown = {"media": types.Blob(data=b"2", mime_type="image/png")}
    hold(media, image(1), shown, audio(1), image(3), audio(2))
    assert drained(media) == [audio(1), image(3), audio(2)]
    hold(media, image(4))
    assert media.next_place == 1
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
                media.written(item, index=number)
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
    while media.next_place is not None:
        places.append(media.next_place)
        assert media.next().place == places[-1]
    taken = [inputs[place - 1] for place in places]
    kept = sum(seconds_of(arguments.get("audio")) or 0 for arguments in taken)
    offered = sum(seconds_of(arguments.get("audio")) or 0 for arguments in inputs)
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
        media.check_room(START)
    hold(media, audio(3), place=3)
    assert media.dropped == 1.0
    assert drained(media) == [audio(2), audio(3)]


@pytest.mark.parametrize("again", [False, True])
def test_mark_whose_write_failed(again):
    """Media takes a mark that could not be written for not written: it opens nothing twice."""
    media = media_of()
    hold(media, START, audio(1), END)
    begun = media.next()
    media.written(begun)
    media.put_back(begun)
    media.lost(again=again, numbered=True)
    assert [media.next(), media.next()] == [begun, chunk_of(audio(1), place=2)]
    media.written(begun)
    ended = media.next()
    media.written(ended)
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
    media.written(begun)
    media.put_back(begun)
    media.lost(again=True, numbered=True)
    assert drained(media) == [START, audio(1)]


@pytest.mark.parametrize("room", [{"messages": 2}, {"size": 2 * SECOND}])
def test_numbered_input_that_was_refused(room):
    """Media writes nothing again that the SDK would not write, and has its room back."""
    media = media_of(10.0, full="raise", **room)
    write(media, audio(1))
    for refused in (chunk_of(audio(2), place=2), chunk_of(START, place=2)):
        media.written(refused, index=2)
        media.unwrite(refused, index=2)
    media.check_room(audio(3))
    assert not media.speaking
    media.lost(again=True, numbered=True)
    assert drained(media) == [audio(1)]


def test_image_that_was_refused():
    """Media shows no image again that the SDK would not write, but the one before it."""
    media = media_of()
    write(media, image(1), image(2))
    refused = chunk_of({"video": {"data": b"no type"}}, place=3)
    media.written(refused, index=3)
    media.unwrite(refused, index=3)
    media.lost(again=True, numbered=True)
    assert drained(media) == [image(2)]


# Activities


@pytest.mark.parametrize("again", [False, True])
def test_open_activity_is_opened_again(again):
    """Media opens an activity again that was open when the connection was lost."""
    media = media_of()
    write(media, START, numbered=False)
    hold(media, audio(1), place=2)
    media.lost(again=again, numbered=True)
    media.lost(again=again, numbered=True)
    begun = media.next()
    assert (begun.arguments, begun.place, begun.again) == (START, 1, True)
    media.written(begun)
    media.lost(again=again, numbered=True)
    hold(media, END, place=3)
    assert drained(media) == [START, audio(1), END]
    media.lost(again=again, numbered=True)
    assert media.next_place is None


@pytest.mark.parametrize(
    ("consumed", "expected"),
    [
        (0, [START, audio(2), END, audio(4), START, audio(6)]),
        (1, [START, audio(2), END, audio(4), START, audio(6)]),
        (2, [START, END, audio(4), START, audio(6)]),
        (3, [audio(4), START, audio(6)]),
        (4, [START, audio(6)]),
        (5, [START, audio(6)]),
        (6, [START]),
    ],
)
def test_activity_that_is_open_at_the_first_message(consumed, expected):
    """Media opens again what is open at the first message that is written again, and only that.

    So a mark is not doubled that is written again itself, though an activity is open at the end.
    """
    media = media_of()
    write(media, START, audio(2), END, audio(4), START, audio(6))
    media.consumed(consumed)
    media.lost(again=True, numbered=True)
    places = []
    taken = []
    while media.next_place is not None:
        places.append(media.next_place)
        taken.append(media.next().arguments)
    assert taken == expected
    assert places == sorted(places)


def test_activity_is_opened_before_what_is_still_to_be_written_again():
    """Media opens an activity before the rest of its sound, when a second connection is lost."""
    media = media_of()
    write(media, START, audio(2), audio(3), END)
    media.lost(again=True, numbered=True)
    for index in (1, 2):
        media.written(media.next(), index=index)
    media.consumed(2)
    media.lost(again=True, numbered=True)
    assert drained(media) == [START, audio(3), END]


def test_speaking():
    """The user is speaking after a mark, waiting or written, until the next one."""
    media = media_of()
    assert not media.speaking
    hold(media, START, audio(1))
    assert media.speaking
    assert drained(media) == [START, audio(1)]
    assert media.speaking
    hold(media, audio(2), END)
    assert not media.speaking
    assert drained(media) == [audio(2), END]
    assert not media.speaking
    write(media, START, END, START)
    media.lost(again=True, numbered=True)
    assert media.speaking
    hold(media, END)
    assert not media.speaking


# What is written again


def test_unconsumed_input_is_written_again():
    """Media writes again, first and in order, what no handle covers, however long it was."""
    media = media_of(1.0)
    write(media, *map(audio, range(1, 6)))
    media.consumed(2)
    media.lost(again=True, numbered=True)
    hold(media, audio(6), place=6)
    assert drained(media) == [audio(3), audio(4), audio(5), audio(6)]
    media.lost(again=True, numbered=True)
    assert media.next_place is None
    assert media.dropped == 0.0


def test_what_is_written_again_is_marked():
    """Media marks what is written again, over any number of losses, and nothing else."""
    media = media_of()
    write(media, audio(1), audio(2))
    hold(media, audio(3), place=3)
    media.lost(again=True, numbered=True)
    first = media.next()
    media.written(first, index=1)
    media.lost(again=True, numbered=True)
    taken = [media.next() for _ in range(3)]
    assert [(item.place, item.again) for item in taken] == [(1, True), (2, True), (3, False)]
    assert first == taken[0]


def test_image_is_written_again():
    """Media shows again, at its place, the newest image that no handle covers."""
    media = media_of()
    write(media, image(1), audio(2), image(3), audio(4))
    media.consumed(2)
    media.lost(again=True, numbered=True)
    assert drained(media) == [image(3), audio(4)]
    media.lost(again=True, numbered=True)
    assert media.next_place is None


@pytest.mark.parametrize(
    ("consumed", "again", "newer"), [(1, True, []), (0, False, []), (0, True, [image(2)])]
)
def test_image_is_not_written_again(consumed, again, newer):
    """Media shows no image again that is covered, or that nobody asks for, or that is stale."""
    media = media_of()
    write(media, image(1))
    hold(media, *newer, place=2)
    media.consumed(consumed)
    media.lost(again=again, numbered=True)
    assert drained(media) == newer


def test_nothing_is_written_again():
    """Media writes nothing again where the session may have it, as nobody can tell what of it."""
    media = media_of()
    write(media, audio(1), END, image(2))
    media.lost(again=False, numbered=True)
    assert media.next_place is None
    assert media.dropped == 0.0


def test_server_that_numbers_nothing_is_sent_nothing_stale():
    """Media writes only the newest seconds again to a server that never said what it consumed."""
    media = media_of(2.0)
    write(media, audio(1), START, audio(2), audio(3), END, audio(4))
    media.lost(again=True, numbered=False)
    assert media.forget_dropped() == 2.0
    assert drained(media) == [START, audio(3), END, audio(4)]


# What no session has


def count(media, *inputs):
    """Count audio as it is written past everything else."""
    for arguments in inputs:
        media.meter.count(arguments["audio"])


def acknowledge(media):
    """Let the server acknowledge all that was written so far."""
    media.meter.asking()
    media.meter.acknowledged()


def test_sound_that_no_handle_covers():
    """Media counts the sound that was written since the newest handle, and is not kept."""
    media = media_of()
    count(media, audio(1))
    acknowledge(media)
    media.meter.cover()
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
    assert not media.meter.unacknowledged
    media.meter.cover()
    count(media, audio(1))
    assert media.meter.unacknowledged
    media.meter.asking()
    count(media, audio(2))
    media.meter.cover()
    media.meter.acknowledged()
    assert media.meter.unacknowledged
    media.meter.asking()
    media.meter.acknowledged()
    assert not media.meter.unacknowledged
    media.lost(again=False, numbered=False)
    # Both were acknowledged, but no handle came after that.
    assert media.forget_uncovered() == 2.0
    assert not media.meter.unacknowledged
    count(media, audio(3))
    media.meter.asking()
    count(media, audio(4, 0.5))
    media.meter.acknowledged()
    media.meter.cover()
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 0.5


def test_acknowledgement_is_of_one_connection():
    """Media takes nothing that was acknowledged on a lost connection for acknowledged on the next.

    The ping may be answered, or its task be told so, after the connection was lost.
    """
    media = media_of()
    count(media, audio(1))
    media.meter.asking()
    media.lost(again=False, numbered=False)
    count(media, audio(2))
    media.meter.acknowledged()
    media.meter.cover()
    assert media.meter.unacknowledged
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 2.0


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
    media.meter.count(audio(1)["audio"])
    media.meter.count(blob)
    media.meter.count(audio(1)["audio"])
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 2.0 + seconds


@pytest.mark.parametrize("blob", [blob for blob, _ in COUNTED])
def test_audio_that_was_not_written_after_all(blob):
    """Media takes back all that it has counted for a frame, and nothing that was acknowledged."""
    media = media_of()
    media.meter.count(audio(1)["audio"])
    media.meter.count(blob)
    media.meter.discount(blob)
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 1.0
    media.meter.count(blob)
    acknowledge(media)
    media.meter.discount(blob)
    assert not media.meter.unacknowledged
    media.meter.cover()
    media.lost(again=False, numbered=False)
    assert media.forget_uncovered() == 0.0


def test_all_that_is_missing_when_a_session_ends():
    """Media tells what was dropped or waits, and what no handle covers, and forgets neither."""
    media = media_of(2.0, messages=4)
    assert media.give_up() == (0.0, 0.0)
    # A connection that was lost.
    count(media, audio(1))
    acknowledge(media)
    media.meter.cover()
    count(media, audio(2))
    media.lost(again=False, numbered=False)
    assert media.give_up() == (0.0, 1.0)
    # One that is given up: of five seconds a handle covers one, and one was let go of.
    write(media, *map(audio, range(1, 6)), image(6))
    media.consumed(1)
    assert media.give_up() == (0.0, 5.0)
    media.consumed(2)
    assert media.give_up() == (0.0, 4.0)
    # An outage: what is to be written again waits with what is new.
    media.lost(again=True, numbered=True)
    hold(media, *[audio(7, 0.5)] * 2, END, place=7)
    for _ in range(2):
        assert media.give_up() == (4.0, 1.0)


def states(media):
    """Return all that media know, however it is kept."""
    written = media._unconsumed
    kept = [*written], written.messages, written.bytes, written.oldest, written.newest
    return {**vars(media), "_unconsumed": kept, "meter": media.meter.seconds}


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
        fast.keep(frame, index=number, place=number)
        slow.written(chunk_of({"audio": frame}, place=number), index=number)
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
    before = {**states(media), "_shown_before": None}
    media.keep(blob, index=3, place=3)
    media.unkeep(3)
    assert {**states(media), "_shown_before": None} == before
    media.unkeep(3)
    assert {**states(media), "_shown_before": None} == before


@given(st.lists(st.sampled_from(["count", "write", "ask", "acknowledge", "cover", "lose"])))
def test_uncovered_audio_is_what_is_missing(steps):
    """Media says of each second that is missing that it is, and of no other one.

    A second is there if a handle came after the answer to a ping that was sent after it.
    """
    media = media_of()
    # Of each frame on this connection: "written", "asked", "acknowledged" or "covered".
    frames, missing = [], 0
    for step in [*steps, "lose"]:
        match step:
            case "count":
                count(media, audio(1))
                frames.append("written")
            case "write":
                write(media, audio(1), numbered=False)
                frames.append("written")
            case "ask":
                media.meter.asking()
                frames = ["asked" if it == "written" else it for it in frames]
            case "acknowledge":
                media.meter.acknowledged()
                frames = ["acknowledged" if it == "asked" else it for it in frames]
            case "cover":
                media.meter.cover()
                frames = ["covered" if it == "acknowledged" else it for it in frames]
            case "lose":
                media.lost(again=False, numbered=False)
                missing += sum(it != "covered" for it in frames)
                frames = []
        assert media.meter.unacknowledged == any(it in ("written", "asked") for it in frames)
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
    media.consumed(1)
    media.lost(again=again, numbered=again)
    assert media.forget_uncovered() == uncovered


# Limits


@pytest.mark.parametrize("room", [{"messages": 3}, {"size": 3 * SECOND}])
def test_unconsumed_input_is_bounded(room):
    """Media lets go of the oldest of what no handle covers; the server has been sent it.

    Where the connection is lost before a handle covers it, it is missing.
    """
    media = media_of(1.0, **room)
    write(media, *map(audio, range(1, 6)))
    assert media.forget_dropped() == 0.0
    media.consumed(1)
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
    media.consumed(2)
    media.lost(again=True, numbered=True)
    assert media.forget_uncovered() == 0.0
    assert drained(media) == [audio(3), audio(4), audio(5)]
    media.lost(again=False, numbered=True)
    assert media.forget_uncovered() == 3.0
    # The numbers begin anew with each connection.
    write(media, *map(audio, range(1, 5)))
    media.consumed(0)
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


@pytest.mark.parametrize("room", [{"messages": 2}, {"size": 2 * SECOND}])
def test_consumed_input_makes_room(room):
    """Media has room again for as much as a handle covers."""
    media = media_of(10.0, **room)
    write(media, audio(1), audio(2))
    media.consumed(1)
    media.written(chunk_of(audio(3), place=3), index=3)
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
    assert media.next_place is None
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
    media.check_room(audio(3))
    hold(media, audio(3), place=3)
    with pytest.raises(BufferOverflow, match="items of realtime input") as caught:
        media.check_room(more)
    assert caught.value.messages == 4
    assert caught.value.bytes == 3 * SECOND + len(more.get("text", ""))
    # An image takes the place of another one.
    media.check_room(image(1))
    assert drained(media) == [audio(1), audio(2), audio(3)]
    media.check_room(more)


def test_nothing_is_raised_where_the_oldest_is_dropped():
    """Media that drops the oldest has room for everything."""
    media = media_of(messages=1)
    hold(media, START)
    media.check_room(audio(1))


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


def test_audio_of_speech_that_is_told_in_words():
    """Audio of speech that is replayed in words is not written again; the rest is, in order."""
    media = media_of()
    write(media, audio(1), END, audio(2), audio(3))
    media.lost(again=True, numbered=True, told=[range(1, 3), range(4, 5)])
    assert drained(media) == [audio(2)]


def test_open_activity_behind_speech_that_is_told_in_words():
    """An activity that was open is opened again, though the speech before it is told in words."""
    media = media_of()
    write(media, START, audio(1), END, START, audio(2))
    media.lost(again=True, numbered=True, told=[range(1, 4)])
    assert drained(media) == [START, audio(2)]
    assert media.speaking


def test_end_of_an_activity_that_is_told_in_words():
    """A session that has heard the beginning hears that it is over, on each connection."""
    media = media_of()
    write(media, START, audio(1), END, audio(2))
    media.consumed(1)
    media.lost(again=True, numbered=True, told=[range(1, 4)])
    written = drained(media)
    assert written == [END, audio(2)]
    write(media, *written)
    media.lost(again=True, numbered=True, told=[range(1, 2)])
    assert drained(media) == [END, audio(2)]


def test_activity_that_was_opened_again_and_is_told_in_words():
    """That it was opened again is nothing that the session must hear of."""
    media = media_of()
    write(media, START, audio(1))
    media.consumed(1)
    media.lost(again=True, numbered=True)
    written = drained(media)
    assert written == [START, audio(1)]
    write(media, *written, END, audio(2))
    media.lost(again=True, numbered=True, told=[range(1, 4)])
    assert drained(media) == [END, audio(2)]


def test_end_of_an_activity_in_a_new_session():
    """It has heard no beginning, and is told of no end."""
    media = media_of()
    write(media, START, audio(1), END, audio(2))
    media.consumed(1)
    media.lost(again=True, numbered=True, told=[range(1, 4)])
    media.restarted(told=[], unheard=0.0)
    assert drained(media) == [audio(2)]


def test_progress():
    """Progress differs whenever audio was written in between, whether it is kept or counted."""
    for numbered in (True, False):
        media = media_of()
        seen = [media.progress]
        for number in (1, 2):
            assert media.progress == seen[-1]
            if numbered:
                media.keep(types.Blob(**audio(number)["audio"]), index=number, place=number)
            else:
                media.meter.count(audio(number)["audio"])
            assert media.progress not in seen
            seen.append(media.progress)
        # What is covered now was written before.
        media.consumed(1)
        media.meter.asking()
        media.meter.acknowledged()
        media.meter.cover()
        assert media.progress == seen[-1]
        assert media.covered_seconds == (1.0 if numbered else 2.0)
