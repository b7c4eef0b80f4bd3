"""The ledger: what is written again after a loss, told, or forgotten."""

import pytest
from messages import (
    ASK_ON,
    NOTHING,
    calling,
    complete,
    content,
    realtime,
    receive,
    said,
    sound,
    talking,
    told,
    turn,
    update,
    user,
    write,
)

from reconnect._conversation.ledger import Ledger, Losses
from reconnect._conversation.transcript import model_turn

# Rule 1: what a handle covers


def test_settled():
    """A turn is settled by a handle that comes after its reply."""
    ledger = talking(said("a"), complete(), update("h"))
    assert ledger.quiet
    assert ledger.lost() == NOTHING
    assert write(ledger) == []
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]


def test_not_written():
    """A turn that was never written is written."""
    ledger = Ledger()
    ledger.backlog.record(turn("q"))
    assert not ledger.quiet
    assert ledger.lost() == NOTHING
    assert write(ledger) == [turn("q")]


@pytest.mark.parametrize("messages", [[], [update("h")]], ids=["no handle", "handle"])
def test_sent_again(messages):
    """A turn of which no output was seen is sent again, handle or not."""
    ledger = talking(*messages)
    assert ledger.lost() == NOTHING
    assert write(ledger) == [turn("q")]


def test_handle_before_the_output():
    """A handle that came before any output is not taken to know the turn."""
    ledger = talking(update("h"), said("a"))
    assert ledger.lost().reply
    assert write(ledger) == [turn("q")]


def test_handle_of_the_turn_before():
    """A handle that comes late covers what was answered, not what has been written since."""
    ledger = talking(said("a"), complete())
    ledger.backlog.record(turn("q2"))
    write(ledger)
    receive(ledger, update("h"))
    ledger.lost()
    assert write(ledger) == [turn("q2")]
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]


@pytest.mark.parametrize("handle", ["", None, "dead"])
def test_withheld_handle(handle):
    """An update that is not resumable leaves the last good handle in place, whatever it brings."""
    ledger = talking(update("h"), update(handle, resumable=False))
    assert ledger.handle == "h"


def test_withheld_handle_covers_nothing():
    """A handle that cannot be resumed from is none: what it would cover is sent again."""
    ledger = talking(said("a"), complete(), update("dead", resumable=False))
    assert ledger.handle is None
    ledger.lost()
    assert ledger.backlog.past == []


def test_handle_that_does_not_say():
    """A handle that comes without a word on whether it can be resumed from is taken over."""
    assert talking(update("h", resumable=None)).handle == "h"


# Rule 2: a reply that was cut


def test_asked_on():
    """A turn that the handle covers is asked on, not sent again."""
    ledger = talking(said("a"), update("h"), said("b"))
    assert ledger.lost().reply
    assert write(ledger) == [ASK_ON]
    receive(ledger, said("a"), said("b"), complete(), update("h2"))
    assert ledger.backlog.past == [user("q"), model_turn(["a", "b"])]


def test_asked_on_in_words():
    """A model that ignores a bare request is asked on by a text."""
    ledger = Ledger(ask_on="Please go on.")
    ledger.backlog.record(turn("q"))
    write(ledger)
    receive(ledger, said("a"), update("h"))
    ledger.lost()
    assert write(ledger) == [realtime("Please go on.")]


def test_asked_on_until_answered():
    """A turn is asked on as often as its connection is lost."""
    ledger = talking(said("a"), update("h"))
    for _ in range(3):
        ledger.lost()
        ledger.lost()
        assert write(ledger) == [ASK_ON]


def test_asked_again_from_the_beginning():
    """Of a reply that was cut nothing is kept: it is given anew."""
    ledger = talking(said("a"))
    ledger.lost()
    write(ledger)
    receive(ledger, said("b"), complete(), update("h"))
    assert ledger.backlog.past == [user("q"), model_turn(["b"])]


# Rule 3: a reply that no handle covers


def test_told():
    """A turn whose reply was complete is told with it, without asking."""
    ledger = talking(said("a"), said("b"), complete())
    assert ledger.lost() == NOTHING
    assert write(ledger) == [told(user("q"), model_turn(["a", "b"]))]


def test_reply_told():
    """Where the session knows the turn, only the reply is told."""
    ledger = talking(said("a"), update("h"), said("b"), complete())
    ledger.lost()
    assert write(ledger) == [told(model_turn(["a", "b"]))]


def test_told_until_covered():
    """What is told is told again until a handle is known to cover it."""
    ledger = talking(said("a"), complete())
    for _ in range(2):
        ledger.lost()
        assert write(ledger) == [told(user("q"), model_turn(["a"]))]
        receive(ledger, update("h"))
    ledger.backlog.record(turn("q2"))
    write(ledger)
    receive(ledger, said("b"), update("h2"))
    ledger.lost()
    assert write(ledger) == [ASK_ON]
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]


def test_turn_without_a_reply():
    """A turn that was completed without a word is told alone."""
    ledger = talking(complete())
    ledger.lost()
    assert write(ledger) == [told(user("q"))]


def test_silent_reply_is_not_told():
    """A reply of which no word is known is not told: an empty message would be refused."""
    ledger = talking(sound(), update("h"), sound(), complete())
    ledger.lost()
    assert write(ledger) == []
    assert ledger.backlog.past == [user("q")]


# Rule 4: what the caller must know


def test_cut():
    """A loss tells the caller what will not come: the rest of a reply, and results of calls."""
    ledger = talking(said("a"), calling("1", "2"))
    assert not ledger.quiet
    ledger.calls.answered("1", "done")
    assert ledger.lost() == Losses(reply=True, calls=("2",))


# Rule 7: turns that are answered together


def test_turns_that_are_answered_together():
    """Turns that were written before the first word of a reply are answered with it."""
    ledger = Ledger()
    ledger.backlog.record(realtime("a"))
    ledger.backlog.record(turn("b"))
    write(ledger)
    receive(ledger, said("both"), complete(), update("h"))
    assert ledger.quiet
    ledger.lost()
    assert ledger.backlog.unwritten() == []


def test_turn_that_interrupts_is_answered_next():
    """A turn that interrupts a reply is not taken for answered with it."""
    ledger = Ledger()
    ledger.backlog.record(turn("a"))
    ledger.backlog.record(turn("b"))
    write(ledger)
    receive(ledger, said("..."), content(interrupted=True), complete())
    ledger.lost()
    assert write(ledger) == [told(user("a"), model_turn(["..."])), turn("b")]


# The caller


def test_context():
    """Context that asks for no reply is told once, and again if it may be lost."""
    ledger = Ledger(handle="h")
    ledger.backlog.record(turn("c", asks=False))
    for _ in range(2):
        assert write(ledger) == [turn("c", asks=False)]
        assert not ledger.quiet
        ledger.lost()


def test_question_without_turns():
    """A question without turns of its own is asked as it came."""
    ledger = Ledger()
    ledger.backlog.record(ASK_ON)
    for _ in range(2):
        assert write(ledger) == [ASK_ON]
        ledger.lost()


def test_retract():
    """A message that is taken back is not in the ledger, and may be taken back again."""
    ledger = Ledger()
    entry, other = ledger.backlog.record(turn("q")), ledger.backlog.record(turn("q"))
    for _ in range(2):
        ledger.backlog.retract(entry)
        assert entry not in ledger.backlog.entries
    assert ledger.backlog.entries == [other]
    assert write(ledger) == [turn("q")]


@pytest.mark.parametrize("handle", [None, 1, 2])
def test_reply_comes_after_all_that_it_answers(handle):
    """A reply to several turns is told, and remembered, after the last of them."""
    ledger = Ledger()
    for text in ("q1", "q2"):
        ledger.backlog.record(turn(text))
    write(ledger)
    if handle == 2:
        receive(ledger, update("h", consumed=2))
    receive(ledger, said("r"))
    if handle == 1:
        receive(ledger, update("h"))
    receive(ledger, complete())
    ledger.lost()
    ledger.restarted()
    assert ledger.backlog.past == [user("q1"), user("q2"), model_turn("r")]
