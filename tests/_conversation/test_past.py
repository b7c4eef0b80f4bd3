"""The past of a conversation: what a new session is told."""

import pytest
from messages import Call, context_update, turn, user

from reconnect._conversation.exchanges import UPDATE, Exchange, Input, Kept, Known
from reconnect._conversation.past import Past
from reconnect._conversation.transcript import model_turn


def exchange(*calls, reply=(), known=Known.YES):
    """Return an exchange that is over; None is speech."""
    kept = Kept.HANDLE if known is Known.YES else Kept.NOWHERE
    items = [Input(call, place, known=known) for place, call in enumerate(calls)]
    return Exchange(items, over=True, reply=list(reply), kept=kept)


def test_questions_come_before_the_reply():
    """All that an exchange was asked is told, and then the reply to it."""
    past = Past(limit=1000)
    past.add(exchange(turn("a"), turn("b"), reply=["both ", "of them"]))
    past.add(exchange(turn("c")))
    assert past.turns == [user("a"), user("b"), model_turn(["both of them"]), user("c")]
    assert past.forgotten == 0


def test_speech_is_told_in_words():
    """Speech is told in what was understood of it, and of other speech the reply alone."""
    past = Past(limit=1000)
    spoken = exchange(None, reply=["noon"])
    spoken.inputs[0].words = ["what ", "time?"]
    past.add(spoken)
    past.add(exchange(None, reply=["hm"]))
    assert past.turns == [user("what time?"), model_turn(["noon"]), model_turn(["hm"])]


def test_oldest_turns_go_first():
    """Of a long conversation the newest turns are kept."""
    past = Past(limit=4)
    for text in ("aa", "bb", "cc"):
        past.add(exchange(turn(text)))
    assert past.turns == [user("bb"), user("cc")]


@pytest.mark.parametrize(("known", "forgotten"), [(Known.YES, 0), (Known.NO, 1), (Known.MAYBE, 1)])
def test_let_go(known, forgotten):
    """What no handle has is counted when it is let go of, and told a new session."""
    past = Past(limit=1000)
    past.let_go(exchange(turn("a"), reply=["b"], known=known))
    assert past.turns == [user("a"), model_turn(["b"])]
    assert past.forgotten == forgotten


def test_updates_are_merged():
    """Of each thing that an update can change the newest is kept, and is no turn."""
    past = Past(limit=1000)
    tools = Call(UPDATE, {"system_instruction": None, "tools": ["t"]})
    for call in (context_update("a"), tools, context_update("b")):
        past.add(exchange(call))
    assert past.turns == []
    assert past.take_updates() == {"system_instruction": "b", "tools": ["t"]}
    assert past.take_updates() == {}


def test_seed():
    """A new session is told the history from before, and then the past."""
    past = Past(limit=1000)
    past.add(exchange(turn("b")))
    assert past.seed([user("a")], halvings=0) == [user("a"), user("b")]
    assert past.seed([user("a")], halvings=5) == [user("b")]


def test_seed_of_a_past_that_is_cut():
    """A history from before is not told where turns after it are gone."""
    past = Past(limit=3)
    for text in ("bb", "cc"):
        past.add(exchange(turn(text)))
    assert past.seed([user("a")], halvings=0) == [user("cc")]


def test_seed_without_tool_parts():
    """Parts of tool calls are left out, since a server refuses them in a history."""
    past = Past(limit=1000)
    call = {"role": "model", "parts": [{"function_call": {"name": "f"}}]}
    assert past.seed([call, user("a")], halvings=0) == [user("a")]
