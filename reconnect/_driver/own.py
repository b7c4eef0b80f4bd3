"""What the session itself says to its caller, in the SDK's types.

The SDK is imported here for good: whoever imports this module has a session to make.
"""

from __future__ import annotations

from google.genai import types
from google.genai.errors import APIError

from reconnect._failures.loss import text_of
from reconnect.errors import SessionClosed

__all__ = ["Closed", "OwnMessage", "cancellation", "ending", "interruption", "is_local", "turn_end"]

_NORMAL: int = 1000
"""The close code of a connection that has done what it was for (RFC 6455, 7.4.1)."""


class OwnMessage(types.LiveServerMessage):
    """A message that no server has sent: it tells what a lost connection means for the caller."""


class Closed(SessionClosed, APIError):
    """The session was closed by its owner, as the SDK says it: an ``APIError`` of code 1000.

    Args:
        text: What happened.
    """

    def __init__(self, text: str) -> None:
        APIError.__init__(self, _NORMAL, text)
        self.args = (text,)

    def __str__(self) -> str:
        return str(self.args[0])


def ending(error: BaseException) -> Exception:
    """Return what ends a session as it can be raised to whoever waits for it.

    A ``CancelledError`` would pass for a cancellation of their own, and a ``StopIteration`` for the
    end of theirs.
    """
    if isinstance(error, Exception) and not isinstance(error, StopIteration | StopAsyncIteration):
        return error
    said = f"{type(error).__name__}: {text_of(error)}"
    ended = ConnectionAbortedError(f"the session was ended by {said}")
    ended.__cause__ = error
    return ended


def interruption() -> OwnMessage:
    """Return the message that tells a player to drop what it has of a reply."""
    return OwnMessage(server_content=types.LiveServerContent(interrupted=True))


def turn_end() -> OwnMessage:
    """Return the message that ends a turn whose own end was lost with its connection."""
    return OwnMessage(server_content=types.LiveServerContent(turn_complete=True))


def cancellation(calls: tuple[str, ...]) -> OwnMessage:
    """Return the message that tells the caller that results of tool calls are not awaited."""
    cancelled = types.LiveServerToolCallCancellation(ids=list(calls))
    return OwnMessage(tool_call_cancellation=cancelled)


def is_local(message: types.LiveServerMessage) -> bool:
    """Return whether a message comes from this library rather than from the server.

    There are three kinds: ``interrupted``, when a lost connection cut off a reply;
    ``turn_complete``, when the server will no longer send one; and ``tool_call_cancellation``.

    Args:
        message: The message.
    """
    return isinstance(message, OwnMessage)
