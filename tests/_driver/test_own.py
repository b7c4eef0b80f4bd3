"""What the session itself says to its caller."""

import asyncio
import pickle

import pytest
from google.genai import types
from google.genai.errors import APIError

from reconnect import SessionClosed, is_local
from reconnect._driver import own


def test_messages_look_as_the_servers_do():
    """The session's own messages are read as the server's are."""
    assert own.interruption().server_content.interrupted
    assert own.turn_end().server_content.turn_complete
    assert own.cancellation(("1", "2")).tool_call_cancellation.ids == ["1", "2"]


def test_own_messages_are_told_apart():
    """A message of the session's own is known as one, also when it was copied."""
    assert is_local(own.interruption())
    assert is_local(own.turn_end().model_copy())
    assert not is_local(types.LiveServerMessage())


@pytest.mark.parametrize("kind", [asyncio.CancelledError, StopIteration, KeyboardInterrupt])
def test_end_that_would_pass_for_another(kind):
    """What whoever waits would take for an end of his own is raised as a lost connection."""
    error = kind("why")
    ended = own.ending(error)
    assert type(ended) is ConnectionAbortedError
    assert str(ended) == f"the session was ended by {kind.__name__}: why"
    assert ended.__cause__ is error


class Mute(BaseException):
    """What fails over its own text."""

    def __str__(self):
        raise LookupError("str")


def test_end_that_says_nothing():
    """What cannot say what it is about is named all the same."""
    assert str(own.ending(Mute())) == "the session was ended by Mute: "


def test_end_that_is_raised_as_it_is():
    """What ends a session and can pass for nothing else is raised as it is."""
    error = ValueError("why")
    assert own.ending(error) is error


def test_end_is_what_code_for_the_sdk_expects():
    """The end of a session is caught as this library's error and as the SDK's, code 1000."""
    for kind in (SessionClosed, APIError, ConnectionError):
        with pytest.raises(kind, match=r"^the session was closed$") as caught:
            raise own.Closed("the session was closed")
        assert (caught.value.code, caught.value.status) == (1000, None)
        assert caught.value.details == "the session was closed"
    again = pickle.loads(pickle.dumps(own.Closed("over")))  # noqa: S301
    assert (type(again), str(again), again.code) == (own.Closed, "over", 1000)
