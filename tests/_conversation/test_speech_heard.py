"""Speech that nobody has answered: what is known of it, from when on, and when it is over."""

import pytest

from reconnect._conversation.speech import Speech


@pytest.fixture
def progress():
    """How far writing audio has come: seconds, and number and place of the newest of it."""
    return [(0.0, 0, 0)]


@pytest.fixture
def speech(progress):
    """Speech of a connection whose first message is number 1."""
    return Speech(lambda: progress[0], before=0)


def test_nothing_says_that_somebody_speaks(speech):
    """Where nothing was written or heard nobody has spoken."""
    assert not speech.under_way
    assert not speech.ended
    assert speech.unmarked is None


def test_audio_alone(speech, progress):
    """Audio that was written may be speech, until the reply to it begins."""
    progress[0] = (0.5, 3, 7)
    assert speech.ended
    assert speech.place == 7
    assert speech.reply()
    assert not speech.under_way
    assert not speech.reply()


def test_beginning(speech, progress):
    """Speech begins behind the audio of the last turn, and is one thing until it is over."""
    assert speech.hear(place=4, number=2).began == 1
    speech.over()
    progress[0] = (0.5, 3, 7)
    speech.over()
    item = speech.hear(place=8, number=5)
    assert (item.began, item.place, item.index) == (4, 8, 5)
    assert speech.hear(place=9, number=6) is item
    # A reply that begins while somebody is heard is none to audio alone.
    progress[0] = (0.6, 6, 10)
    assert not speech.reply()


def test_mark(speech):
    """Speech that a mark has begun is answered after the mark that ends it."""
    item = speech.hear(place=1, number=1)
    assert speech.unmarked is item
    item.since = 1
    assert speech.under_way
    assert not speech.ended
    assert speech.unmarked is None


def test_audio_that_a_handle_covers(speech):
    """What a handle has of a lost connection may be speech too, until it was answered."""
    speech.covered = 0.5
    assert speech.under_way
    speech.over()
    assert not speech.under_way
