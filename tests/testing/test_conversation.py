"""What the model knows, and what each handle stands for."""

from typing import Any

import pytest

from reconnect.testing._conversation import Heard, Known, Memory, Reaction, Session, Snapshot
from reconnect.testing._wire import Input, Refused

LIFETIME = 100.0


def memory(generation: Any = "3.8", **arguments: bool) -> Memory:
    """Make the memory of a server."""
    return Memory(generation=generation, handle_lifetime=LIFETIME, **arguments)


def admit(
    server: Memory,
    handle: str | None = None,
    *,
    dialect: Any = "gemini",
    model: str = "m",
    credential: str | None = "key",
    now: float = 0.0,
    **setup: Any,
) -> Session:
    """Open a session, or resume one."""
    resumption = {"session_resumption": {"handle": handle} if handle else {}}
    asked = {"model": model, **resumption, **setup}
    return server.admit(asked, dialect=dialect, credential=credential, now=now)


def say(session: Session, text: str) -> Reaction:
    """Take a turn in."""
    return session.take(Input("turn", value=text))


def content(*texts: str, complete: bool = False) -> dict[str, Any]:
    """Make a client content message."""
    turns = [{"role": "user", "parts": [{"text": text}]} for text in texts]
    return {"client_content": {"turns": turns, "turn_complete": complete}}


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


def test_turns_are_answered():
    """A turn is answered, and its reply is then known."""
    session = admit(memory())
    assert say(session, "a") == Reaction("answer")
    session.begin()
    session.say("b")
    session.say("c")
    assert session.unanswered
    session.complete()
    assert session.context == [("user", "a"), ("model", "bc")]
    assert not session.unanswered


def test_asking_on_answers_what_is_unanswered():
    """A question without a turn is answered when the user had the last word."""
    session = admit(memory())
    assert session.take(Input("ask_on")) == Reaction("empty")
    assert session.take(Input("context", value="a")) == Reaction("nothing")
    assert session.take(Input("ask_on")) == Reaction("answer")
    assert session.take(Input("context", "model", "b")) == Reaction("nothing")
    assert session.take(Input("ask_on")) == Reaction("empty")
    assert session.context == [("user", "a"), ("model", "b")]


def test_asking_on_can_mean_nothing():
    """A server told so answers realtime text, but no question without a turn."""
    session = admit(memory(ask_on=False))
    session.take(Input("context", value="a"))
    assert session.take(Input("ask_on")) == Reaction("nothing")
    assert session.take(Input("text", value="b")) == Reaction("answer")


def test_speech_is_answered_at_its_end():
    """Audio is known at once, and answered when the activity ends."""
    session = admit(memory())
    assert session.take(Input("activity_start")) == Reaction("nothing")
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")
    assert session.take(Input("video", value=b"v")) == Reaction("nothing")
    assert session.take(Input("audio_stream_end")) == Reaction("nothing")
    assert session.take(Input("activity_end")) == Reaction("answer")
    assert session.context == [("user", b"a"), ("user", b"v")]


def test_context_updates_are_no_part_of_the_conversation():
    """A context update changes nothing that is known."""
    session = admit(memory())
    assert session.take(Input("context_update", value={})) == Reaction("nothing")
    assert session.context == []


def test_a_new_turn_interrupts():
    """A turn cuts a reply off, and what was said of it is known."""
    session = admit(memory())
    say(session, "a")
    session.begin()
    assert say(session, "b") == Reaction("answer", interrupted=True)
    session.begin()
    session.say("you")
    assert say(session, "c") == Reaction("answer", interrupted=True)
    assert session.context == [("user", "a"), ("user", "b"), ("model", "you"), ("user", "c")]


def test_results_are_answered_when_all_are_there():
    """The turn goes on when the last open call has its result."""
    session = admit(memory())
    say(session, "a")
    session.begin()
    session.call({"1": {"name": "f"}, "2": {"name": "g"}})
    assert not session.may_issue
    first, second = {"id": "1", "name": "f"}, {"id": "2", "name": "g"}
    assert session.take(Input("tool_response", value=first)) == Reaction("nothing")
    assert session.take(Input("tool_response", value=first)) == Reaction("nothing")
    assert session.take(Input("tool_response", value=second)) == Reaction("answer")
    assert session.may_issue
    assert session.context == [
        ("user", "a"),
        ("model", {"function_call": {"name": "f"}}),
        ("model", {"function_call": {"name": "g"}}),
        ("user", {"function_response": first}),
        ("user", {"function_response": second}),
    ]


def test_results_without_an_id_go_by_the_name():
    """On Vertex the name tells which call a result belongs to."""
    session = admit(memory(), dialect="vertex")
    say(session, "a")
    session.call({"1": {"name": "f"}})
    assert session.take(Input("tool_response", value={"name": "g"})) == Reaction("nothing")
    assert session.take(Input("tool_response", value={"name": "f"})) == Reaction("answer")


def test_unknown_results_are_ignored():
    """A result nobody waits for changes nothing."""
    session = admit(memory())
    assert session.take(Input("tool_response", value={"id": "9"})) == Reaction("nothing")
    session.complete()
    assert session.context == []


def test_a_new_turn_cancels_calls():
    """A turn that interrupts calls the open calls off."""
    session = admit(memory())
    say(session, "a")
    session.call({"1": {"name": "f"}})
    assert say(session, "b") == Reaction("answer", interrupted=True, cancelled=("1",))


@pytest.mark.parametrize("kind", ["audio", "video", "text"])
def test_media_during_a_call_is_refused_when_strict(kind):
    """A strict server ends a session that gets media while a call is open."""
    session = admit(memory(strict_tools=True))
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")
    say(session, "a")
    session.begin()
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")
    session.call({"1": {"name": "f"}})
    with pytest.raises(Refused) as refused:
        session.take(Input(kind, value="x"))
    assert (refused.value.code, refused.value.reason) == (1008, "The operation was aborted.")


def test_media_during_a_call_is_taken_otherwise():
    """A server that is not strict takes media while a call is open."""
    session = admit(memory())
    session.call({"1": {"name": "f"}})
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")


@pytest.mark.parametrize(("generation", "may"), [("2.5", False), ("3.8", True)])
def test_handles_during_a_turn(generation, may):
    """Only 3.8 issues handles during a turn."""
    session = admit(memory(generation))
    assert session.may_issue
    say(session, "a")
    session.begin()
    assert session.may_issue is may


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
    server.release(session, connection=1, now=1.0, free_at=1.0)
    resumed = admit(server, known, now=2.0)
    assert resumed is session
    assert resumed.resumed
    assert resumed.context == [("user", "a"), ("model", "b")]
    server.release(session, connection=2, now=3.0, free_at=3.0)
    assert admit(server, empty, now=4.0).context == []


def test_a_reply_is_never_continued():
    """A session resumed in the middle of a reply knows the turn, and not the reply."""
    server = memory()
    session = admit(server)
    say(session, "a")
    session.begin()
    session.say("b")
    handle = server.issue(session, session.snapshot(), connection=1)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    resumed = admit(server, handle, now=1.0)
    assert resumed.context == [("user", "a")]
    assert resumed.exchange is None
    assert not resumed.waiting
    assert resumed.take(Input("ask_on")) == Reaction("answer")


@pytest.mark.parametrize(
    ("item", "known"),
    [
        (Input("tool_response", value={"id": "1"}), ["a"]),
        (Input("ask_on"), ["a"]),
        (Input("turn", value="b"), ["a", "b"]),
    ],
)
def test_lost_calls_leave_a_session_waiting(item, known):
    """After a lost call the first input only closes the exchange, and the turn can be asked."""
    server = memory()
    session = admit(server)
    say(session, "a")
    session.begin()
    handle = server.issue(session, session.snapshot(), connection=1)
    session.call({"1": {"name": "f"}})
    server.release(session, connection=1, now=1.0, free_at=1.0)
    resumed = admit(server, handle, now=1.0)
    assert resumed.waiting
    assert resumed.take(Input("context_update")) == Reaction("nothing")
    assert resumed.take(item) == Reaction("empty")
    assert resumed.context == [("user", text) for text in known]
    assert resumed.take(Input("ask_on")) == Reaction("answer")


def test_answered_calls_leave_no_session_waiting():
    """A handle issued after the result stands for a session that waits for nothing."""
    server = memory()
    session = admit(server)
    say(session, "a")
    session.call({"1": {"name": "f"}})
    session.take(Input("tool_response", value={"id": "1"}))
    handle = server.issue(session, session.snapshot(), connection=1)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    resumed = admit(server, handle, now=1.0)
    assert not resumed.waiting
    assert resumed.take(Input("ask_on")) == Reaction("answer")


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


def test_history_is_a_seed():
    """A session that is given its history takes it in without an answer."""
    session = admit(memory(), history_config={"initial_history_in_client_content": True})
    assert session.seeding
    (first,) = session.read(content("a"))
    assert session.take(first) == Reaction("nothing")
    assert session.seeding
    (second,) = session.read(content("b", complete=True))
    assert session.take(second) == Reaction("nothing")
    assert not session.seeding
    assert session.context == [("user", "a"), ("user", "b")]
    assert [item.kind for item in session.read(content("c", complete=True))] == ["turn"]


def test_history_on_top_of_a_resumed_session_is_refused():
    """A resumed session takes no history."""
    server = memory()
    session = admit(server)
    handle = server.issue(session, Snapshot(), connection=1)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    history = {"initial_history_in_client_content": True}
    resumed = admit(server, handle, now=1.0, history_config=history)
    assert [item.kind for item in resumed.read({"realtime_input": {"text": "a"}})] == ["text"]
    with pytest.raises(Refused, match="invalid argument"):
        resumed.read(content("a"))


def test_records_compare():
    """What is known equals the plain pair, and what was heard has names."""
    assert Known("user", "a") == ("user", "a")
    assert Heard(1, 2, "turn", "a") == Heard(connection=1, index=2, kind="turn", value="a")
