"""What is written after a loss: the table of the page on how it works, row by row."""

import pytest
from messages import ASK_ON, WHOLE, begun, context_update, said, told, turn, update, user

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
    """It is sent again beside the turns that are told."""
    core = begun("q", context_update("i"), "r")
    core.receive(said("x"), *WHOLE)
    assert core.resume() == [context_update("i"), told(user("q"), user("r"), model_turn(["x"]))]
