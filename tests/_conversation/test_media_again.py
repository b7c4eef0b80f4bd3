"""Media: what of realtime input is written again to the next connection."""

import pytest
from held_media import drained, hold, media_of, write
from messages import END, START, audio, image

from reconnect._conversation.chunks import chunk_of

# Input that no handle covers


def test_unconsumed_input_is_written_again():
    """Media writes again, first and in order, what no handle covers, however long it was."""
    media = media_of(1.0)
    write(media, *map(audio, range(1, 6)))
    media.line.consumed(2)
    media.lost(again=True, numbered=True)
    hold(media, audio(6), place=6)
    assert drained(media) == [audio(3), audio(4), audio(5), audio(6)]
    media.lost(again=True, numbered=True)
    assert media.first is None
    assert media.dropped == 0.0


def test_what_is_written_again_is_marked():
    """Media marks what is written again, over any number of losses, and nothing else."""
    media = media_of()
    write(media, audio(1), audio(2))
    hold(media, audio(3), place=3)
    media.lost(again=True, numbered=True)
    first = media.next()
    media.line.written(first, number=1)
    media.lost(again=True, numbered=True)
    taken = [media.next() for _ in range(3)]
    assert [(item.place, item.again) for item in taken] == [(1, True), (2, True), (3, False)]
    assert first == taken[0]


def test_image_is_written_again():
    """Media shows again, at its place, the newest image that no handle covers."""
    media = media_of()
    write(media, image(1), audio(2), image(3), audio(4))
    media.line.consumed(2)
    media.lost(again=True, numbered=True)
    assert drained(media) == [image(3), audio(4)]
    media.lost(again=True, numbered=True)
    assert media.first is None


@pytest.mark.parametrize(
    ("consumed", "again", "newer"), [(1, True, []), (0, False, []), (0, True, [image(2)])]
)
def test_image_is_not_written_again(consumed, again, newer):
    """Media shows no image again that is covered, or that nobody asks for, or that is stale."""
    media = media_of()
    write(media, image(1))
    hold(media, *newer, place=2)
    media.line.consumed(consumed)
    media.lost(again=again, numbered=True)
    assert drained(media) == newer


def test_nothing_is_written_again():
    """Media writes nothing again where the session may have it, as nobody can tell what of it."""
    media = media_of()
    write(media, audio(1), END, image(2))
    media.lost(again=False, numbered=True)
    assert media.first is None
    assert media.dropped == 0.0


def test_server_that_numbers_nothing_is_sent_nothing_stale():
    """Media writes only the newest seconds again to a server that never said what it consumed."""
    media = media_of(2.0)
    write(media, audio(1), START, audio(2), audio(3), END, audio(4))
    media.lost(again=True, numbered=False)
    assert media.forget_dropped() == 2.0
    assert drained(media) == [START, audio(3), END, audio(4)]


@pytest.mark.parametrize(
    ("limit", "left"),
    [
        (2.5, [START, audio(2), audio(3)]),
        (3.0, [audio(1), START, audio(2), audio(3)]),
        (0.0, [START]),
    ],
)
def test_stale_audio_is_dropped_in_whole_pieces(limit, left):
    """Media drops the oldest audio beyond its seconds, whole pieces of it, and no mark."""
    media = media_of(limit)
    write(media, audio(1), START, audio(2), audio(3))
    media.lost(again=True, numbered=False)
    assert media.dropped == 3.0 - sum("audio" in arguments for arguments in left)
    assert drained(media) == left


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
    media.line.written(begun)
    media.lost(again=again, numbered=True)
    hold(media, END, place=3)
    assert drained(media) == [START, audio(1), END]
    media.lost(again=again, numbered=True)
    assert media.first is None


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
    media.line.consumed(consumed)
    media.lost(again=True, numbered=True)
    places = []
    taken = []
    while media.first is not None:
        places.append(media.first.place)
        taken.append(media.next().arguments)
    assert taken == expected
    assert places == sorted(places)


def test_activity_is_opened_before_what_is_still_to_be_written_again():
    """Media opens an activity before the rest of its sound, when a second connection is lost."""
    media = media_of()
    write(media, START, audio(2), audio(3), END)
    media.lost(again=True, numbered=True)
    for index in (1, 2):
        media.line.written(media.next(), number=index)
    media.line.consumed(2)
    media.lost(again=True, numbered=True)
    assert drained(media) == [START, audio(3), END]


def test_end_that_there_was_no_room_for():
    """Media opens nothing again that was ended since, though the mark is not kept any more."""
    media = media_of(messages=2)
    write(media, START, audio(2))
    media.line.consumed(1)
    for number, arguments in enumerate([END, audio(4), audio(5)], 3):
        media.line.written(chunk_of(arguments, place=number), number=number)
    media.lost(again=True, numbered=True)
    assert drained(media) == [audio(4), audio(5)]


def test_speaking():
    """The user is speaking after a mark, waiting or written, until the next one."""
    media = media_of()
    assert not media.speaking
    hold(media, START, audio(1))
    assert media.speaking
    assert drained(media) == [START, audio(1)]
    assert media.speaking
    hold(media, audio(2), END, place=3)
    assert not media.speaking
    assert drained(media) == [audio(2), END]
    assert not media.speaking
    write(media, START, END, START)
    media.lost(again=True, numbered=True)
    assert media.speaking
    hold(media, END, place=4)
    assert not media.speaking


# Speech that is told in words


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
    media.line.consumed(1)
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
    media.line.consumed(1)
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
    media.line.consumed(1)
    media.lost(again=True, numbered=True, told=[range(1, 4)])
    media.restarted(told=[], unheard=0.0)
    assert drained(media) == [audio(2)]
