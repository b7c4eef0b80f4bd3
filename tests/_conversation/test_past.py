"""The past of a conversation: what a new session is told."""

import pytest
from google.genai import types
from hypothesis import given, strategies as st
from messages import Call, context_update, turn, user

from reconnect._conversation.exchanges import CONTENT, UPDATE, Exchange, Input, Kept, Known
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


# Which turns are kept


def said(*texts):
    """Return a turn of the user's as a dict."""
    return {"role": "user", "parts": [{"text": text} for text in texts]}


def content(*texts):
    """Return a turn of the user's as a content."""
    return types.Content(role="user", parts=[types.Part(text=text) for text in texts])


def kept(limit, *turns):
    """Return what is kept of turns, each of an exchange."""
    past = Past(limit=limit)
    for each in turns:
        past.add(exchange(Call(CONTENT, {"turns": [each]})))
    return past.turns


def test_order():
    """The turns are told as they were said."""
    turns = [user("a"), model_turn(["b"]), content("c")]
    assert kept(100, *turns) == turns


def test_nothing_was_said():
    """A past to which nothing was added has no turns."""
    assert kept(100) == []


@pytest.mark.parametrize("make", [said, content])
def test_oldest_go_first(make):
    """Beyond the limit the oldest turns are dropped, and no more of them than needed."""
    turns = [make("aaa"), make("bbb", "b"), make("cc")]
    assert kept(6, *turns) == turns[1:]
    assert kept(5, *turns) == turns[2:]
    assert kept(9, *turns) == turns


def test_media_counts():
    """A byte of media counts as a character, in either form, and its type by its own."""
    sound = {"mime_type": "audio/pcm", "data": b"12345"}
    assert kept(4, {"role": "user", "parts": [{"inline_data": sound}]}) == []
    blob = types.Part(inline_data=types.Blob(**sound))
    assert kept(4, types.Content(role="user", parts=[blob])) == []
    assert len(kept(5 + len("audio/pcm"), types.Content(role="user", parts=[blob]))) == 1


def test_turn_over_the_limit():
    """A turn that is larger than the limit is not kept, nor what came before it."""
    assert kept(5, user("a"), user("bbbbbb"), user("c")) == [user("c")]


def test_turns_are_a_copy():
    """What is returned can be changed without harm."""
    past = Past(limit=10)
    past.turns.append(user("a"))
    assert past.turns == []


@given(texts=st.lists(st.text(max_size=20)), limit=st.integers(0, 100))
def test_newest_within_the_limit(texts, limit):
    """What is kept is the end of the conversation, and within the limit."""
    told = [each["parts"][0]["text"] for each in kept(limit, *map(said, texts))]
    assert sum(map(len, told)) <= limit
    assert texts[len(texts) - len(told) :] == told
