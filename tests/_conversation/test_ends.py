"""What ends a reply, what does not, and whose the reply is."""

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
    content,
    context_update,
    generated,
    heard,
    interrupted,
    overs,
    result,
    said,
    sound,
    told,
    transcribed,
    turn,
    turn_of,
    update,
    user,
)

from reconnect._conversation.messages import Received
from reconnect._conversation.transcript import model_turn

# The end of a turn


@pytest.mark.parametrize("end", [generated(), complete()])
def test_end_with_output(end):
    """The exchange is over, whole."""
    core = begun("q")
    core.receive(said("a"), end)
    assert core.newest.over


def test_idle_without_turn_complete():
    """The turn is over where the SDK's ``receive()`` ends."""
    core = begun("q")
    core.receive(said("a"))
    assert core.receive(content(interaction_status="IDLE")).over
    assert core.newest.over
    assert core.resume() == [told(user("q"), model_turn(["a"]))]


@pytest.mark.parametrize(("status", "over"), [("IN_PROGRESS", False), ("IDLE", True), (None, True)])
def test_thinking_on(status, over):
    """On a model that thinks on after a turn, the turn is over when the model is idle."""
    core = begun("q")
    core.receive(said("a"))
    assert (core.receive(complete(interaction_status=status)) == Received(over=True)) is over
    assert core.lose().reply is not over


def test_reply_goes_on_in_a_turn_after_that_in_which_the_model_thinks_on():
    """What it says then is of the same reply, and of no question that was asked meanwhile."""
    core = begun("a")
    core.receive(said("x"), complete(interaction_status="IN_PROGRESS"))
    core.receive(said("y"), generated(), complete(interaction_status="IDLE"))
    assert overs(core) == [True]
    assert core.newest.reply == ["x", "y"]


def test_turn_that_nobody_asked_for():
    """The end of a turn that nobody asked for changes nothing, and is shown."""
    core = begun()
    assert core.receive(complete()) == Received(over=True)
    assert core.conversation.quiet


def test_output_without_an_open_exchange():
    """Output re-opens the newest exchange where nobody has spoken since."""
    core = begun("q")
    core.receive(said("a"), complete(), said("b"))
    assert not core.newest.over
    core.receive(complete(), update("h1"))
    assert core.past == [user("q"), model_turn(["ab"])]


def test_two_inputs_before_the_first_word_and_one_whole_reply():
    """They are over; later output re-opens them."""
    core = begun("a", "b")
    core.receive(said("x"), complete())
    assert core.newest.over
    core.receive(said("y"))
    assert not core.newest.over
    core.receive(complete(), update("h1"))
    assert core.past == [user("a"), user("b"), model_turn(["xy"])]


@pytest.mark.parametrize("first", [generated(), interrupted()])
def test_turn_complete_belongs_to_the_exchange_before(first):
    """The end that follows is not that of a turn that was sent since."""
    core = begun("a")
    core.receive(said("x"), first)
    core.say("b")
    assert core.receive(complete()).over
    assert not core.newest.over
    assert core.newest.inputs[0].call == turn("b")
    core.receive(said("y"), complete())
    assert core.newest.reply == ["y"]


@pytest.mark.parametrize("frames", [[generated()], []])
def test_turn_that_comes_too_late_to_interrupt(frames):
    """A turn that is sent at the end of a reply is answered next."""
    core = begun("a")
    core.receive(said("x"), *frames)
    core.say("b").receive(complete(), said("y"), complete(), update("h1"))
    assert core.conversation.quiet
    assert core.past == [user("a"), model_turn("x"), user("b"), model_turn("y")]


def test_turn_that_waits_while_the_one_before_is_answered():
    """A turn that was not written yet is not answered by the reply to the one before."""
    core = begun("a")
    core.direct = False
    core.say("b").receive(said("x"), complete())
    assert core.write() == [turn("b")]


def test_late_words_after_the_handle():
    """Words of a reply that come after the handle that has it begin no exchange."""
    core = begun("a")
    core.receive(sound("x"), complete(), update("h1"), transcribed("late"))
    core.say("b").receive(sound("y"), complete(), update("h2"))
    assert core.conversation.quiet
    assert core.past[-2:] == [user("b"), model_turn(["y"])]


# Empty ends


def test_empty_end_of_a_model_that_has_nothing_to_say():
    """An empty end on a connection that was not resumed is the answer."""
    core = Core().say("q")
    assert core.receive(complete()).over
    assert core.newest.over


def test_empty_end_later_on_a_resumed_connection():
    """An empty end that is not the first on a resumed connection is the answer."""
    core = begun("q")
    core.receive(said("a"), complete(), update("h1"))
    core.resume()
    core.say("b").receive(said("x"), complete())
    core.say("c")
    assert core.receive(complete()).over
    assert core.newest.over


@pytest.mark.parametrize("stopped", [True, False])
def test_end_of_what_was_begun_before_a_resume(stopped):
    """It is hidden, since nobody waits for it, unless the caller was told of an interruption."""
    core = begun("q")
    core.receive(said("a"), *WHOLE, update("h1"))
    core.resume()
    assert core.receive(*[interrupted()] * stopped, complete()).hidden is not stopped


# Calls and results


@pytest.mark.parametrize("end", [generated(), complete()])
@pytest.mark.parametrize("given", [True, False])
def test_end_at_a_call(end, given):
    """A call that is open, or answered and not followed by output, ends nothing."""
    core = begun("q")
    core.receive(said("a"), calling("1"))
    if given:
        core.answer(result("1"))
    core.receive(end)
    assert not core.newest.over


@pytest.mark.parametrize("end", [generated(), complete()])
def test_end_after_output_that_follows_the_result(end):
    """Output since the last result ends at the end."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(said("a"), end)
    assert core.newest.over


def test_output_while_a_call_is_open():
    """Speech that goes on after a NON_BLOCKING call ends nothing while the call is open."""
    core = begun("q")
    core.receive(calling("1"), said("a"), generated(), complete())
    assert not core.newest.over


def test_turn_while_a_tool_runs():
    """A reply to what was asked after the turn ended over a running tool is not the tool's."""
    core = begun("a")
    core.receive(calling("1"), said("wait"), generated(), complete())
    core.say("b").receive(said("y"), generated(), complete())
    assert core.newest.inputs[-1].call == turn("b")
    assert core.newest.reply == ["y"]


def test_turn_while_one_of_two_tools_runs():
    """It does not join the question, though one result was given: it alone is asked again."""
    core = begun("a")
    core.receive(calling("1"), calling("2", name="g"))
    core.answer(result("1"))
    core.say("b")
    assert core.resume() == [told(user("a")), turn("b")]


@pytest.mark.parametrize("ended", [True, False])
def test_turn_while_the_model_speaks_after_a_result(ended):
    """It does not join the question, whether or not the turn of the call has ended."""
    core = begun("a")
    core.receive(calling(None), *WHOLE * ended)
    core.answer(result(None))
    core.receive(said("x"))
    core.say("b")
    assert core.resume()[-1] == turn("b")
    assert len(core.conversation.exchanges) == 2


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


# Interruptions


def test_interrupted_with_output_since_the_last_result():
    """The exchange is over, cut."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1"))
    core.receive(said("a"), interrupted())
    assert core.newest.over


def test_interrupted_with_a_result_and_nothing_since():
    """The result interrupted the model, and the exchange goes on."""
    core = begun("q")
    core.receive(calling("1"), said("a"))
    core.answer(result("1"))
    core.receive(interrupted(), complete())
    assert not core.newest.over
    core.receive(said("b"), complete())
    assert core.newest.over


def test_interrupted_with_nothing_under_way():
    """Somebody speaks: the words and the output that follow are a spoken exchange of its own."""
    core = begun("q")
    core.receive(said("a"), generated(), interrupted(), complete())
    core.receive(heard("stop"), sound("ok"), generated(), complete(), update("h1"))
    assert core.past == [user("q"), model_turn(["a"]), user("stop"), model_turn(["ok"])]


def test_interrupted_one_by_one():
    """Turns that interrupt one another are answered in order, with what was said to each."""
    core = begun("a")
    core.receive(said("x"))
    core.say("b", "c").receive(interrupted(), complete(), said("y"), interrupted(), complete())
    core.receive(said("z"), complete(), update("h1"))
    assert core.conversation.quiet
    told_in_order = [user("a"), model_turn("x"), user("b"), model_turn("y"), user("c")]
    assert core.past == [*told_in_order, model_turn("z")]


@pytest.mark.parametrize("spoken", [True, False])
def test_interruption_of_a_call_that_is_cancelled(spoken):
    """A call that the server cancels and interrupts is over: what follows is another reply."""
    core = begun("a")
    core.receive(calling("1"))
    core.say(*["b"] * (not spoken))
    core.receive(cancelling("1"), interrupted(), complete(), *[heard("b")] * spoken)
    core.receive(said("y"), complete(), update("h1"))
    assert core.conversation.quiet
    assert core.past == [user("a"), user("b"), model_turn(["y"])]


def test_one_of_several_results_interrupts():
    """A result interrupts the model though other tools still run: the exchange goes on."""
    core = begun("q")
    core.receive(calling("1"), calling("2", name="g"), said("wait"), generated())
    core.answer(result("1", scheduling="INTERRUPT"))
    core.receive(interrupted(), complete())
    assert overs(core) == [False]


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


def test_audio_after_a_result_may_have_interrupted():
    """Whoever speaks after a result may have interrupted what came after it."""
    core = begun("q", transparent=False)
    core.receive(calling("1", "2"))
    core.answer(result("1", scheduling="INTERRUPT"))
    core.speak(audio(1)).receive(said("one moment"), interrupted(), complete())
    assert overs(core)[0]


def test_turn_after_speech_that_the_model_was_asked_to_continue():
    """Both are answered together: the reply is to the turn as well, and given anew if it is cut."""
    core = begun(transparent=False)
    core.speak(START, audio(1), END).receive(update("h1"))
    assert core.resume() == [ASK_ON]
    core.say("q").receive(said("x"))
    assert overs(core) == [False]
    assert core.lose().reply


def test_context_that_a_cut_reply_does_not_prove():
    """It may still have been on its way when the reply was interrupted: it is told again."""
    core = begun("a", transparent=False)
    core.receive(calling("1"))
    core.answer(result("1"))
    core.say(turn("c", asks=False)).receive(said("x"))
    core.say("d").receive(interrupted(), complete(), update("h1"))
    context, again = core.resume()
    assert context.turns[0] == user("c")
    assert again == turn("d")
    assert core.outbox.replay.maybe_twice == 2


def test_turn_that_crosses_the_answer_to_a_result_after_a_resume():
    """It interrupts the reply that a resumed session went on with, and is still to be answered."""
    core = begun("a", transparent=False)
    core.receive(said("x"), calling("1"), update("h1"))
    core.answer(result("1"))
    assert core.resume() == [closed("1")]
    core.receive(calling("2"), update("h2"))
    core.write()
    core.say("b").receive(said("y"), interrupted(), complete())
    assert overs(core) == [True, False]
    assert core.newest.inputs[0].call == turn("b")
