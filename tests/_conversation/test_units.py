"""What is written after a loss: the table of the page on how it works, row by row."""

import pytest
from messages import ASK_ON, WHOLE, begun, said, told, turn, update, user

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
