"""The tool calls of a conversation: awaited, answered, lost, asked again."""

import pytest

from reconnect._conversation.calls import CALL_LIMIT, LOST, Calls, HeldResult, ToolCall


def asked(id_, name="book", **arguments):
    """Return a call as the model makes it."""
    return ToolCall(id_, name, arguments)


def test_call_is_awaited_until_it_is_answered():
    """Calls await a result until one is sent, and know the call for as long as its connection."""
    calls = Calls(reuse=True)
    assert calls.ask(asked("1"))
    assert calls.awaited == ("1",)
    assert calls.answer("1", "done")
    assert calls.awaited == ()
    assert calls.open
    assert calls.answer("1", "done again")
    # Whoever asks writes it.
    assert not calls.waiting
    assert calls.due() == []


def test_result_of_a_call_that_nobody_has_heard_of_is_sent():
    """Calls let a result pass that names no call of theirs, as the SDK does."""
    calls = Calls(reuse=True)
    assert calls.answer("2", "nobody asked")
    calls.ask(asked("1"))
    calls.lost()
    assert not calls.answer("1", "too late")
    assert calls.answer("2", "nobody asked")
    # A later connection may give the id again.
    calls.ask(asked("1"))
    assert calls.answer("1", "done")
    calls.lost()
    assert not calls.answer("1", "too late")


def test_result_that_cannot_be_sent_now_waits():
    """Calls keep a result of the caller's until it can be sent, or its connection is lost."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    assert not calls.waiting
    for result in ("done", "nobody asked"):
        calls.hold(result)
    assert calls.waiting
    assert calls.due() == [HeldResult(None, "done"), HeldResult(None, "nobody asked")]
    assert not calls.waiting
    calls.hold("too late")
    calls.lost()
    assert not calls.waiting
    assert calls.due() == []


@pytest.mark.parametrize("lost", [False, True])
def test_result_that_was_not_sent_after_all(lost):
    """Calls await a result again that the SDK would not take, and never give it to the model."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.answer("1", "bad")
    if lost:
        calls.lost()
    calls.unanswered("1")
    calls.unanswered("2")
    assert calls.awaited == (() if lost else ("1",))
    if not lost:
        assert calls.lost() == ("1",)
    assert calls.ask(asked("3"))
    assert not calls.waiting


def test_answered_call_is_behind_a_handle_that_follows_output():
    """Calls are open until a handle comes after output that followed the answer."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.followed()
    calls.covered()
    assert calls.open
    calls.answered("1", "done")
    calls.covered()
    assert calls.open
    calls.followed()
    calls.covered()
    assert not calls.open
    assert calls.answer("1", "more")


def test_call_that_the_server_cancels_is_not_awaited():
    """Calls do not wait for what the server cancels, but close it on the session of before."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.cancelled(["1", "2"])
    assert calls.awaited == ()
    assert calls.lost() == ()
    assert [response["id"] for response in calls.closing()] == ["1"]


def test_lost_calls_are_closed_with_an_error():
    """Calls of a lost connection are answered with an error until a handle comes, and not known."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.ask(asked(None, name="look"))
    calls.answered("look", "seen")
    assert calls.lost() == ("1",)
    assert not calls.answer("1", "too late")
    assert calls.due() == []
    assert calls.closing() == [
        {"id": "1", "name": "book", "response": {"error": LOST}},
        {"id": None, "name": "look", "response": {"error": LOST}},
    ]
    calls.lost()
    assert len(calls.closing()) == 2
    calls.covered()
    assert calls.closing() == []


def test_session_that_cannot_know_the_turn_waits_for_no_call():
    """Calls are not closed on a session that was resumed from before their turn."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    assert calls.lost(known=False) == ("1",)
    assert calls.closing() == []


def test_fresh_session_waits_for_no_call():
    """Calls are not closed on a session that is a fresh one."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.lost()
    calls.restarted()
    assert calls.closing() == []


@pytest.mark.parametrize("late", [True, False])
def test_known_result_is_due_for_the_same_call(late):
    """Calls give a result that was sent, or came too late, for the next call of the same."""
    calls = Calls(reuse=True)
    calls.ask(asked("1", seats=2))
    if not late:
        calls.answered("1", "done")
    calls.lost()
    if late:
        calls.answered("1", "done")
    assert calls.ask(asked("2", seats=3))
    assert not calls.ask(asked("3", seats=2))
    assert calls.ask(asked("4", seats=2))
    assert calls.waiting
    (due,) = calls.due()
    assert (due.call.id, due.result) == ("3", "done")
    assert not calls.waiting
    assert calls.due() == []
    assert calls.awaited == ("2", "4")


def test_known_result_survives_a_second_loss():
    """Calls know a result still that was due when the connection was lost again."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.answered("1", "done")
    calls.lost()
    assert not calls.ask(asked("2"))
    assert calls.lost() == ()
    assert calls.due() == []
    assert not calls.ask(asked("3"))


def test_results_are_not_reused_when_told_so():
    """Calls run every tool again where results are not to be reused."""
    calls = Calls(reuse=False)
    calls.ask(asked("1"))
    calls.answered("1", "done")
    calls.lost()
    assert calls.ask(asked("2"))


def test_results_are_forgotten_with_their_turn():
    """Calls of a turn that was completed are new calls when they are made again."""
    calls = Calls(reuse=True)
    calls.ask(asked("1"))
    calls.answered("1", "done")
    calls.lost()
    calls.completed()
    assert calls.ask(asked("2"))


def test_calls_are_bounded():
    """Calls forget the oldest of very many."""
    calls = Calls(reuse=True)
    for number in range(2 * CALL_LIMIT):
        calls.ask(asked(f"{number}"))
        calls.answered(f"{number}", "done")
        calls.lost()
        calls.ask(asked(f"{number} again"))
        calls.cancelled([f"{number} again"])
    for kept in (calls._asked, calls._known, calls._lost, calls._unclosed, calls._gone):
        assert len(kept) <= CALL_LIMIT
    assert len(calls.closing()) == CALL_LIMIT


def test_results_of_other_turns_are_kept():
    """Calls of a turn that is not over yet keep their results when another is completed."""
    calls = Calls(reuse=True)
    first, second = object(), object()
    for key, turn in (("1", first), ("2", second)):
        calls.ask(ToolCall(key, "book", {"for": key}, turn=turn))
        calls.answered(key, "done")
    calls.lost()
    calls.completed(left=[second])
    assert calls.ask(ToolCall("3", "book", {"for": "1"}))
    assert not calls.ask(ToolCall("4", "book", {"for": "2"}))
