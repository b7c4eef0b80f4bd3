"""Puts an error into words: what a person reads of it in a log line, in one line.

Pure. What is read is the error as it is: whoever has secrets to hide cleans it before.
"""

from __future__ import annotations

from typing import Any, Final

from reconnect.errors import ReconnectExhausted

from .loss import ABNORMAL_CLOSURE, Family, Symptom, leaves, read, text_of

__all__ = ["counted", "describe"]

_LIMIT: Final = 300
"""Characters of a text that are shown: a server may send a page of HTML. The event has it all."""


def describe(error: BaseException) -> str:
    """Put an exception into words: one line, without a full stop.

    Args:
        error: What an attempt, a connection or a session ended with.
    """
    match error:
        case ReconnectExhausted(__cause__=BaseException() as cause):
            spent = f"{counted(error.attempts, 'attempt')} over {error.elapsed:.1f} s"
            return f"{describe(cause)}, after {spent}"
    symptom = read(error)
    if isinstance(error, BaseExceptionGroup):
        return describe(next(leaf for leaf in leaves(error) if read(leaf) == symptom))
    match symptom:
        case Symptom(family=Family.CLOSE, code=code, text=text) if code == ABNORMAL_CLOSURE:
            # The only close that this side begins: nothing came, not even the answer to a ping.
            timeout = "keepalive ping timeout"
            words = timeout if timeout in text else "broken off without a close frame"
        case Symptom(family=Family.CLOSE, code=code, text=text):
            words = f"{code} {_said_by(error) or text}"
        case Symptom(family=Family.STATUS, code=code) if code is not None:
            # Not the text that was read: the body of a refusal is in it, and may be of any kind.
            words = f"HTTP {code} {_said_by(error)}"
        case Symptom(family=Family.FOREIGN):
            # A bug, as a rule: "'name'" is nothing without "KeyError".
            words = f"{type(error).__name__}: {text_of(error)}"
        case _:
            words = _of_the_network(error)
    return _one_line(words) or type(error).__name__


def counted(number: int, what: str) -> str:
    """Return a number of things, in words.

    Args:
        number: How many.
        what: One of them.
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def _of_the_network(error: BaseException) -> str:
    match error:
        case ConnectionRefusedError():
            return "connection refused"
        case ConnectionResetError():
            return "connection reset"
        case OSError(strerror=str(said)):
            return said.lower()
    return text_of(error)


def _said_by(error: Any) -> str:
    """Return what the server said, as it wrote it: what is read of an error is in lower case."""
    received = getattr(error, "rcvd", None)
    if received is not None:
        return str(received.reason)
    # The SDK keeps the reason of a close in `details`, and has a `message` where it came with a
    # status.
    found = (getattr(error, name, None) for name in ("details", "message"))
    return next((text for text in found if text and isinstance(text, str)), "")


def _one_line(text: str) -> str:
    """Return a text as it can stand in a line: a server's may hold line breaks, and escapes."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    line = " ".join(plain.split())
    return f"{line[: _LIMIT - 1]}…" if len(line) > _LIMIT else line.rstrip(".: ")
