"""What a handle is taken to cover, and when it is of use."""

import pytest
from messages import (
    Core,
    begun,
    calling,
    closed,
    complete,
    context_update,
    interrupted,
    result,
    said,
    sound,
    told,
    transcribed,
    turn,
    update,
    user,
)

from reconnect._conversation.exchanges import CONTENT, UPDATE, Known
from reconnect._conversation.messages import Received
from reconnect._conversation.transcript import model_turn

# Handles that come


@pytest.mark.parametrize("handle", ["", None, "dead"])
def test_withheld_handle(handle):
    """An update that is not resumable leaves the last good handle in place, and covers nothing."""
    core = begun("q")
    core.receive(said("a"), complete())
    assert core.receive(update(handle, resumable=False)) is None
    assert core.conversation.handle == "h0"
    assert not core.conversation.quiet


def test_handle_that_does_not_say():
    """A handle that comes without a word on whether it can be resumed from is taken over."""
    core = begun()
    assert core.receive(update("h1", resumable=None)) == Received(covered=True)
    assert core.conversation.handle == "h1"


def test_handle_of_the_turn_before():
    """A handle that comes late covers what was answered, and may cover what was written since."""
    core = begun("a")
    core.receive(said("x"), complete())
    core.say("b").receive(update("h1"))
    assert core.resume() == [turn("b")]
    assert core.past == [user("a"), model_turn(["x"])]
    assert core.outbox.replay.maybe_twice == 1


def test_numbers_of_the_connection_before():
    """A handle covers by number what was written to its own connection, and nothing else."""
    core = begun("q")
    core.lose()
    core.outbox.connected([], asks=False, transparent=True)
    core.receive(update("h1", consumed=1))
    assert core.write() == [turn("q")]


def test_handle_that_covers_by_number():
    """A handle that covers a question by number covers its reply as far as it was seen."""
    core = begun("q", transparent=True)
    core.receive(said("a"), update("h1", consumed=1), complete(), update("h2", consumed=1))
    assert core.conversation.quiet
    assert core.past == [user("q"), model_turn(["a"])]


def test_handle_within_a_reply():
    """A handle that came before the end of a reply has not all of it."""
    core = begun("q")
    core.receive(said("a"), update("h1"), said("b"), complete())
    assert not core.conversation.quiet
    core.receive(update("h2"))
    assert core.conversation.quiet


def test_handle_that_covers_nothing_yet():
    """A handle that comes before anything is written does not cover what waits."""
    core = begun(context_update("i"))
    core.receive(update("h1", consumed=1))
    core.say("q").lose()
    core.outbox.restarted()
    core.outbox.connected([], asks=False, transparent=False)
    core.receive(update("h2"))
    assert [call.method for call in core.write()] == [UPDATE, CONTENT]


def test_closed_calls_prove_what_the_session_may_have():
    """What it cannot have is written all the same."""
    core = begun("a")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(update("h1"))
    core.say(context_update("x"), "b")
    assert core.resume() == [closed("1", response={"result": 3})]
    core.receive(complete())
    assert [call.method for call in core.write()] == [UPDATE, CONTENT]
    assert core.newest.inputs[0].known is Known.YES


# What becomes known


def test_known_by_a_number():
    """A handle with a number knows all up to that message, and no more."""
    core = begun("a", "b", transparent=True)
    core.receive(update("h1", consumed=1))
    assert [item.known for item in core.newest.inputs] == [Known.YES, Known.NO]


def test_known_by_evidence():
    """A handle without a number knows what has evidence, and may know what was written."""
    core = begun("a", "b")
    core.receive(said("x"), update("h1"))
    assert [item.known for item in core.newest.inputs] == [Known.YES, Known.MAYBE]


@pytest.mark.parametrize("evidence", [said("x"), sound(), transcribed("x"), calling("1")])
def test_known_by_each_evidence(evidence):
    """Output, a call and a transcription of the reply are evidence, each alone."""
    core = begun("a")
    core.receive(evidence, update("h1"))
    assert core.newest.known is Known.YES


def test_known_by_the_end_of_the_reply():
    """The reply's end proves all that it replies to."""
    core = begun("a", "b")
    core.receive(said("x"), complete(), update("h1"))
    assert core.conversation.quiet


def test_known_by_a_later_input():
    """What a handle knows, it knows with all before it."""
    core = begun("a")
    core.receive(update("h1"))
    assert core.newest.known is Known.MAYBE
    core.resume()
    core.receive(said("x"))
    core.say("b").receive(interrupted(), complete(), said("y"), update("h2"))
    known = [item.known for it in core.conversation.exchanges for item in it.inputs]
    assert set(known) == {Known.YES}


def test_known_by_a_new_session():
    """A new session knows nothing."""
    core = begun("a", "b")
    core.receive(said("x"), update("h1"))
    core.lose()
    core.outbox.restarted()
    assert [item.known for item in core.newest.inputs] == [Known.NO, Known.NO]


@pytest.mark.parametrize(
    ("messages", "handle"),
    [
        ([update("h")], None),
        ([update("h"), said("a")], None),
        ([said("a"), update("h")], "h"),
        ([update("h", consumed=0)], None),
        ([update("h", consumed=1)], "h"),
    ],
)
def test_known_history(messages, handle):
    """A handle that may stand for a session that was not told the history is dropped."""
    core = Core()
    core.lose()
    assert core.connect(user("before")) == [told(user("before"))]
    core.say("q").receive(*messages)
    core.lose()
    assert core.conversation.handle == handle
