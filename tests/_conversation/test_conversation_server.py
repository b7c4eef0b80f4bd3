"""What the server does to a conversation: which exchange a message is of, and what it ends."""

import pytest
from messages import (
    ASK_ON,
    END,
    START,
    WHOLE,
    Core,
    audio,
    begun,
    calling,
    cancelling,
    closed,
    complete,
    context_update,
    generated,
    heard,
    interrupted,
    overs,
    result,
    said,
    sound,
    streamed,
    told,
    transcribed,
    turn,
    turn_of,
    update,
    user,
)

from reconnect._conversation.exchanges import ANSWER, Known
from reconnect._conversation.transcript import model_turn

# More of a reply


@pytest.mark.parametrize("pieces", [1, 2])
def test_more_of_a_reply_after_a_resume(pieces):
    """What a resumed session adds to a reply that is over ends with its turn: nothing is owed."""
    core = begun("q")
    core.receive(said("a"), *WHOLE, update("h1"))
    core.resume()
    core.receive(*[said("b")] * pieces, complete())
    assert overs(core) == [True]
    assert core.newest.reply == ["a", *["b"] * pieces]
    assert core.conversation.owed == 0


# Results that the model has not taken up


def test_result_that_crosses_a_cancellation():
    """A result that was sent a moment before is not taken: its exchange ends as it is cut."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").answer(result("1"))
    core.receive(cancelling("1"), interrupted(), complete(), said("y"), *WHOLE)
    assert overs(core) == [True, True]


# What is said meanwhile


@pytest.mark.parametrize("stopped", [True, False])
def test_turn_between_a_result_and_its_answer(stopped):
    """It is answered with the result, or interrupts what the model was about to say."""
    core = begun("a")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.say("b").receive(*[interrupted(), complete()] * stopped, said("both"), *WHOLE)
    core.receive(update("h1"))
    assert core.conversation.quiet
    assert core.past == [user("a"), user("b"), model_turn(["both"])]


def test_speech_between_a_result_and_its_answer():
    """It is answered with the result."""
    core = begun("a")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(heard("b"), said("both"), *WHOLE, update("h1"))
    assert core.conversation.quiet
    assert core.past == [user("a"), user("b"), model_turn(["both"])]


def test_turn_while_a_tool_runs_and_the_model_speaks():
    """The user interrupts: the exchange of the tool is over, and its call stays open."""
    core = begun("a")
    core.receive(calling("1"), said("wait"))
    core.say("b").receive(interrupted(), complete(), said("y"), *WHOLE)
    assert overs(core) == [True, True]
    assert core.calls.awaited == ("1",)


def test_speech_while_a_tool_runs():
    """The reply to speech that was heard after the turn ended over a tool is not the tool's."""
    core = begun("a")
    core.receive(calling(None), *WHOLE, heard("b"), said("y"), *WHOLE)
    assert overs(core) == [True, True]
    assert core.newest.reply == ["y"]


def test_context_joins_what_has_no_reply_yet():
    """Context between two turns that are answered together is told between them."""
    core = begun("a", turn("c", asks=False), "b")
    core.receive(said("x"), *WHOLE, update("h1"))
    assert core.past == [user("a"), user("c"), user("b"), model_turn(["x"])]


def test_known_question_and_context_that_is_not():
    """Context that may be unknown is sent again, and the model is asked to continue besides."""
    core = begun("q", turn("c", asks=False))
    core.receive(said("x"), update("h1"))
    assert core.resume() == [turn("c", asks=False), ASK_ON]


# Speech


def test_words_that_come_after_a_turn():
    """The words of speech with marks are its own, though a turn was sent since."""
    core = begun()
    core.speak(START, audio(1), END).say("typed").receive(heard("spoken"))
    assert [it.words for it in core.newest.inputs] == [["spoken"], []]


def test_output_while_the_user_speaks():
    """Speech has no answer before the mark of its end."""
    core = begun("a")
    core.receive(said("x"))
    core.speak(START, audio(1)).receive(said("y"), *WHOLE)
    core.speak(END)
    assert overs(core) == [True, False]
    assert core.newest.inputs[0].call is None


def test_speech_that_was_answered_is_not_sent_again():
    """Its audio is not, up to the newest that was written when the reply began."""
    core = Core(transparent=True)
    core.receive(update("h", consumed=0))
    core.speak(audio(1)).receive(heard("a"))
    core.speak(audio(2)).receive(said("x"), *WHOLE)
    core.speak(audio(3))
    assert core.resume() == [told(user("a"), model_turn(["x"])), *streamed(audio(3))]


@pytest.mark.parametrize("attempts", [1, 2])
def test_speech_of_which_a_refused_handle_has_the_beginning(attempts):
    """A new session is told it in words, and is not sent what is left of its audio."""
    core = begun(transparent=True)
    core.speak(audio(1)).receive(update("h1", consumed=1))
    core.speak(audio(2)).receive(heard("spoken"), said("x"))
    core.lose()
    core.outbox.restarted()
    for _ in range(1, attempts):
        core.lose()
        core.outbox.restarted()
    assert core.connect() == [turn_of("spoken")]
    assert core.media.forget_uncovered() == 1.0


def test_audio_that_a_refused_handle_has_and_nobody_in_words():
    """It is counted: somebody may have said something."""
    core = begun(transparent=True)
    core.speak(audio(1), audio(2)).receive(update("h1", consumed=2))
    core.lose()
    core.outbox.restarted()
    assert core.media.forget_uncovered() == 2.0
    core.connect()
    core.lose()
    core.outbox.restarted()
    assert core.media.forget_uncovered() == 0.0


def test_speech_of_which_a_handle_has_the_beginning_and_that_is_over():
    """Its words may be there twice; without words it is lost."""
    for words, lost in (("spoken", 0), ("", 1)):
        core = begun(transparent=True)
        core.speak(START, audio(1)).receive(update("h1", consumed=2))
        core.speak(END).receive(heard(words), said("x"))
        core.say("b").receive(interrupted(), complete())
        assert core.lose().turns == lost
        core.connect()
        assert core.outbox.replay.maybe_twice == 1 - lost


def test_speech_whose_beginning_has_interrupted():
    """A handle may have its beginning: that came before the end of the reply that it cut off."""
    core = begun("a", transparent=True)
    core.receive(said("x"))
    core.say("b")
    core.speak(audio(1)).receive(interrupted(), complete(), update("h1", consumed=3))
    core.speak(audio(2)).receive(heard("spoken"), said("y"), *WHOLE)
    core.resume()
    assert core.outbox.replay.maybe_twice == 1


def test_speech_that_began_on_an_earlier_connection():
    """A handle that has its beginning is a doubt on all connections that are resumed from it."""
    core = begun("a", transparent=True)
    core.receive(said("x"), *WHOLE)
    core.speak(audio(1)).receive(update("h1", consumed=2))
    core.resume()
    core.speak(audio(2)).receive(heard("spoken"), said("y"))
    core.say("b").receive(interrupted(), complete())
    core.resume()
    assert core.outbox.replay.maybe_twice == 1


def test_first_word_that_may_answer_audio_proves_no_turn():
    """A turn that was sent into what may be speech may have crossed the reply to that."""
    core = begun("a")
    core.receive(said("x"), *WHOLE, update("h1"))
    core.speak(audio(1))
    core.say("b").receive(said("y"), update("h2"))
    assert core.newest.known is Known.MAYBE
    core.receive(*WHOLE, update("h3"))
    assert core.newest.known is Known.YES


def test_silence_under_a_reply_is_no_speech():
    """What was heard before a reply ended whole opens no exchange: more of the reply does not."""
    core = begun("a")
    core.receive(said("x"))
    core.speak(audio(1)).receive(*WHOLE, said("y"), *WHOLE)
    assert overs(core) == [True]
    core.speak(audio(2)).receive(said("z"), *WHOLE)
    assert overs(core) == [True, True]


def test_speech_that_joins_what_a_handle_has():
    """It is known by its own number, and not by that of what it is answered with."""
    core = begun("a", transparent=True)
    core.receive(update("h1", consumed=1))
    core.speak(audio(1)).receive(heard("spoken"), said("x"), *WHOLE)
    # Where it began nobody knows.
    assert [item.known for item in core.newest.inputs] == [Known.YES, Known.MAYBE]
    assert core.resume() == [told(user("spoken"), model_turn(["x"]))]


def test_speech_that_goes_on_over_a_loss():
    """None of its audio is sent again once it is told in words."""
    core = begun(transparent=True)
    core.speak(audio(1)).lose()
    core.speak(audio(2))
    core.connect()
    core.receive(interrupted(), heard("spoken"), said("x"))
    core.say("b").receive(interrupted(), complete())
    assert core.resume() == [told(user("spoken"), model_turn(["x"])), turn("b")]


def test_speech_after_an_empty_end():
    """It is answered together with what would be asked again."""
    core = begun("a", content=False)
    core.lose()
    core.speak(audio(1))
    core.connect()
    assert core.receive(complete()).hidden
    core.receive(heard("spoken"))
    assert core.write() == []
    core.receive(said("both"), *WHOLE)
    assert overs(core) == [True]


def test_words_of_the_first_of_two_that_spoke_while_a_tool_runs():
    """They are of the speech that has none yet, not of what is being said."""
    core = begun("q", transparent=True)
    core.receive(calling(None), *WHOLE)
    core.speak(START, audio(1), END, START, audio(2)).receive(heard("first"))
    core.speak(END).receive(heard("second"))
    assert said_in(core) == ["first", "second"]


def said_in(core):
    """Return the words of the newest exchange, in order."""
    return [turn["parts"][0]["text"] for item in core.newest.inputs for turn in item.turns]


def test_speech_of_an_outage_that_goes_out_after_what_was_typed_later():
    """Its place is where it was written: the model has heard it last."""
    core = begun("a")
    core.lose()
    core.speak(START, audio(1), END).say("b")
    core.connect()
    core.receive(heard("spoken"), said("y"))
    assert said_in(core) == ["a", "b", "spoken"]


def test_speech_that_goes_out_before_what_was_typed_later():
    """Its place is that of its audio, whenever its words come."""
    core = begun(transparent=True)
    core.lose()
    core.speak(audio(1)).say("b")
    core.connect()
    core.receive(heard("spoken"), said("y"))
    assert said_in(core) == ["spoken", "b"]


def test_marked_speech_and_what_was_typed_in_one_outage():
    """They are answered together."""
    core = begun(transparent=True)
    core.speak(START)
    core.lose()
    core.speak(audio(1), END).say("b")
    core.connect()
    core.receive(said("both"), *WHOLE)
    assert overs(core) == [True]


def test_context_after_speech_that_has_no_reply_yet():
    """It is answered with the speech, and told after it."""
    core = begun(transparent=True)
    core.speak(audio(1)).receive(heard("spoken"))
    core.say(turn("context", asks=False), "b").receive(said("y"))
    assert said_in(core) == ["spoken", "context", "b"]


def test_context_between_what_is_asked_again_and_speech():
    """It is of the same exchange: they are answered together."""
    core = begun("a", transparent=True)
    core.receive(said("x"), update("h1", consumed=1))
    core.say(turn("context", asks=False)).speak(audio(1))
    core.resume()
    core.receive(heard("spoken"), said("y"))
    assert said_in(core) == ["a", "context", "spoken"]


def test_transcription_proves_speech_of_which_a_handle_has_the_beginning():
    """It is not said again."""
    core = begun()
    core.speak(audio(1)).receive(interrupted(), update("h1"))
    core.lose()
    core.say("b")
    core.connect()
    core.receive(heard("spoken"), said("y"), *WHOLE)
    assert overs(core) == [True]


# Late words


def test_words_after_the_end_of_a_reply():
    """They are of the reply, and open nothing, unless they may be the answer to a result."""
    core = begun("q")
    core.receive(sound("a"), generated(), transcribed("b"), complete(), transcribed("c"))
    assert overs(core) == [True]
    assert core.newest.reply == ["a", "b", "c"]
    core = begun("q")
    core.receive(calling(None), *WHOLE)
    core.answer(result(None))
    core.receive(said("so"), *WHOLE, transcribed("and"))
    assert overs(core) == [False]


# Resumed sessions


def test_session_that_goes_on_by_itself():
    """What a resumed session says before it was asked anything is the reply that is owed."""
    core = begun("q")
    core.receive(calling("1"), said("x"), update("h1"))
    assert core.resume() == [closed("1")]
    core.receive(said("y"))
    assert core.wait() == []
    core.receive(*WHOLE)
    assert overs(core) == [True]


def test_answer_to_what_closed_a_call_proves_nothing():
    """Where it is not known that the session has the question, that is sent again after it."""
    core = begun("q")
    core.receive(update("h1"), calling(None))
    assert core.resume() == [closed(None)]
    core.receive(said("what?"), generated())
    assert core.write() == []
    assert core.receive(complete()).hidden
    assert core.write() == [turn("q")]
    core.receive(update("h2"))
    assert core.newest.known is Known.MAYBE


def test_call_whose_arguments_the_caller_has_changed_is_made_again():
    """A lost call is known again though its tool has changed the arguments it was handed."""
    core = begun("q", transparent=False)
    shown = calling("1", city="Oslo", days=[1])
    core.receive(update("h1"), shown)
    [handed] = shown.tool_call.function_calls
    handed.args["city"] = "Bergen"
    handed.args["days"].append(2)
    core.answer(result("1"))
    core.resume()
    assert core.receive(calling("2", city="Oslo", days=[1])).unseen == (0,)


def test_call_that_is_made_again_proves_the_question():
    """Whoever answers what closed a call with the same call has the question."""
    core = begun("a", transparent=False)
    core.receive(said("x"))
    core.say("q").receive(interrupted(), complete(), update("h1"), calling(None), *WHOLE)
    core.answer(result(None))
    assert core.resume() == [closed(None)]
    reading = core.receive(calling(None))
    assert reading.unseen == (0,)
    assert core.newest.known is Known.YES
    assert [call.method for call in core.write()] == [ANSWER]
    assert core.receive(*WHOLE).hidden
    assert core.write() == []
    core.receive(said("it rains"), *WHOLE)
    assert overs(core)[-1]


def test_contexts_that_a_reply_does_not_answer():
    """Each that waits when a resumed session goes on by itself is told after it."""
    core = begun("q")
    core.receive(calling(None), said("x"), update("h1"))
    core.resume()
    core.say(turn("c1", asks=False), turn("c2", asks=False)).receive(said("y"))
    assert core.write() == [told(user("c1")), told(user("c2"))]


def test_update_between_a_turn_and_speech_that_is_answered_with_it():
    """What a handle has of the turn says nothing of what was sent after it."""
    core = Core(transparent=True).say("q", context_update("i"))
    core.receive(heard("w"), update("h1", consumed=1), said("x"))
    assert context_update("i") in core.resume()


def test_context_between_speech_of_an_outage_and_a_turn():
    """All three are told in the order in which they were said, once they are one exchange."""
    core = Core(transparent=True)
    core.receive(update("h1", consumed=0))
    core.lose()
    core.speak(START, audio(1), END).say(turn("c", asks=False), "q")
    core.connect()
    core.receive(heard("w"), said("x"), *WHOLE)
    assert core.resume() == [told(user("w"), user("c"), user("q"), model_turn(["x"]))]
