"""The exceptions that the library raises itself."""

import pickle

import pytest

from reconnect import (
    ReconnectExhausted,
    RemoteProtocolError,
    SessionClosed,
    TooManyReconnects,
    errors,
)
from reconnect.errors import BufferOverflow, ResumeUnconfirmed


def test_tree():
    """The tree at the top of the module is the tree of the classes."""
    drawn = {}
    for line in errors.__doc__.splitlines():
        words = line.split()
        if len(words) == 1 and words[0].endswith("Error"):
            base = words[0]
        elif words[:1] in (["├──"], ["└──"]):
            drawn[words[1]] = base
    bases = {name: getattr(errors, name).__bases__ for name in errors.__all__}
    assert drawn == {name: base.__name__ for name, (base,) in bases.items()}
    assert set(drawn.values()) == {"ConnectionError", "BufferError"}


@pytest.mark.parametrize(
    "kind", [ReconnectExhausted, RemoteProtocolError, SessionClosed, TooManyReconnects]
)
def test_caught_as_a_connection_error(kind):
    """A caller who catches ConnectionError catches each of them."""
    assert issubclass(kind, ConnectionError)


def test_exhausted_tells_how_long():
    """ReconnectExhausted says how many dials were made, over how long, and what to do."""
    error = ReconnectExhausted(attempts=10, elapsed=312.34)
    assert (error.attempts, error.elapsed) == (10, 312.34)
    assert str(error).startswith("gave up after 10 attempts over 312.3 s; ")
    assert "stop=" in str(error)


def test_exhausted_counts_to_one():
    """One attempt is written in the singular."""
    assert str(ReconnectExhausted(attempts=1, elapsed=0)).startswith("gave up after 1 attempt over")


def test_exhausted_is_pickled():
    """ReconnectExhausted reaches another process with what it knows."""
    error = pickle.loads(pickle.dumps(ReconnectExhausted(attempts=3, elapsed=1.5)))  # noqa: S301
    assert isinstance(error, ReconnectExhausted)
    assert (error.attempts, error.elapsed) == (3, 1.5)
    assert str(error) == str(ReconnectExhausted(attempts=3, elapsed=1.5))


@pytest.mark.parametrize("kind", [RemoteProtocolError, SessionClosed])
def test_plain_errors_keep_their_text(kind):
    """The other errors are built from a text, as any ConnectionError is."""
    assert str(kind("why")) == "why"
    assert str(pickle.loads(pickle.dumps(kind("why")))) == "why"  # noqa: S301


def test_too_many_reconnects():
    """TooManyReconnects says how many, and what to do; another process is told the same."""
    error = pickle.loads(pickle.dumps(TooManyReconnects(60)))  # noqa: S301
    assert error.reconnects == 60
    assert str(error).startswith("gave up: 60 reconnects within an hour; ")
    assert "max_reconnects_per_hour=" in str(error)


def test_unconfirmed_resume():
    """ResumeUnconfirmed says how long was waited, and what to do; another process is told too."""
    error = pickle.loads(pickle.dumps(ResumeUnconfirmed(7.5)))  # noqa: S301
    assert isinstance(error, TimeoutError)
    assert error.timeout == 7.5
    assert str(error).startswith("no session_resumption_update within 7.5 s of a resume, ")
    assert "resume_confirm_timeout=" in str(error)


def test_overflow():
    """BufferOverflow says how much there is, how much may be, and what to do."""
    error = BufferOverflow("things", messages=3, bytes=40, message_limit=2, byte_limit=50)
    error = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert isinstance(error, BufferOverflow)
    assert not isinstance(error, ConnectionError)
    assert (error.what, error.messages, error.bytes) == ("things", 3, 40)
    assert (error.message_limit, error.byte_limit) == (2, 50)
    assert str(error).startswith(
        "the buffer for things is full: 3 messages with 40 bytes exceed the limit of 2 messages and"
    )
    assert "Limit" in str(error)
