"""The turns that a fresh session is told."""

import pytest
from google.genai import types
from hypothesis import given, strategies as st

from reconnect._conversation.transcript import as_turns, model_turn, newest, size_of_turn, tellable


def user(*texts):
    """Return a turn of the user's as a dict."""
    return {"role": "user", "parts": [{"text": text} for text in texts]}


def content(*texts):
    """Return a turn of the user's as a content."""
    return types.Content(role="user", parts=[types.Part(text=text) for text in texts])


@pytest.mark.parametrize(
    ("given", "turns"),
    [
        (None, []),
        ([], []),
        ("a", [user("a")]),
        (["a", "b"], [user("a"), user("b")]),
        (user("a"), [user("a")]),
        ((user("a"), model_turn("b")), [user("a"), model_turn("b")]),
        (content("a"), [content("a")]),
        ([content("a"), ["b", user("c")]], [content("a"), user("b"), user("c")]),
        ({"text": "a"}, [user("a")]),
        ({}, [{}]),
        (types.Part(text="a"), [{"role": "user", "parts": [types.Part(text="a")]}]),
        (types.UserContent("a"), [types.UserContent("a")]),
    ],
    ids=str,
)
def test_as_turns(given, turns):
    """Whatever the SDK takes for turns becomes a list of turns."""
    assert as_turns(given) == turns
    types.LiveClientContent.model_validate({"turns": as_turns(given)})


def test_as_turns_leaves_turns_alone():
    """A list of turns is returned as it is."""
    turns = [user("a"), content("b")]
    assert as_turns(as_turns(turns)) == turns


def test_model_turn():
    """A reply becomes one turn of the model's."""
    assert model_turn(["You ", "said"]) == {"role": "model", "parts": [{"text": "You said"}]}


CALL = {"function_call": {"name": "f", "args": {}}}
RESULT = {"function_response": {"name": "f", "response": {}}}


def test_tool_calls_are_left_out():
    """Parts of tool calls are left out, and turns of which nothing is left."""
    turns = [
        user("a"),
        {"role": "model", "parts": [{"text": "let me see"}, CALL]},
        {"role": "user", "parts": [RESULT]},
        types.Content(role="model", parts=[types.Part(**CALL), types.Part(text="done")]),
    ]
    assert tellable(turns) == [
        user("a"),
        {"role": "model", "parts": [{"text": "let me see"}]},
        {"role": "model", "parts": [types.Part(text="done")]},
    ]


@pytest.mark.parametrize(
    "turn", [{"role": "user", "parts": []}, {"role": "user"}, types.Content(role="user")], ids=str
)
def test_empty_turns_are_left_out(turn):
    """A turn without parts is left out."""
    assert tellable([turn]) == []


def test_single_part():
    """A turn whose parts are one part alone is understood."""
    turn = {"role": "user", "parts": {"text": "abc"}}
    assert tellable([turn]) == [user("abc")]
    for parts in (turn["parts"], "abc"):
        assert size_of_turn({"role": "user", "parts": parts}) == 3


def test_what_is_told_can_be_sent():
    """What is told passes the SDK's own check."""
    told = tellable([user("a"), content("b"), model_turn(["c"])])
    assert len(types.LiveClientContent.model_validate({"turns": told}).turns) == 3


def sized(*sizes):
    """Return turns whose texts are so long."""
    return [{"role": "user", "parts": [{"text": "x" * size}]} for size in sizes]


@pytest.mark.parametrize("limit", [10, 1000])
@pytest.mark.parametrize(
    ("halvings", "kept"), [(0, [4, 1, 3, 2]), (1, [3, 2]), (2, [2]), (3, [2]), (99, [2])]
)
def test_newest(halvings, kept, limit):
    """A history is shortened from its old end, to half and half again, but never to nothing."""
    turns = sized(4, 1, 3, 2)
    assert newest(turns, limit=limit, halvings=halvings) == sized(*kept)


@pytest.mark.parametrize(
    ("limit", "halvings", "kept"),
    [
        (9, 0, [1, 3, 2]),
        (6, 0, [1, 3, 2]),
        (5, 0, [3, 2]),
        (2, 0, [2]),
        (1, 0, [2]),
        (6, 1, [2]),
        (1, 9, [2]),
    ],
)
def test_newest_within_a_limit(limit, halvings, kept):
    """A history is cut to its limit before it is halved: of what the server would be told."""
    assert newest(sized(4, 1, 3, 2), limit=limit, halvings=halvings) == sized(*kept)


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=10),
    limit=st.integers(1, 100),
    halvings=st.integers(0, 4),
)
def test_newest_is_all_that_fits(sizes, limit, halvings):
    """What is told is within its room or one turn alone, and the turn before would not fit."""
    turns = sized(*sizes)
    told = newest(turns, limit=limit, halvings=halvings)
    room = min(limit, sum(sizes)) / 2**halvings
    left_out = len(turns) - len(told)
    assert told
    assert told == turns[left_out:]
    assert sum(sizes[left_out:]) <= room or len(told) == 1
    assert not left_out or sum(sizes[left_out - 1 :]) > room


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("halvings", [0, 5])
def test_newest_of_nothing(halvings, limit):
    """Where nothing was said, nothing is kept."""
    assert newest([], limit=limit, halvings=halvings) == []
