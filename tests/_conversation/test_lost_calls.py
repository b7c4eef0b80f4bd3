"""Tool calls over a loss: closed, made again, and answered once."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    WHOLE,
    Core,
    answered,
    asks,
    audio,
    begun,
    calling,
    calls,
    cancelling,
    closed,
    complete,
    context_update,
    generated,
    interrupted,
    result,
    said,
    streamed,
    told,
    turn,
    update,
)

from reconnect._conversation.outbox import Replay
from reconnect._conversation.transcript import model_turn

# A session that waits on a call that nobody saw


@pytest.mark.parametrize("seen", [True, False])
def test_lost_before_the_call_arrived(seen):
    """An empty end, the first on a resumed connection, is hidden, and the turn asked once more."""
    core = begun("q")
    core.receive(*[said("x")] * seen, update("h1"))
    assert core.resume() == [ASK_ON if seen else turn("q")]
    assert core.outbox.replay.maybe_twice == (not seen)
    reading = core.receive(complete())
    assert reading.hidden
    assert not reading.over
    assert core.conversation.due
    assert core.write() == [ASK_ON]
    # The second one is the answer: the model has nothing to say.
    assert core.receive(complete()).over
    assert not core.conversation.due
    assert core.newest.over


def test_turn_after_a_reply_whose_calls_were_lost():
    """A session that waits on the calls of a reply that is over does not take the next turn."""
    core = begun("a")
    core.receive(said("x"), update("h1"), calling("1"))
    core.answer(result("1"))
    core.receive(said("y"), complete())
    assert core.resume() == [told(model_turn(["xy"]))]
    core.say("b")
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]


# Calls that are closed


def test_handle_before_the_lost_calls_are_closed():
    """A handle of a session that still waits on lost calls changes nothing."""
    core = begun("q")
    core.receive(calling("1"), update("h1"))
    core.lose()
    core.outbox.connected([], asks=False, transparent=False)
    core.receive(update("h2"))
    assert core.write() == [closed("1")]
    core.receive(update("h3"))
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]


def test_handle_before_the_lost_calls_are_closed_and_another_loss():
    """A session that is resumed from such a handle waits on the lost calls again."""
    core = begun("q")
    core.receive(calling("1"), update("h1"))
    assert core.resume() == [closed("1")]
    core.receive(update("h2"))
    assert core.resume() == [closed("1")]


def test_handle_after_the_result_and_before_output():
    """A call whose result is known is closed with it."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1", 7))
    core.receive(update("h1"))
    assert core.resume() == [closed("1", response={"result": 7})]
    assert core.wait() == [ASK_ON]


@pytest.mark.parametrize("restarted", [False, True])
def test_call_that_nobody_knows(restarted):
    """A session that cannot know the question is told nothing of its calls."""
    core = begun("q")
    core.receive(calling("1"), *[update("h1")] * restarted)
    assert (core.restart() if restarted else core.resume()) == [turn("q")]


def test_call_that_is_cancelled():
    """A call that the server has cancelled is closed where the handle is older than that."""
    core = begun("q")
    core.receive(said("a"), update("h1"), calling("1"), cancelling("1"))
    assert core.conversation.calls.awaited == ()
    assert core.resume() == [closed("1")]


def test_call_in_a_reply_that_is_over():
    """A reply that is over is replayed, and its calls are not closed."""
    core = begun("q")
    core.receive(said("a"), update("h1"), calling("1"))
    core.answer(result("1"))
    core.receive(said("b"), complete())
    assert core.resume() == [told(model_turn(["ab"]))]


@pytest.mark.parametrize("answer", [said("x"), calling("2", n=1)])
def test_answer_in_place_of_the_end_that_closes_calls(answer):
    """A session that goes on at once is not waited for, and not asked for what it gives."""
    core = begun("q")
    core.receive(said("a"), update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    core.receive(answer)
    assert not core.conversation.line.closing


def test_context_before_a_lost_call():
    """A session that knows the lost calls knows all that was said before them."""
    core = begun(turn("c", asks=False), context_update("u"), "q")
    core.receive(update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    core.receive(complete())
    assert core.write() == [ASK_ON]


def test_owed_maybe_known_and_the_lost_calls_were_known():
    """An empty end says that the session knew the lost calls, so the model is asked to go on."""
    core = begun("q")
    core.receive(update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]
    assert core.outbox.replay.maybe_twice == 0


def test_question_that_is_asked_again_after_what_answers_the_closing_of_calls():
    """It is counted as perhaps twice: the connection is not up to date while that is in doubt."""
    core = begun("a")
    core.receive(update("h1"))
    core.say("b").receive(calling("1"))
    core.answer(result("1"))
    assert core.resume() == [closed("1")]
    core.receive(said("of a, or of the error"))
    assert core.write() == []
    assert core.outbox.replaying
    core.receive(*WHOLE)
    assert core.write() == [turn("a"), turn("b")]
    assert core.outbox.replay == Replay(messages=2, maybe_twice=1)


def test_speech_that_is_asked_again_after_what_answers_the_closing_of_calls():
    """Its audio alone may ask nothing: the model is asked to continue, or nobody would answer."""
    core = Core(transparent=True)
    core.speak(audio(1)).receive(update("h1", consumed=1))
    core.speak(audio(2)).receive(calling(None))
    assert core.resume() == [closed(None)]
    core.receive(said("of the speech, or of the error"), generated())
    assert core.receive(complete()).back
    assert core.write() == [*streamed(audio(2)), ASK_ON]


# Empty ends


@pytest.mark.parametrize("handle", [True, False])
def test_empty_end_with_calls_in_the_exchange(handle):
    """An empty end after lost calls is not the answer: the model is asked to continue once more."""
    core = begun("q")
    core.receive(calling("1"), update("h1"))
    assert core.resume() == [closed("1")]
    assert core.receive(*[update("h2")] * handle, complete()).hidden
    assert core.write() == [ASK_ON]
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]
    assert core.receive(complete()).over
    assert core.newest.over


def test_empty_end_after_a_silent_result_on_the_connection_before():
    """A call that the model went on without was one of the session before: the turn is asked."""
    core = begun("q")
    core.receive(said("x"), calling("1"))
    core.answer(result("1", scheduling="SILENT"))
    core.receive(update("h1"))
    assert core.resume() == [ASK_ON]
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]
    assert not core.newest.over


def test_empty_end_with_calls_on_the_first_connection():
    """A session that was never resumed waits for no call: its empty end is shown as it is."""
    core = Core().say("q")
    core.receive(calling(None))
    core.answer(result(None))
    core.receive(generated(), complete())
    assert core.receive(complete()).over
    assert core.write() == []


def test_turn_in_which_every_call_was_hidden():
    """The end of such a turn is hidden as well: the caller saw nothing of it."""
    core = begun("q")
    core.receive(calling(None))
    core.answer(result(None))
    assert core.resume() == [turn("q")]
    assert core.receive(calling(None)).unseen == (0,)
    assert core.write() == [answered(result(None))]
    core.receive(generated())
    reading = core.receive(complete())
    assert reading.hidden
    assert not reading.over


# Calls that are made again


def test_turn_that_ends_while_another_tool_runs():
    """A question that a session may have is not sent again while it goes on with a tool for it."""
    core = begun("q")
    core.receive(update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    core.receive(calling("2", seats=2), complete())
    assert core.write() == []
    core.answer(result("2"))
    core.receive(said("noon"), complete())
    assert core.write() == []
    assert core.newest.over


def test_refused_handle_behind_the_results():
    """A result that a refused handle covered answers the same call in the new session."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(said("x"), update("h1"))
    assert core.restart() == [turn("q")]
    assert core.receive(calling("2")).unseen == (0,)
    assert core.write() == [answered(result("2"))]


def test_handle_behind_the_results():
    """On a resume from a handle that covers a result, the same call is a new one."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(said("x"), update("h1"))
    assert asks(core.resume()) == [ASK_ON]
    assert core.receive(calling("2")).unseen == ()
    assert core.calls.awaited == ("2",)


def test_same_call_while_the_tool_still_runs():
    """The result of a tool that runs over a loss serves the same call, which is not shown."""
    core = begun("q")
    core.receive(calling("1", city="Oslo"))
    assert core.lose().calls == ()
    assert core.connect() == [turn("q")]
    assert core.receive(calling("2", city="Oslo")).unseen == (0,)
    assert core.write() == []
    assert core.answer(result("1")) == []
    assert core.write() == [answered(result("2"))]
    assert core.calls.awaited == ()


def test_another_call_with_the_same_id_while_the_tool_still_runs():
    """A result on the Gemini API answers the call that it was made for, not one with its id."""
    core = begun("q")
    core.receive(calling("1", name="weather", city="Oslo"))
    core.resume()
    assert core.receive(calling("1", name="book_hotel", city="Paris")).unseen == ()
    assert core.answer(result("1", name="weather")) == []
    assert core.calls.awaited == ("1",)
    booked = result("1", name="book_hotel")
    assert core.answer(booked) == [booked]


def test_another_call_of_the_same_tool_while_it_still_runs():
    """A result on Vertex answers the oldest call that was shown, not the one that is live."""
    for id_ in (None, "1"):
        core = begun("q")
        core.receive(calling(id_, name="weather", city="Oslo"))
        core.resume()
        assert core.receive(calling(id_, name="weather", city="Paris")).unseen == ()
        assert core.answer(result(id_, "snow", name="weather")) == []
        paris = result(id_, "rain", name="weather")
        assert core.answer(paris) == [paris]
        assert core.calls.awaited == ()


def test_known_result_after_a_reply_that_parts_what_was_asked():
    """What answers the closing of lost calls parts what the session cannot have: results stay."""
    core = begun("a", "b", transparent=True)
    core.receive(update("h1", consumed=1), calling("1"))
    core.answer(result("1"))
    core.resume()
    core.receive(said("of the error"))
    core.resume()
    core.receive(complete())
    core.write()
    core.receive(calling("1"))
    assert core.newest.calls[-1].shown is False


def test_known_result_after_a_call_that_parts_context():
    """Context that was said after a result, and is written later, takes no calls along."""
    core = begun("q", transparent=True)
    core.receive(update("h1", consumed=1), calling("1"))
    core.answer(result("1"))
    core.direct = False
    core.say(turn("context", asks=False))
    core.resume()
    assert core.receive(calling("1")).unseen == (0,)
    assert [exchange.asks for exchange in core.conversation.exchanges] == [True, False]


# Results


@pytest.mark.parametrize("direct", [True, False])
def test_two_calls_of_one_tool_in_a_message(direct):
    """Both results go out, in order, of calls that have no id."""
    core = begun("q")
    cities = [types.FunctionCall(name="weather", args={"city": city}) for city in ("Oslo", "Paris")]
    core.direct = direct
    core.receive(calls(*cities))
    results = [result(None, value, name="weather") for value in ("snow", "rain")]
    assert core.answer(*results) == results
    assert core.write() == ([] if direct else [answered(*results)])
    assert core.calls.awaited == ()


def test_result_for_a_call_that_nobody_has_heard_of():
    """A tool response that names no call is sent, as the SDK sends it."""
    core = begun()
    stray = result("nobody")
    assert core.answer(stray) == [stray]


def test_turn_that_waits_behind_a_result_and_its_cancellation():
    """A turn that was not written yet is not taken for answered by what ends before that."""
    core = Core(reuse_tool_results=False)
    core.receive(calling("1"), update("h1"))
    assert core.resume() == [closed("1")]
    core.receive(calling("2"))
    core.answer(result("2"))
    core.say("b").receive(cancelling("2"), generated())
    assert core.write() == [turn("b")]


@pytest.mark.parametrize("between", [[], [said("x")]], ids=["nothing", "output"])
def test_result_that_waits_and_is_cancelled(between):
    """It is not sent: it would answer the next call of that id. Nor does output take it up."""
    core = begun("q", reuse_tool_results=False)
    core.receive(update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    core.receive(calling("2"))
    core.answer(result("2"))
    core.receive(*between, cancelling("2"), calling("2", name="g"))
    assert core.write() == []


# When the caller hears of a cancellation


def test_cancellation_where_results_are_not_reused():
    """A caller whose results are not reused is told at once to leave what is lost."""
    core = begun("q", reuse_tool_results=False)
    core.receive(calling("1"))
    assert core.lose().calls == ("1",)
    core.connect()
    assert core.receive(calling("2")).unseen == ()


def test_cancellation_when_the_exchange_is_over():
    """A tool that nobody waits for any more is told so when the exchange is over."""
    core = begun("q")
    core.receive(calling("1"))
    core.resume()
    assert core.receive(said("a"), complete()).left == ("1",)
    assert core.answer(result("1")) == []


def test_cancellation_while_a_live_call_has_the_id():
    """A live call with the id of a lost one is not cancelled with it."""
    core = begun("q")
    core.receive(calling("1", city="Oslo"))
    core.resume()
    core.receive(calling("1", city="Paris"))
    core.receive(interrupted())
    core.answer(result("1"), result("1"))
    reading = core.receive(said("a"), complete())
    assert reading.left == ()


def test_running_call_of_an_exchange_that_a_loss_ends():
    """A loss that ends an exchange, since another is owed, leaves its calls."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b")
    assert core.lose().calls == ("1",)
    assert core.answer(result("1")) == []


def test_turn_sent_with_the_one_whose_call_is_made_again():
    """The call proves the first question alone: what was sent after it is sent again."""
    core = begun("a", "b", transparent=False)
    core.receive(update("h1"), calling(None))
    assert core.resume() == [closed(None)]
    assert core.receive(calling(None)).unseen == (0,)
    assert core.write() == [turn("b")]
    assert core.outbox.replay.maybe_twice == 1


def test_call_of_the_question_before_is_made_again():
    """What closes the newest calls may reach a session that has only the question before.

    The turn is of that, so its end is hidden where the caller was shown nothing of it.
    """
    core = begun("a", transparent=False)
    core.receive(update("h1"), calling(None))
    core.say("b").receive(interrupted(), complete(), update("h2"), calling(None, name="g"))
    core.answer(result(None), result(None, name="g"))
    assert core.resume() == [closed(None, name="g")]
    assert core.receive(calling(None)).unseen == (0,)
    assert core.write() == [answered(result(None)), turn("b")]
    assert core.receive(generated(), complete()).hidden
