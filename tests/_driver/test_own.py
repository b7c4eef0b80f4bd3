"""What the session itself says to its caller."""

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


def test_end_is_what_code_for_the_sdk_expects():
    """The end of a session is caught as this library's error and as the SDK's, code 1000."""
    for kind in (SessionClosed, APIError, ConnectionError):
        with pytest.raises(kind, match=r"^the session was closed$") as caught:
            raise own.Closed("the session was closed")
        assert (caught.value.code, caught.value.status) == (1000, None)
        assert caught.value.details == "the session was closed"
    again = pickle.loads(pickle.dumps(own.Closed("over")))  # noqa: S301
    assert (type(again), str(again), again.code) == (own.Closed, "over", 1000)
