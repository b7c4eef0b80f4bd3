"""What a person reads of an error."""

import pytest
from google.genai import errors
from hypothesis import given, strategies as st
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close

from reconnect._failures.words import counted, describe
from reconnect.errors import ReconnectExhausted, TooManyReconnects
from reconnect.testing.strategies import losses

PINGED = ConnectionClosedError(None, Close(1011, "keepalive ping timeout"))


def exhausted():
    """Return what is raised after too many attempts."""
    error = ReconnectExhausted(attempts=3, elapsed=5.0)
    error.__cause__ = ConnectionRefusedError()
    return error


def wrapped(cause):
    """Return an error that says nothing itself."""
    error = ConnectionError("lost")
    error.__cause__ = cause
    return error


def two(*errors):
    """Return a group of errors."""
    return ExceptionGroup("two", errors)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.APIError(1006, ""), "broken off without a close frame"),
        (errors.APIError(1011, "Internal error encountered."), "1011 Internal error encountered"),
        (errors.APIError(1008, {}), "1008"),
        (errors.APIError(503, {}), "HTTP 503"),
        (errors.APIError(503, {"error": {"message": "Overloaded."}}), "HTTP 503 Overloaded"),
        (PINGED, "keepalive ping timeout"),
        (ConnectionClosedError(Close(1008, "No such key"), None), "1008 No such key"),
        (ConnectionClosedOK(Close(1000, ""), Close(1000, ""), rcvd_then_sent=True), "1000"),
        (wrapped(ConnectionClosedError(Close(1013, "try later"), None)), "1013 try later"),
        (two(OSError("gone"), two(OSError("gone"), errors.APIError(1011, "X"))), "1011 X"),
        (two(OSError("gone"), KeyError("name")), "KeyError: 'name'"),
        (exhausted(), "connection refused, after 3 attempts over 5.0 s"),
        (ConnectionResetError(), "connection reset"),
        (OSError(113, "No route to host"), "no route to host"),
        (TimeoutError("no reply"), "no reply"),
        (TimeoutError(), "TimeoutError"),
        (KeyError("name"), "KeyError: 'name'"),
        (AssertionError(), "AssertionError"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_error_in_words(error, text):
    """No error is shown as Python writes it."""
    assert describe(error) == text


class Mute(Exception):
    """An error that fails over its own text."""

    def __str__(self):
        raise LookupError("str")


class MuteSystem(Mute, OSError):
    """One of the network that does."""


@pytest.mark.parametrize("kind", [Mute, MuteSystem])
def test_error_that_cannot_say_what_it_is(kind):
    """An error that fails over its own text is told by its name."""
    assert describe(kind()) == kind.__name__


def test_what_to_do_is_kept():
    """An error of this library's own says in a log line, too, what can be done."""
    assert "max_reconnects_per_hour=" in describe(TooManyReconnects(60))


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40) | st.text(
    "x\n\r\x1b\u2028", max_size=700
)


@given(losses().map(lambda loss: loss.error) | TEXTS.map(OSError) | TEXTS.map(ValueError))
def test_error_is_one_line(error):
    """Whatever is in an error, it is told in one short line that can be printed, and in no less."""
    line = describe(error)
    assert line
    assert line.isprintable()
    assert len(line.splitlines()) == 1
    assert line == line.strip()
    assert len(line) <= 300


def test_counted():
    """What is counted is one, or more than one."""
    assert [counted(number, "turn") for number in (0, 1, 2)] == ["0 turns", "1 turn", "2 turns"]
