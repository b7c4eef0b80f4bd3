"""What the model knows of a conversation, and what the server does about what the client sends."""

from dataclasses import replace
from typing import Any

import pytest

from reconnect.testing import PROFILES
from reconnect.testing._conversation import Session
from reconnect.testing._exchange import OpenCall, Reaction
from reconnect.testing._sessions import Memory
from reconnect.testing._wire import Input, Refused

LIFETIME = 100.0


def memory(profile: str = "2.5", *, vad: bool = False, **changes: Any) -> Memory:
    """Make the memory of a server; changes are those of the profile."""
    changed = replace(PROFILES[profile], **changes)
    return Memory(profile=changed, handle_lifetime=LIFETIME, vad=vad)


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


def resume(server: Memory, session: Session, handle: str) -> Session:
    """Lose the connection of a session, and resume it."""
    server.release(session, connection=1, now=1.0, free_at=1.0)
    return admit(server, handle, now=1.0)


def say(session: Session, text: str) -> Reaction:
    """Take a turn in."""
    return session.take(Input("turn", value=text))


def asked(server: Memory, text: str = "a") -> Session:
    """Open a session whose model has taken a turn up."""
    session = admit(server)
    say(session, text)
    session.begin()
    return session


def call(session: Session, *names: str, blocking: bool = True) -> None:
    """Let the model call functions; the id of each is its name."""
    session.call([OpenCall({"id": name, "name": name}, blocking=blocking) for name in names])


def answer(session: Session, name: str, **fields: Any) -> Reaction:
    """Take a tool result in."""
    return session.take(Input("tool_response", value={"id": name, "name": name, **fields}))


def content(*texts: str, complete: bool = False) -> dict[str, Any]:
    """Make a client content message."""
    turns = [{"role": "user", "parts": [{"text": text}]} for text in texts]
    return {"client_content": {"turns": turns, "turn_complete": complete}}


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


def test_a_reply_is_known_when_it_is_complete():
    """A reply is known from generationComplete on, though its turn is open until turnComplete."""
    session = asked(memory())
    session.say("b")
    session.finish()
    assert session.context == [("user", "a"), ("model", "b")]
    assert session.exchange is not None
    session.complete()
    assert session.context == [("user", "a"), ("model", "b")]
    assert session.exchange is None


def test_an_empty_reply_is_a_reply():
    """A turn to which the model has nothing to say is answered."""
    session = asked(memory())
    session.complete()
    assert session.context == [("user", "a"), ("model", "")]
    session.complete()
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
    """A model that generates on realtime text alone answers no question without a turn."""
    session = admit(memory("3.1"))
    session.take(Input("context", value="a"))
    assert session.take(Input("ask_on")) == Reaction("nothing")
    assert session.take(Input("text", value="b")) == Reaction("answer")


def test_speech_is_answered_at_its_end():
    """Audio is known at once, and answered when the activity ends."""
    session = admit(memory())
    assert session.take(Input("activity_start")) == Reaction("nothing", activity="START")
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")
    assert session.take(Input("video", value=b"v")) == Reaction("nothing")
    assert session.take(Input("audio_stream_end")) == Reaction("nothing")
    assert session.take(Input("activity_end")) == Reaction("answer", activity="END")
    assert session.context == [("user", b"a"), ("user", b"v")]


def test_context_updates_are_no_part_of_the_conversation():
    """A context update changes nothing that is known."""
    session = admit(memory())
    assert session.take(Input("context_update", value={})) == Reaction("nothing")
    assert session.context == []


def test_a_new_turn_interrupts():
    """A turn cuts a reply off, and what was said of it is known."""
    session = asked(memory())
    session.say("you")
    assert say(session, "b") == Reaction("answer", cut="begun")
    assert session.context == [("user", "a"), ("model", "you"), ("user", "b")]
    session.begin()
    session.say("all")
    session.finish()
    assert say(session, "c") == Reaction("answer", cut="whole")
    assert session.context[2:] == [("user", "b"), ("model", "all"), ("user", "c")]


def test_audio_without_words_is_output():
    """A reply has begun with its first audio, though no words of it are known."""
    session = asked(memory())
    session.say("")
    assert say(session, "b") == Reaction("answer", cut="begun")
    assert session.context == [("user", "a"), ("user", "b")]


@pytest.mark.parametrize("kind", ["context", "text", "turn"])
def test_what_comes_before_the_first_word_is_answered_with_it(kind):
    """Two inputs before the first word are answered together, and nothing is interrupted."""
    session = asked(memory())
    assert session.take(Input(kind, value="b")) == Reaction("answer", cut="unbegun")
    assert session.context == [("user", "a"), ("user", "b")]
    assert session.exchange is None


def test_speech_before_the_first_word_holds_the_answer_up():
    """Speech that begins before the first word is answered together with what came before."""
    session = asked(memory())
    started = session.take(Input("activity_start"))
    assert started == Reaction("nothing", cut="unbegun", activity="START")
    session.take(Input("audio", value=b"b"))
    assert session.take(Input("activity_end")) == Reaction("answer", activity="END")
    assert session.context == [("user", "a"), ("user", b"b")]


def test_a_new_turn_cancels_calls():
    """A turn that interrupts calls off what the model waits for."""
    session = asked(memory())
    call(session, "f")
    assert say(session, "b") == Reaction("answer", cut="begun", cancelled=("f",))
    assert session.calls == []


@pytest.mark.parametrize("kind", ["audio", "video", "text"])
def test_media_during_a_call_is_refused_when_strict(kind):
    """A strict server ends a session that gets media while a call is open."""
    session = admit(memory(strict_tools=True))
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")
    say(session, "a")
    session.begin()
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")
    call(session, "f")
    with pytest.raises(Refused) as refused:
        session.take(Input(kind, value="x"))
    assert (refused.value.code, refused.value.reason) == (1008, "The operation was aborted.")


def test_media_during_a_call_is_taken_otherwise():
    """A server that is not strict takes media while a call is open."""
    session = admit(memory())
    call(session, "f")
    assert session.take(Input("audio", value=b"a")) == Reaction("nothing")


# Handles


@pytest.mark.parametrize(("profile", "may"), [("2.5", False), ("2.5-vertex", True), ("3.8", True)])
def test_handles_during_a_turn(profile, may):
    """Only 2.5 on the Gemini API withholds handles during a turn, and none comes during a call."""
    session = admit(memory(profile))
    assert session.may_issue
    say(session, "a")
    session.begin()
    assert session.may_issue is may
    call(session, "f")
    assert not session.may_issue
    answer(session, "f")
    assert session.may_issue is may


def test_a_reply_is_never_continued():
    """A session resumed in the middle of a reply knows the turn, and not the reply."""
    server = memory("3.8")
    session = asked(server)
    session.say("b")
    handle = server.issue(session, session.snapshot(), connection=1)
    resumed = resume(server, session, handle)
    assert resumed.context == [("user", "a")]
    assert resumed.exchange is None
    assert not resumed.waiting
    assert resumed.take(Input("ask_on")) == Reaction("answer")


def test_a_complete_reply_is_known_before_its_turn_ends():
    """A handle that comes between generationComplete and turnComplete covers the reply."""
    server = memory("3.8")
    session = asked(server)
    session.say("b")
    session.finish()
    handle = server.issue(session, session.snapshot(), connection=1)
    resumed = resume(server, session, handle)
    assert resumed.context == [("user", "a"), ("model", "b")]
    assert resumed.take(Input("ask_on")) == Reaction("empty")


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
    server = memory("3.8")
    session = asked(server)
    handle = server.issue(session, session.snapshot(), connection=1)
    call(session, "f")
    resumed = resume(server, session, handle)
    assert resumed.waiting
    assert resumed.take(Input("context_update")) == Reaction("nothing")
    assert resumed.take(item) == Reaction("empty")
    assert resumed.context == [("user", text) for text in known]
    assert resumed.take(Input("ask_on")) == Reaction("answer")


@pytest.mark.parametrize(
    ("lost_calls", "waits"), [("none", False), ("shown", False), ("made", True)]
)
def test_calls_that_were_never_sent_may_leave_a_session_waiting(lost_calls, waits):
    """A session may wait for a call that the model made and the client never saw."""
    server = memory("3.8", lost_calls=lost_calls)
    session = asked(server)
    handle = server.issue(session, session.snapshot(), connection=1)
    session.plan(1)
    assert resume(server, session, handle).waiting is waits


@pytest.mark.parametrize(("lost_calls", "waits"), [("none", False), ("shown", True)])
def test_calls_that_were_sent_may_leave_a_session_waiting(lost_calls, waits):
    """A session may wait for the result of a call that the client saw."""
    server = memory("3.8", lost_calls=lost_calls)
    session = asked(server)
    handle = server.issue(session, session.snapshot(), connection=1)
    call(session, "f")
    assert resume(server, session, handle).waiting is waits


def test_a_handle_of_a_waiting_session_waits_too():
    """A handle that is issued before the lost calls are closed still waits for them."""
    server = memory("3.8")
    session = asked(server)
    first = server.issue(session, session.snapshot(), connection=1)
    call(session, "f")
    resumed = resume(server, session, first)
    second = server.issue(resumed, resumed.snapshot(), connection=2)
    server.release(resumed, connection=2, now=2.0, free_at=2.0)
    assert admit(server, second, now=2.0).waiting


def test_answered_calls_leave_no_session_waiting():
    """A handle issued after the result stands for a session that waits for nothing."""
    server = memory("3.8")
    session = asked(server)
    session.plan(1)
    call(session, "f")
    answer(session, "f")
    handle = server.issue(session, session.snapshot(), connection=1)
    resumed = resume(server, session, handle)
    assert not resumed.waiting
    assert resumed.take(Input("ask_on")) == Reaction("answer")


def test_a_second_round_of_calls_leaves_a_session_waiting():
    """A handle issued after a result waits for the calls that the model made then."""
    server = memory("3.8")
    session = asked(server)
    session.plan(1)
    call(session, "f")
    answer(session, "f")
    handle = server.issue(session, session.snapshot(), connection=1)
    session.begin()
    session.plan(1)
    assert resume(server, session, handle).waiting


def test_what_a_dropped_reply_would_have_called_is_not_called():
    """A session does not wait for calls of a reply that another turn came before."""
    server = memory("3.8")
    session = asked(server)
    handle = server.issue(session, session.snapshot(), connection=1)
    session.plan(1)
    say(session, "b")
    assert not resume(server, session, handle).waiting


# History


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
    handle = server.issue(session, session.snapshot(), connection=1)
    server.release(session, connection=1, now=1.0, free_at=1.0)
    history = {"initial_history_in_client_content": True}
    resumed = admit(server, handle, now=1.0, history_config=history)
    assert [item.kind for item in resumed.read({"realtime_input": {"text": "a"}})] == ["text"]
    with pytest.raises(Refused, match="invalid argument"):
        resumed.read(content("a"))


def read(session: Session) -> list[str]:
    """Give what a session finds in client content that asks for a reply."""
    return [item.kind for item in session.read(content("x", complete=True))]


def refuse(session: Session) -> None:
    """Check that a session refuses client content."""
    with pytest.raises(Refused) as refused:
        read(session)
    assert (refused.value.code, refused.value.reason) == (
        1007,
        "Request contains an invalid argument.",
    )


def test_client_content_is_taken_at_first():
    """3.1 takes turns as client content until it has answered, and refuses them from then on."""
    session = admit(memory("3.1"))
    assert read(session) == ["turn"]
    say(session, "a")
    assert read(session) == ["turn"]
    session.begin()
    refuse(session)
    assert [item.kind for item in session.read({"realtime_input": {"text": "a"}})] == ["text"]


def test_client_content_is_refused_after_announced_history():
    """3.1 takes the history that was announced, and no client content after it."""
    session = admit(memory("3.1"), history_config={"initial_history_in_client_content": True})
    session.read(content("a"))
    session.read(content("b", complete=True))
    refuse(session)


def test_client_content_is_refused_after_a_resume():
    """3.1 takes no client content in a session that was resumed."""
    server = memory("3.1")
    session = asked(server)
    session.complete()
    handle = server.issue(session, session.snapshot(), connection=1)
    refuse(resume(server, session, handle))
