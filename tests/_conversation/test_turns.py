"""One client message: its states, and what is written for it in each."""

import pytest
from messages import ASK_ON, context_update, realtime, told, turn, user

from reconnect._conversation.transcript import model_turn
from reconnect._conversation.turns import TRANSITIONS, Change, Entry, State

REPLY = model_turn(["a"])
WRITABLE = [State.HELD, State.TO_ASK_ON, State.TO_TELL, State.TO_TELL_REPLY]


@pytest.mark.parametrize(
    ("state", "mark"),
    [(state, mark) for state in State for mark in Change if (state, mark) not in TRANSITIONS],
    ids=lambda it: it.value,
)
def test_illegal(state, mark):
    """What cannot happen raises, and leaves the state as it was."""
    entry = Entry(turn("q"), state)
    with pytest.raises(KeyError):
        entry.note(mark)
    assert entry.state is state


@pytest.mark.parametrize(("before", "mark"), TRANSITIONS, ids=lambda it: it.value)
def test_legal(before, mark):
    """What can happen leads where the table says."""
    entry = Entry(turn("q"), before)
    entry.note(mark)
    assert entry.state is TRANSITIONS[before, mark]


def test_states_are_left():
    """Every state is entered by some row and left by some; what is settled only by a restart."""
    assert set(TRANSITIONS.values()) == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State)
    left = {mark for (start, mark), end in TRANSITIONS.items() if start is State.SETTLED is not end}
    assert left == {Change.RESTARTED}


@pytest.mark.parametrize("state", State, ids=lambda it: it.value)
def test_written_or_not(state):
    """A message can be written where it is not written yet, and is open where a reply is owed."""
    entry = Entry(turn("q"), state, reply=["a"])
    assert entry.to_write is ((state, Change.WRITTEN) in TRANSITIONS)
    assert entry.open is ((state, Change.COMPLETED) in TRANSITIONS)
    assert not (entry.open and entry.to_write)
    assert not entry.replying or (entry.open and entry.proof)
    assert entry.over is (state is State.SETTLED)


@pytest.mark.parametrize(
    ("state", "reply", "wording"),
    [
        (State.HELD, [], turn("q")),
        (State.TO_ASK_ON, [], ASK_ON),
        (State.TO_TELL, [], told(user("q"))),
        (State.TO_TELL, ["a"], told(user("q"), REPLY)),
        (State.TO_TELL_REPLY, ["a"], told(REPLY)),
    ],
)
def test_wording(state, reply, wording):
    """What is written says what the session does not know yet."""
    assert Entry(turn("q"), state, reply=reply).wording() == wording


def test_wording_of_realtime_text():
    """A text sent as realtime input is sent again as it was, but told as a turn."""
    assert Entry(realtime("q"), State.HELD).wording() == realtime("q")
    assert Entry(realtime("q"), State.TO_TELL, reply=["a"]).wording() == told(user("q"), REPLY)
    assert Entry(realtime("q"), State.TO_TELL).wording() == told(user("q"))


def test_wording_of_an_update():
    """A change of the context has no turns, and is written as it came."""
    entry = Entry(context_update("u"), State.TO_TELL)
    assert entry.turns == []
    assert entry.wording() == context_update("u")


@pytest.mark.parametrize("state", WRITABLE, ids=lambda it: it.value)
def test_nothing_to_write(state):
    """A spoken turn of which nothing is known is over where it would have to be written."""
    entry = Entry(ASK_ON, state, spoken=True)
    assert entry.over is (state is not State.TO_ASK_ON)
    assert not Entry(ASK_ON, State.SENT, spoken=True).over


@pytest.mark.parametrize("state", [State.TO_TELL, State.TO_TELL_REPLY], ids=lambda it: it.value)
def test_reply_to_write(state):
    """Of a spoken turn the reply can be told."""
    assert not Entry(ASK_ON, state, spoken=True, reply=["a"]).over
