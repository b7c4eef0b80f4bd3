"""What becomes of tool results: those that the model waits for, and the others."""

import pytest
from test_conversation import admit, answer, asked, call, memory, say

from reconnect.testing._exchange import OpenCall, Reaction
from reconnect.testing._wire import Input

ANSWER, NOTHING = Reaction("answer"), Reaction("nothing")


def test_results_are_answered_when_all_are_there():
    """The turn goes on when the last call that the model waits for has its result."""
    session = asked(memory())
    call(session, "f", "g")
    assert answer(session, "f") == NOTHING
    assert answer(session, "f") == NOTHING
    assert answer(session, "g") == ANSWER
    assert session.context == [
        ("user", "a"),
        ("model", {"function_call": {"id": "f", "name": "f"}}),
        ("model", {"function_call": {"id": "g", "name": "g"}}),
        ("user", {"function_response": {"id": "f", "name": "f"}}),
        ("user", {"function_response": {"id": "g", "name": "g"}}),
    ]


@pytest.mark.parametrize("result", [{"name": "f"}, {"id": "1", "name": "f"}])
def test_results_go_by_the_name_where_calls_have_no_ids(result):
    """On Vertex a result belongs to the oldest call of its name."""
    session = asked(memory("2.5-vertex"))
    session.call([OpenCall({"name": "f", "args": {"n": n}}) for n in range(2)])
    assert session.take(Input("tool_response", value={"name": "g"})) == NOTHING
    assert session.take(Input("tool_response", value=result)) == NOTHING
    assert [call.call["args"] for call in session.calls] == [{"n": 1}]
    assert session.take(Input("tool_response", value=result)) == ANSWER


def test_results_without_an_id_go_by_the_name():
    """A result that says no id is one of its name."""
    session = asked(memory())
    call(session, "f")
    assert session.take(Input("tool_response", value={"name": "f"})) == ANSWER


@pytest.mark.parametrize(("profile", "reaction"), [("2.5", NOTHING), ("2.0-vertex", ANSWER)])
def test_unknown_results(profile, reaction):
    """A result nobody waits for is ignored, or answered where that was recorded."""
    session = admit(memory(profile))
    assert answer(session, "f") == reaction
    assert bool(session.context) is (reaction == ANSWER)


def test_unknown_results_do_not_interrupt():
    """A result nobody waits for changes nothing while the model answers."""
    session = asked(memory("2.0-vertex"))
    assert answer(session, "f") == NOTHING


def background(session, *names):
    """Let the model make calls that it does not wait for."""
    call(session, *names, blocking=False)


@pytest.mark.parametrize("scheduling", ["INTERRUPT", "WHEN_IDLE", "SCHEDULING_UNSPECIFIED"])
def test_a_result_is_answered_where_nothing_is_said(scheduling):
    """A result is answered in its turn where the model does nothing but wait for it."""
    session = asked(memory())
    background(session, "f")
    session.exchange.idle = True
    assert answer(session, "f", scheduling=scheduling) == ANSWER
    assert session.exchange is not None


def test_a_result_interrupts_what_the_model_says():
    """A result that may interrupt cuts the reply off, and is answered."""
    session = asked(memory())
    background(session, "f")
    session.say("one moment")
    assert answer(session, "f", scheduling="INTERRUPT") == Reaction("answer", cut="begun")
    assert session.context[-2:] == [
        ("model", "one moment"),
        ("user", {"function_response": {"id": "f", "name": "f", "scheduling": "INTERRUPT"}}),
    ]


def test_a_result_interrupts_a_turn_that_waits_for_it():
    """A result that may interrupt ends a turn whose reply is complete, and is answered."""
    session = asked(memory())
    background(session, "f")
    session.say("one moment")
    session.finish()
    session.exchange.idle = True
    assert answer(session, "f", scheduling="INTERRUPT") == Reaction("answer", cut="whole")


@pytest.mark.parametrize("scheduling", ["WHEN_IDLE", None])
def test_a_result_waits_until_the_model_is_idle(scheduling):
    """A result that must not interrupt is taken in when the reply is complete; that is usual."""
    session = asked(memory())
    background(session, "f")
    session.say("one moment")
    assert answer(session, "f", scheduling=scheduling) == NOTHING
    assert session.context[-1].role == "model"
    session.finish()
    assert session.learn_results()
    assert session.context[-2] == ("model", "one moment")
    assert session.context[-1].role == "user"
    assert not session.learn_results()


def test_no_handle_comes_while_a_result_waits():
    """A session that was resumed would not know a result that is not taken in yet."""
    session = asked(memory("2.5-vertex"))
    background(session, "f")
    assert session.take(Input("tool_response", value={"name": "f"})) == NOTHING
    assert not session.may_issue
    assert session.learn_results()
    assert session.may_issue


@pytest.mark.parametrize(("holds", "reaction"), [(True, ANSWER), (False, NOTHING)])
def test_a_result_before_the_first_word(holds, reaction):
    """A result that may interrupt is answered at once, or after a turn that ends at its calls."""
    session = asked(memory(holds_turn=holds))
    background(session, "f")
    assert answer(session, "f", scheduling="INTERRUPT") == reaction


def test_a_silent_result_is_known_and_not_answered():
    """A silent result is known when the model is idle, and asks for no answer."""
    session = asked(memory())
    background(session, "f")
    session.say("one moment")
    assert answer(session, "f", scheduling="SILENT") == NOTHING
    session.finish()
    assert not session.learn_results()
    assert [known.role for known in session.context[-2:]] == ["model", "user"]


def test_the_last_silent_result_ends_a_turn_that_waits():
    """A turn that was held open for results alone ends with the last one, if that is silent."""
    session = asked(memory())
    background(session, "f", "g")
    session.exchange.idle = True
    assert answer(session, "f", scheduling="SILENT") == NOTHING
    assert session.context[-1].role == "user"
    assert answer(session, "g", scheduling="SILENT") == Reaction("end")


def test_results_of_earlier_turns_hold_no_turn():
    """A turn ends with its own last silent result, whatever an earlier turn still waits for."""
    session = asked(memory())
    background(session, "f")
    assert say(session, "b") == Reaction("answer", cut="begun")
    session.begin()
    background(session, "g")
    assert session.holds
    session.exchange.idle = True
    assert answer(session, "g", scheduling="SILENT") == Reaction("end")
    assert not session.holds


@pytest.mark.parametrize(
    ("scheduling", "reaction"), [("SILENT", NOTHING), ("WHEN_IDLE", ANSWER), ("INTERRUPT", ANSWER)]
)
def test_a_result_after_the_turn_begins_one(scheduling, reaction):
    """A result that comes when the turn is over is answered in a turn of its own."""
    session = asked(memory("2.5-vertex"))
    background(session, "f")
    session.complete()
    assert answer(session, "f", scheduling=scheduling) == reaction


@pytest.mark.parametrize("over", [True, False])
def test_results_of_one_message_are_answered_together(over):
    """Results that come in one message are taken in before they are answered."""
    session = asked(memory("2.5-vertex"))
    background(session, "f", "g")
    if over:
        session.complete()
    else:
        session.exchange.idle = True
    first = Input("tool_response", value={"name": "f"})
    assert session.take(first, more=True) == NOTHING
    assert answer(session, "g") == ANSWER
    names = [known.value["function_response"]["name"] for known in session.context[-2:]]
    assert names == ["f", "g"]


@pytest.mark.parametrize("marked", [True, False])
def test_a_result_waits_while_the_user_speaks(marked):
    """A result that comes in the midst of speech is answered after the reply to that."""
    session = asked(memory("2.5-vertex", vad=True))
    background(session, "f")
    session.complete()
    if marked:
        session.take(Input("activity_start"))
    session.take(Input("audio", value=b"speech"))
    assert answer(session, "f") == NOTHING
    assert session.context[-1].value == b"speech"
    session.begin()
    session.finish()
    assert session.learn_results()


def test_a_result_does_not_wait_for_speech_whose_end_was_lost():
    """A result is answered where something else was said since a beginning of speech."""
    session = asked(memory("2.5-vertex"))
    background(session, "f")
    session.complete()
    session.take(Input("activity_start"))
    assert answer(session, "f") == ANSWER


def test_a_new_turn_calls_off_no_call_that_goes_on_beside_it():
    """A turn interrupts what the model says, and leaves the calls that it does not wait for."""
    session = asked(memory())
    background(session, "f")
    session.say("one moment")
    assert say(session, "b") == Reaction("answer", cut="begun")
    session.begin()
    assert answer(session, "f") == NOTHING
    assert say(session, "c") == Reaction("answer", cut="unbegun")
    assert session.results == []
    assert [value for role, value in session.context if role == "user"] == [
        "a",
        "b",
        {"function_response": {"id": "f", "name": "f"}},
        "c",
    ]


def test_calls_without_an_id_cannot_be_called_off():
    """A turn that interrupts tells of no cancellation where calls have no ids."""
    session = asked(memory("2.5-vertex"))
    session.call([OpenCall({"name": "f"})])
    assert say(session, "b") == Reaction("answer", cut="begun")
    assert session.calls == []


def test_words_before_a_call_are_known_before_it():
    """What the model said before a call comes before it in what is known."""
    session = asked(memory())
    session.say("let me look")
    call(session, "f")
    assert session.context[-2:] == [
        ("model", "let me look"),
        ("model", {"function_call": {"id": "f", "name": "f"}}),
    ]
