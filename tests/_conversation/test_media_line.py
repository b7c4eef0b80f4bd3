"""What was written and is kept until a handle covers it: each frame once."""

from dataclasses import replace

import pytest
from google.genai import types
from hypothesis import given, strategies as st
from messages import END, START, audio

from reconnect._conversation.chunks import chunk_of
from reconnect._conversation.limits import MEDIA, Limit
from reconnect._conversation.media_line import MediaLine

KINDS = ("audio/pcm;rate=16000", "audio/pcm;rate=8000", "audio/opus")
STEPS = st.lists(
    st.one_of(
        # A frame: whether it is about to be written, its bytes, its type, and how many other
        # messages and places come before it.
        st.tuples(
            st.just("frame"),
            st.booleans(),
            st.binary(max_size=8),
            st.sampled_from(KINDS),
            st.integers(0, 1),
            st.integers(0, 1),
        ),
        st.tuples(st.just("mark"), st.sampled_from(["activity_start", "audio_stream_end"])),
        st.tuples(st.just("forget"), st.integers(0, 12)),
        st.tuples(st.just("take back"), st.booleans()),
    )
)


@given(STEPS)
def test_it_is_a_list(steps):
    """The line is what a list of numbered pieces is, however they are kept."""
    line, listed = MediaLine(MEDIA), []
    number = place = 0
    forgotten = (0, 0)
    added = covered = 0.0
    opened = False
    for what, *how in steps:
        if what == "frame":
            at_once, data, kind, others, places = how
            number, place = number + 1 + others, place + 1 + places
            blob = types.Blob(data=data, mime_type=kind)
            chunk = chunk_of({"audio": blob}, place=place)
            if at_once:
                line.keep(blob, number, place)
            else:
                line.written(chunk, number)
            listed.append((number, chunk))
            added += chunk.seconds
        elif what == "mark":
            number, place = number + 1, place + 1
            chunk = chunk_of({how[0]: {}}, place=place)
            line.written(chunk, number)
            listed.append((number, chunk))
        elif what == "forget":
            until = number - how[0]
            gone = [(of, chunk) for of, chunk in listed if of <= until]
            listed = listed[len(gone) :]
            line.consumed(until)
            covered += sum(chunk.seconds for _, chunk in gone)
            opened |= any(chunk.activity for _, chunk in gone)
            if gone:
                forgotten = gone[-1][0], gone[-1][1].place
        else:
            newest = how[0] and listed
            line.refused(listed[-1][0] if newest else number + 1)
            if newest:
                added -= listed.pop()[1].seconds
        assert list(line) == [replace(chunk, again=True) for _, chunk in listed]
        assert len(line.sent) == len(listed)
        assert line.opened == opened
        assert round(line.seconds, 9) == round(added, 9)
        assert round(line.covered, 9) == round(covered, 9)
        assert round(line.missing, 9) == 0.0
        assert line.size == sum(chunk.size for _, chunk in listed)
        places = [(of, chunk.place) for of, chunk in listed]
        assert line.progress[1:] == (places[-1] if places else forgotten)
        assert line.gone == forgotten[1]


def test_a_frame_is_kept_as_what_it_is_made_of():
    """A frame is bytes of the type of PCM before it: all else is kept as a copy, or is none."""
    line = MediaLine(MEDIA)
    frames = [(b"12", KINDS[0])] * 2 + [(b"12", None), (bytearray(b"12"), KINDS[0])]
    for number, (data, kind) in enumerate(frames, 1):
        line.keep(types.Blob.model_construct(data=data, mime_type=kind), number, number)
    assert [kind for *_, kind, _ in line.sent] == [None, KINDS[0], None]
    assert [chunk.place for chunk in line] == [1, 2, 4]
    assert all(type(chunk.arguments["audio"]["data"]) is bytes for chunk in line)


@pytest.mark.parametrize("at_once", [False, True])
def test_what_there_is_no_room_for(at_once):
    """What is not kept is covered when the newest of it is."""
    line = MediaLine(Limit(messages=2, bytes=2**20, full="drop"))
    for number, arguments in enumerate([START, audio(1), audio(2), END, audio(3)], 1):
        if at_once and "audio" in arguments:
            line.keep(types.Blob(**arguments["audio"]), number, number)
        else:
            line.written(chunk_of(arguments, place=number), number)
    assert [chunk.place for chunk in line] == [4, 5]
    for until, covered in ((2, 0.0), (3, 2.0), (5, 3.0)):
        line.consumed(until)
        assert (line.covered, line.missing) == (covered, max(2.0 - covered, 0.0))
    assert line.progress == (3.0, 5, 5)
