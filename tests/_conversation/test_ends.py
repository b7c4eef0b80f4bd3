"""What the server says of an end, and of what a handle covers."""

import pytest
from messages import (
    WHOLE,
    Core,
    audio,
    begun,
    calling,
    closed,
    complete,
    context_update,
    generated,
    heard,
    interrupted,
    overs,
    result,
    said,
    turn,
    turn_of,
    update,
    user,
)

from reconnect._conversation.exchanges import CONTENT, UPDATE, Known
from reconnect._conversation.transcript import model_turn


def test_update_interrupts_nothing():
    """What interrupts after it is what was said before it."""
    core = begun("a")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.say(context_update("x"), "b").receive(interrupted(), complete())
    assert overs(core) == [True, False]
    assert core.newest.inputs[0].turns == [user("b")]


def test_last_of_two_turns_is_parted_after_a_reply_that_was_generated():
    """An interruption after generation_complete parts what was sent last, as any other does."""
    core = begun("a", "b")
    core.receive(said("x"), generated(), interrupted(), complete())
    assert overs(core) == [True, False]
    assert core.newest.inputs[0].call == turn("b")


def test_two_turns_that_something_else_has_interrupted():
    """Where audio was written since the first word, that has interrupted, and both are answered."""
    core = begun("a", "b")
    core.receive(said("x"))
    core.speak(audio(1)).receive(interrupted(), complete())
    assert overs(core) == [True]


@pytest.mark.parametrize("speaks", [True, False])
def test_audio_after_the_first_word_of_a_reply_to_two_turns(speaks):
    """It may be what interrupts the reply, though that was generated before."""
    core = begun("a", "b")
    core.receive(said("x"))
    core.speak(*[audio(1)] * speaks).receive(generated(), interrupted(), complete())
    assert [len(it.inputs) for it in core.conversation.exchanges] == ([2] if speaks else [1, 1])


@pytest.mark.parametrize("last", ["turn", "audio"])
def test_reply_to_speech_that_nobody_has_heard_of(last):
    """A turn that was sent before its first word interrupts it, unless more audio came."""
    core = begun()
    core.speak(audio(1)).say("q").speak(*[audio(2)] * (last == "audio"))
    core.receive(said("x"), generated(), interrupted(), complete())
    assert overs(core) == ([False] if last == "turn" else [True])
    core.receive(said("y"), *WHOLE)
    assert core.conversation.exchanges[-1].reply == ["y"]


@pytest.mark.parametrize("stopped", [True, False])
def test_turn_while_the_answer_to_a_late_result_is_due(stopped):
    """It is answered with the result, or it interrupts that answer and is still to be answered."""
    core = begun("a")
    core.receive(calling(None), *WHOLE)
    core.say("b").answer(result(None))
    core.receive(said("y"), *WHOLE)
    core.say("c").receive(said("z"), *[interrupted(), complete(), said("zz")] * stopped, *WHOLE)
    assert overs(core) == [True, True, True]
    assert core.newest.reply == ["zz" if stopped else "z"]


def test_handle_that_covers_nothing_yet():
    """A handle that comes before anything is written does not cover what waits."""
    core = begun(context_update("i"))
    core.receive(update("h1", consumed=1))
    core.say("q").lose()
    core.outbox.restarted()
    core.outbox.connected([], asks=False, transparent=False)
    core.receive(update("h2"))
    assert [call.method for call in core.write()] == [UPDATE, CONTENT]


def test_closed_calls_prove_what_the_session_may_have():
    """What it cannot have is written all the same."""
    core = begun("a")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(update("h1"))
    core.say(context_update("x"), "b")
    assert core.resume() == [closed("1", response={"result": 3})]
    core.receive(complete())
    assert [call.method for call in core.write()] == [UPDATE, CONTENT]
    assert core.newest.inputs[0].known is Known.YES


def test_answer_to_what_closed_a_call_is_taken_back():
    """What was shown of it is given anew, as far as anybody can know."""
    core = begun("a")
    core.receive(said("x"))
    core.say("q").receive(interrupted(), complete(), update("h1"), calling(None), *WHOLE)
    core.resume()
    core.receive(said("what?"), generated())
    reading = core.receive(complete())
    assert (reading.hidden, reading.back) == (True, True)
    assert core.write()[-1] == turn_of("q")
    core.receive(said("y"), *WHOLE, update("h2"))
    assert core.past[-1] == model_turn(["y"])


def test_one_of_several_results_interrupts():
    """A result interrupts the model though other tools still run: the exchange goes on."""
    core = begun("q")
    core.receive(calling("1"), calling("2", name="g"), said("wait"), generated())
    core.answer(result("1", scheduling="INTERRUPT"))
    core.receive(interrupted(), complete())
    assert overs(core) == [False]


def test_silent_result():
    """A model that need not go on after a result is done with the end of its turn."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1", scheduling="SILENT"))
    core.receive(complete())
    assert overs(core) == [True]


def test_silent_result_while_a_late_one_is_answered():
    """The reply is over: the end that comes is that of the answer to the late result."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b")
    core.receive(generated(), interrupted(), complete())
    core.receive(calling("2"), said("x"), generated())
    core.answer(result("1"))
    core.receive(said("y"))
    core.answer(result("2", scheduling="SILENT"))
    core.receive(generated(), complete())
    assert core.newest.over
    assert core.newest.reply == ["x"]


def test_silent_result_after_the_turn():
    """Where its turn has ended by then, no other end comes."""
    core = begun("q")
    core.receive(calling(None), said("done"), *WHOLE)
    assert overs(core) == [False]
    core.answer(result(None, scheduling="SILENT"))
    assert overs(core) == [True]


def test_speech_of_which_a_handle_has_the_beginning():
    """It is known up to its newest word, and in part up to its first."""
    core = Core(transparent=True)
    core.receive(update("h", consumed=0))
    core.speak(audio(1)).receive(interrupted(), complete(), update("h1", consumed=1))
    core.speak(audio(2)).receive(heard("a"), said("x"))
    assert core.newest.known is Known.MAYBE
    core.lose()
    core.connect()
    # What is left of it is sent, which is not there.
    assert core.outbox.replay.maybe_twice == 0


@pytest.mark.parametrize("status", [None, "IN_PROGRESS"])
def test_result_that_is_given_before_the_turn_ends_at_its_call(status):
    """It is taken up by the turn that follows, whether or not the model says that it goes on."""
    core = begun("a")
    core.receive(calling(None))
    core.answer(result(None))
    core.receive(generated(), complete(interaction_status=status))
    assert overs(core) == [False]
    core.receive(said("x"), generated(), complete(interaction_status=status and "IDLE"))
    assert overs(core) == [True]
    assert not core.lose().reply


def test_reply_goes_on_in_a_turn_after_that_in_which_the_model_thinks_on():
    """What it says then is of the same reply, and of no question that was asked meanwhile."""
    core = begun("a")
    core.receive(said("x"), complete(interaction_status="IN_PROGRESS"))
    core.receive(said("y"), generated(), complete(interaction_status="IDLE"))
    assert overs(core) == [True]
    assert core.newest.reply == ["x", "y"]


def test_turn_sent_with_the_one_whose_call_is_made_again():
    """The call proves the first question alone: what was sent after it is sent again."""
    core = begun("a", "b", transparent=False)
    core.receive(update("h1"), calling(None))
    assert core.resume() == [closed(None)]
    assert core.receive(calling(None)).unseen == (0,)
    assert core.write() == [turn("b")]
    assert core.outbox.replay.maybe_twice == 1


def test_result_that_crosses_what_the_model_says_meanwhile():
    """Where nobody else can have interrupted that the result has, and its answer is to come."""
    core = begun("q", transparent=False)
    core.receive(calling("1", "2"))
    core.answer(result("1", scheduling="INTERRUPT"))
    core.receive(said("one moment"), generated(), interrupted(), complete())
    assert overs(core) == [False]
    core.answer(result("2"))
    core.receive(said("it rains"), *WHOLE)
    assert overs(core) == [True]


def test_audio_after_a_result_may_have_interrupted():
    """Whoever speaks after a result may have interrupted what came after it."""
    core = begun("q", transparent=False)
    core.receive(calling("1", "2"))
    core.answer(result("1", scheduling="INTERRUPT"))
    core.speak(audio(1)).receive(said("one moment"), interrupted(), complete())
    assert overs(core)[0]
