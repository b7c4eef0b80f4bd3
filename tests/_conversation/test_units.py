"""What is written after a loss: the table of the page on how it works, row by row."""

import pytest
from messages import (
    ASK_ON,
    WHOLE,
    Core,
    audio,
    begun,
    context_update,
    heard,
    said,
    streamed,
    told,
    turn,
    update,
    user,
)

from reconnect._conversation.exchanges import Known
from reconnect._conversation.transcript import model_turn

REPLY = model_turn(["r"])


@pytest.mark.parametrize(
    ("known", "over", "received", "written"),
    [
        (Known.NO, True, [said("r"), *WHOLE], told(user("q"), REPLY)),
        (Known.NO, False, [said("r")], turn("q")),
        (Known.MAYBE, True, [update("h"), said("r"), *WHOLE], told(user("q"), REPLY)),
        (Known.MAYBE, False, [update("h"), said("r")], turn("q")),
        (Known.YES, True, [said("r"), update("h"), *WHOLE], told(REPLY)),
        (Known.YES, False, [said("r"), update("h")], ASK_ON),
    ],
)
def test_what_is_written_after_a_loss(known, over, received, written):
    """It follows from what the newest handle has of the question, and whether the reply is over."""
    core = begun("q")
    core.receive(*received)
    assert (core.newest.known, core.newest.over) == (known, over)
    assert core.resume() == [written]
    assert core.outbox.replay.continued == (written == ASK_ON)
    assert core.outbox.replay.maybe_twice == (known is Known.MAYBE)


def test_exchange_that_a_model_cannot_be_told_is_counted_once():
    """It is counted where a session first goes without it, and not again after a later handle."""
    core = begun("a", content=False)
    core.receive(said("r"), *WHOLE)
    core.resume()
    assert core.outbox.replay.forgotten == 1
    core.say("b").receive(said("s"), *WHOLE, update("h1"))
    core.resume()
    assert core.outbox.replay.forgotten == 0


def test_update_between_two_turns_that_are_answered_together():
    """It is sent again between the turns that are told."""
    core = begun("q", context_update("i"), "r")
    core.receive(said("x"), *WHOLE)
    again = [told(user("q")), context_update("i"), told(user("r"), model_turn(["x"]))]
    assert core.resume() == again


def test_audio_between_two_turns_that_are_answered_together():
    """What is told again keeps its place among audio that is written again."""
    core = begun("q", transparent=True)
    core.speak(audio(1)).say("r")
    core.receive(said("x"), *WHOLE)
    told_again = [told(user("q")), told(user("r"), model_turn(["x"]))]
    assert core.resume() == [told_again[0], *streamed(audio(1)), told_again[1]]
    core.receive(update("h1", consumed=2))
    assert core.resume() == told_again[1:]


@pytest.mark.parametrize(
    ("consumed", "written"), [(0, [told(REPLY)]), (1, []), (None, [told(REPLY)])]
)
def test_handle_that_crosses_the_replay_of_a_reply(consumed, written):
    """It does not have the reply, unless its number says so."""
    numbered = consumed is not None
    core = Core(transparent=numbered).say("q")
    core.receive(said("r"), update("h1", consumed=1 if numbered else None), *WHOLE)
    assert core.resume() == [told(REPLY)]
    core.receive(update("h2", consumed=consumed))
    assert core.resume() == written


def test_handle_that_crosses_the_replay_of_a_reply_to_speech():
    """It does not have the reply either."""
    core = Core(transparent=True)
    core.speak(audio(1)).receive(heard("s"), said("r"), update("h1", consumed=1), *WHOLE)
    assert core.resume() == [told(REPLY)]
    core.receive(update("h2", consumed=0))
    assert core.resume() == [told(REPLY)]


def test_reply_whose_replay_could_not_be_written():
    """It is replayed on the next connection."""
    core = begun("q")
    core.receive(said("r"), update("h1"), *WHOLE)
    core.lose()
    core.outbox.connected([], asks=False, transparent=False)
    core.outbox.failed(core.outbox.next(0.0))
    core.receive(update("h2"))
    assert core.resume() == [told(REPLY)]
