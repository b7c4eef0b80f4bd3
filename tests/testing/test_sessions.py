"""All sessions of a server, and the handles that they are resumed by."""

from typing import Any

import pytest
from test_conversation import LIFETIME, admit, memory, say

from reconnect.testing._exchange import OpenCall, Snapshot
from reconnect.testing._wire import Refused


def refusal(*arguments: Any, **named: Any) -> tuple[int, str]:
    """Give how a session is refused."""
    with pytest.raises(Refused) as refused:
        admit(*arguments, **named)
    return refused.value.code, refused.value.reason


INVALID = (1007, "Request contains an invalid argument.")
NOT_FOUND = (1008, "BidiGenerateContent session not found")
BUSY = (1011, "Internal error encountered.")


def test_sessions_are_numbered():
    """Every fresh session is a new one that knows nothing."""
    server = memory()
    assert server.newest is None
    first, second = admit(server), admit(server)
    assert (first.id, second.id) == ("session-0001", "session-0002")
    assert first.context == []
    assert server.newest is second


def test_resuming_brings_back_what_the_handle_stands_for():
    """A resumed session knows its snapshot, nothing that came later."""
    server = memory()
    session = admit(server)
    empty = server.issue(session, Snapshot(), connection=1)
    say(session, "a")
    session.say("b")
    session.complete()
    known = server.issue(session, session.snapshot(), connection=1)
    say(session, "c")
    session.call([OpenCall({"name": "f"})])
    session.results.append({})
    server.release(session, connection=1, now=1.0, free_at=1.0)
    resumed = admit(server, known, now=2.0)
    assert resumed is session
    assert resumed.resumed
    assert resumed.context == [("user", "a"), ("model", "b")]
    assert (resumed.exchange, resumed.calls, resumed.results) == (None, [], [])
    server.release(session, connection=2, now=3.0, free_at=3.0)
    assert admit(server, empty, now=4.0).context == []


def test_handles_expire():
    """A handle is good for its lifetime after its connection ended."""
    server = memory()
    session = admit(server)
    handle = server.issue(session, Snapshot(), connection=1)
    server.release(session, connection=1, now=10.0, free_at=10.0)
    assert admit(server, handle, now=10.0 + LIFETIME - 0.001) is session
    later = server.issue(session, Snapshot(), connection=2)
    server.release(session, connection=2, now=500.0, free_at=500.0)
    assert refusal(server, handle, now=500.0) == NOT_FOUND
    assert admit(server, later, now=500.0) is session


def test_handles_of_others_are_unknown():
    """A handle is good for its own dialect and model only."""
    server = memory()
    session = admit(server)
    handle = server.issue(session, Snapshot(), connection=1)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    assert refusal(server, "handle-9999") == NOT_FOUND
    assert refusal(server, handle, dialect="vertex", now=1.0) == NOT_FOUND
    assert refusal(server, handle, model="other", now=1.0) == NOT_FOUND


def test_rejected_handles_are_unknown():
    """Every handle issued so far can be forgotten."""
    server = memory()
    session = admit(server)
    old = server.issue(session, Snapshot(), connection=1)
    server.reject_handles()
    new = server.issue(session, Snapshot(), connection=1)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    assert refusal(server, old, now=1.0) == NOT_FOUND
    assert admit(server, new, now=1.0) is session


def test_a_session_has_one_socket():
    """A session cannot be resumed while its old socket has not finished closing."""
    server = memory()
    session = admit(server)
    handle = server.issue(session, Snapshot(), connection=1)
    assert refusal(server, handle, now=1.0) == BUSY
    server.release(session, connection=1, now=1.0, free_at=3.0)
    assert refusal(server, handle, now=2.9) == BUSY
    assert admit(server, handle, now=3.0) is session


def test_setups_that_are_refused():
    """A setup is refused for its key or for what its dialect does not have."""
    server = memory()
    history = {"initial_history_in_client_content": True}
    transparent = {"session_resumption": {"transparent": True}}
    key = (1007, "API key not valid. Please pass a valid API key.")
    assert refusal(server, credential="bad-key") == key
    assert refusal(server, **transparent) == INVALID
    assert refusal(server, dialect="vertex", history_config=history) == INVALID
    assert admit(server, dialect="vertex", **transparent)
    assert admit(server, session_resumption=None)
