"""What was written and is kept until a handle covers it: each frame once."""

from google.genai import types
from hypothesis import given, strategies as st
from messages import END, START, audio

from reconnect._conversation.chunks import chunk_of
from reconnect._conversation.unconsumed import Unconsumed

KINDS = ("audio/pcm;rate=16000", "audio/pcm;rate=8000", "audio/opus")
STEPS = st.lists(
    st.one_of(
        # A frame: whether it is known to be one, its bytes, its type, and how many other messages
        # and places come before it.
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
    """Unconsumed is what a list of numbered pieces is, however they are kept."""
    unconsumed, listed = Unconsumed(), []
    number = place = 0
    forgotten = (0, 0)
    added = covered = 0.0
    for what, *how in steps:
        if what == "frame":
            known, data, kind, others, places = how
            number, place = number + 1 + others, place + 1 + places
            blob = types.Blob(data=data, mime_type=kind)
            chunk = chunk_of({"audio": blob}, place=place)
            if not (known and unconsumed.add_frame(data, kind, number, place)):
                unconsumed.add(chunk, number)
            listed.append((number, chunk))
            added += chunk.seconds
        elif what == "mark":
            number, place = number + 1, place + 1
            chunk = chunk_of({how[0]: {}}, place=place)
            unconsumed.add(chunk, number)
            listed.append((number, chunk))
        elif what == "forget":
            until = number - how[0]
            gone = [(of, chunk) for of, chunk in listed if of <= until]
            listed = listed[len(gone) :]
            assert unconsumed.cover(until) == [chunk for _, chunk in gone]
            covered += sum(chunk.seconds for _, chunk in gone)
            if gone:
                forgotten = gone[-1][0], gone[-1][1].place
        else:
            newest = how[0] and listed
            unconsumed.take_back(listed[-1][0] if newest else number + 1)
            if newest:
                added -= listed.pop()[1].seconds
        assert list(unconsumed) == [chunk for _, chunk in listed]
        assert len(unconsumed.sent) == len(listed)
        assert round(unconsumed.seconds, 9) == round(added, 9)
        assert round(unconsumed.covered, 9) == round(covered, 9)
        assert unconsumed.bytes == sum(chunk.size for _, chunk in listed)
        places = [(of, chunk.place) for of, chunk in listed]
        assert unconsumed.newest == (places[-1] if places else forgotten)


def test_what_is_no_frame():
    """A frame is bytes of a type of audio: a caller may change what is none."""
    unconsumed = Unconsumed()
    for data, kind in ((b"12", None), (b"12", "image/png"), (bytearray(b"12"), KINDS[0])):
        assert not unconsumed.add_frame(data, kind, 1, 1)
    assert not unconsumed.sent
    assert unconsumed.add_frame(b"12", KINDS[0], 1, 1)
    assert unconsumed.newest == (1, 1)


def test_what_there_is_no_room_for():
    """What is not kept is covered when the newest of it is."""
    unconsumed = Unconsumed()
    for number, arguments in enumerate([START, audio(1), audio(2), END, audio(3)], 1):
        unconsumed.add(chunk_of(arguments, place=number), number)
    for _ in range(3):
        unconsumed.evict()
    for until, covered in ((2, 0.0), (3, 2.0), (5, 3.0)):
        unconsumed.cover(until)
        assert (unconsumed.covered, unconsumed.evicted) == (covered, max(2.0 - covered, 0.0))
    assert unconsumed.newest == (5, 5)
