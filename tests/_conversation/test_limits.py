"""How much is kept, and what happens beyond it."""

import array
import dataclasses
import pickle

import pytest
from google.genai import types
from hypothesis import given, strategies as st

from reconnect._conversation.limits import CONVERSATION, MEDIA, Limit, size_of
from reconnect.errors import BufferOverflow


def limit(**changes):
    """Return a limit of 2 messages and 10 bytes, but for the changes."""
    return Limit(**{"messages": 2, "bytes": 10, "full": "wait"} | changes)


@pytest.mark.parametrize("full", ["wait", "drop", "raise"])
def test_limit(full):
    """A limit is what it was made with, and is not changed."""
    made = limit(full=full, messages=1, bytes=1)
    assert (made.messages, made.bytes, made.full) == (1, 1, full)
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.messages = 2


@pytest.mark.parametrize("name", ["messages", "bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5, None, "8", float("inf")])
def test_number_that_is_none(name, value):
    """A number that is no whole one from 1 up is refused by its name, and shown."""
    with pytest.raises(ValueError, match=name) as caught:
        limit(**{name: value})
    assert str(caught.value) == f"{name} must be a whole number of at least 1, got {value!r}"


@pytest.mark.parametrize("value", ["block", "", None, True])
def test_full_that_is_none(value):
    """What is to happen is refused, and shown, unless it is one of what can."""
    with pytest.raises(ValueError, match="full") as caught:
        limit(full=value)
    assert str(caught.value) == f"full must be 'wait', 'drop' or 'raise', got {value!r}"


@pytest.mark.parametrize(
    ("messages", "size", "fits"),
    [(0, 0, True), (2, 10, True), (3, 10, False), (2, 11, False), (3, 11, False)],
)
def test_fits(messages, size, fits):
    """So much fits as is named, and no more of either."""
    assert limit().fits(messages=messages, bytes=size) is fits


def test_overflow():
    """The error names what is kept, how much it would be and may be, also in another process."""
    error = limit().overflow("things", messages=3, bytes=12)
    for told in (error, pickle.loads(pickle.dumps(error))):  # noqa: S301
        assert isinstance(told, BufferOverflow)
        assert told.what == "things"
        assert (told.messages, told.message_limit) == (3, 2)
        assert (told.bytes, told.byte_limit) == (12, 10)
        assert "the buffer for things is full: 3 messages with 12 bytes" in str(told)
        assert "2 messages and 10 bytes" in str(told)


def test_defaults():
    """The conversation waits and is never dropped; five minutes of frames of 20 ms are kept."""
    assert CONVERSATION.full == "wait"
    assert MEDIA.full == "drop"
    assert MEDIA.messages * 0.02 == 300
    assert MEDIA.bytes >= 300 * 2 * 24000


SOUND = types.Blob(data=b"12345", mime_type="audio/pcm")


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("", 0),
        ("text", 4),
        # A character of text counts once, whatever it takes on the wire.
        ("äöü", 3),
        (b"bytes", 5),
        (bytearray(b"array"), 5),
        # Without an id, its address would be in the test's name.
        pytest.param(memoryview(b"view"), 4, id="memoryview"),
        pytest.param(memoryview(array.array("h", [1, 2])), 4, id="memoryview of numbers"),
        ({"a key is free": "value"}, 5),
        ({"nested": {"text": "a", "list": ["b", ("c", b"d")]}}, 4),
        ([], 0),
        (["one", ["two"]], 6),
        (("one", b"two"), 6),
        (None, 0),
        (True, 0),
        (12345, 0),
        (1.5, 0),
        (SOUND, 14),
        ({"audio": SOUND}, 14),
        ({"audio": {"data": b"12345", "mime_type": "audio/pcm"}}, 14),
        ({"activity_start": types.ActivityStart()}, 0),
        (types.Part(text="text"), 4),
        (types.Part, 0),
        (types.Part(inline_data=SOUND), 14),
        (types.Content(role="user", parts=[types.Part(text="text")]), 8),
        (types.FunctionResponse(id="1", name="tool", response={"result": ["done", 3]}), 9),
        ({"turns": [types.Content(role="user", parts=[])], "turn_complete": True}, 4),
    ],
    ids=repr,
)
def test_size(value, size):
    """The size is that of text and media, wherever they are; the structure around them is free."""
    assert size_of(value) == size


def test_size_of_either_form():
    """A content counts as the dict that says the same."""
    turn = {"role": "user", "parts": [{"text": "a"}, {"inline_data": {"data": b"b"}}]}
    assert size_of(turn) == size_of(types.Content.model_validate(turn)) == 6


@given(
    st.recursive(
        st.text() | st.binary() | st.none() | st.integers(),
        lambda parts: st.lists(parts) | st.dictionaries(st.text(), parts),
        max_leaves=10,
    )
)
def test_size_is_the_sum_of_the_parts(value):
    """Two messages are as large as both are, whatever is in them and whatever holds them."""
    assert size_of([value, {"again": value}]) == 2 * size_of(value)
