"""What a new session is told and asked in place of a lost one."""

import pytest
from messages import (
    Call,
    begun,
    complete,
    context_update,
    generated,
    said,
    turn,
    update,
    user,
)

from reconnect._conversation.exchanges import CONTENT, UPDATE
from reconnect._conversation.past import HISTORY_LIMIT
from reconnect._conversation.transcript import model_turn


def test_new_session():
    """A new session is told what is over, handle or not, and asked what is owed."""
    core = begun("a")
    core.receive(said("x"), complete(), update("h1"))
    core.say("b").receive(said("y"), complete())
    core.say("c").receive(said("z"), update("h2"))
    assert core.restart() == [turn("c")]
    assert core.conversation.handle is None
    assert core.past == [user("a"), model_turn("x"), user("b"), model_turn("y")]
    assert core.outbox.replay.maybe_twice == 0


def test_context_behind_an_owed_question_in_a_new_session():
    """What came after a question that is owed stays behind it."""
    core = begun("q", turn("c", asks=False))
    assert core.restart() == [turn("q"), turn("c", asks=False)]
    assert core.past == []


def test_updates_in_a_new_session():
    """The newest changes of the context are made again, in one message, before all else."""
    tools = Call(UPDATE, {"system_instruction": None, "tools": ["t"]})
    core = begun(context_update("one"), tools, context_update("two"), "q")
    core.receive(said("a"), update("h1"))
    core.say(context_update("three"))
    for _ in range(2):
        known = Call(UPDATE, {"system_instruction": "two", "tools": ["t"]})
        assert core.restart() == [known, turn("q"), context_update("three")]


def test_update_in_a_new_session_that_is_lost_at_once():
    """A handle that came before any output does not prove that the session has it."""
    core = begun(context_update("u"), "q")
    written = core.restart()
    assert [call.method for call in written] == [UPDATE, CONTENT]
    core.receive(update("h1"))
    assert core.resume() == written


def test_handle_that_may_not_have_the_history():
    """It is dropped with its connection, and all is as in any new session."""
    core = begun(context_update("x"), "q")
    core.receive(said("r"), generated(), complete(), update("h1"))
    core.lose()
    core.outbox.restarted()
    first = core.connect(user("q"))
    core.receive(update("h2"))
    core.lose()
    assert core.conversation.handle is None
    assert core.connect(user("q")) == first
    assert [call.method for call in first] == [CONTENT, UPDATE]


def test_history_is_bounded():
    """Of a long conversation the newest turns are kept for a new session."""
    core = begun()
    for number in range(3):
        core.say(f"{number}" * (HISTORY_LIMIT // 2)).receive(complete(), update("h"))
    assert [found["parts"][0]["text"][0] for found in core.past] == ["1", "2"]


@pytest.mark.parametrize("handle", [None, 1, 2])
def test_reply_comes_after_all_that_it_answers(handle):
    """A reply to several turns is told after the last of them, whatever a handle had."""
    core = begun("a", "b", transparent=handle == 2)
    if handle == 2:
        core.receive(update("h1", consumed=2))
    core.receive(said("x"), *[update("h1")] * (handle == 1), complete())
    core.restart()
    assert core.past == [user("a"), user("b"), model_turn("x")]
