"""Results that the model takes up late: while it speaks, after other turns, or never."""

import pytest
from messages import (
    WHOLE,
    begun,
    calling,
    complete,
    generated,
    interrupted,
    overs,
    result,
    said,
    transcribed,
    turn,
    update,
    user,
)

from reconnect._conversation.transcript import model_turn


@pytest.mark.parametrize("scheduling", ["WHEN_IDLE", "INTERRUPT", None])
def test_result_that_is_given_while_the_model_talks(scheduling):
    """The end of what it was saying ends nothing: the answer to the result follows it."""
    core = begun("q")
    core.receive(calling("1"), said("wait "))
    core.answer(result("1", scheduling=scheduling))
    core.receive(said("please "), *([interrupted()] * (scheduling == "INTERRUPT")), *WHOLE)
    assert overs(core) == [False]
    core.receive(said("it rains"), *WHOLE, update("h1"))
    assert core.past == [user("q"), model_turn(["wait please it rains"])]


def test_vertex_takes_no_result_up_before_the_turn_of_the_call_has_ended():
    """What the model says until then it had begun before it was given the result."""
    core = begun("q")
    core.receive(calling(None))
    core.answer(result(None))
    core.receive(said("one moment "), *WHOLE)
    assert overs(core) == [False]
    core.receive(said("it rains"), *WHOLE)
    assert overs(core) == [True]


def test_late_result():
    """What answers a result of an exchange that is over is of that, and opens no other."""
    core = begun("a")
    core.receive(calling(None), *WHOLE)
    core.say("b").receive(said("y"), *WHOLE)
    assert overs(core) == [True, True]
    core.answer(result(None))
    core.receive(said("late "))
    core.say("c").receive(said("words"), *WHOLE)
    assert overs(core) == [True, True, False]
    core.receive(said("z"), *WHOLE, update("h1"))
    assert core.past[-2:] == [user("c"), model_turn(["z"])]
    assert core.conversation.quiet


@pytest.mark.parametrize("open_turn", [True, False])
def test_late_result_that_was_given_first(open_turn):
    """Results are taken up in the order in which they were given: first that of what is over."""
    core = begun("a")
    core.receive(calling("1" if open_turn else None), *WHOLE)
    core.say("b").receive(
        calling("2" if open_turn else None, name="g"), *([] if open_turn else WHOLE)
    )
    scheduling = "WHEN_IDLE" if open_turn else None
    core.answer(result("1" if open_turn else None, scheduling=scheduling))
    core.answer(result("2" if open_turn else None, name="g", scheduling=scheduling))
    core.receive(said("of a"), *WHOLE)
    assert overs(core) == [True, False]
    core.receive(said("of b"), *WHOLE)
    assert overs(core) == [True, True]
    core.receive(update("h1"))
    assert core.past == [user("a"), model_turn(["of a"]), user("b"), model_turn(["of b"])]


@pytest.mark.parametrize("ended", [True, False])
def test_late_result_while_the_newest_waits_for_a_tool(ended):
    """What answers it is none of the newest reply, which is still to come."""
    core = begun("a")
    core.receive(calling("1"), *WHOLE)
    core.say("b").receive(calling("2", name="g"), *WHOLE * ended)
    core.answer(result("1"))
    core.receive(said("of a"), generated(), *[complete()] * ended)
    core.answer(result("2", name="g"))
    core.receive(said("of b"), *WHOLE, update("h1"))
    assert core.past == [user("a"), model_turn(["of a"]), user("b"), model_turn(["of b"])]


@pytest.mark.parametrize("scheduling", ["WHEN_IDLE", None])
def test_late_result_that_waits_until_the_model_has_nothing_else_to_do(scheduling):
    """It is taken up after the result that the model waits for."""
    core = begun("a")
    core.receive(calling("1"), *WHOLE)
    core.say("b").receive(calling("2", name="g"))
    core.answer(result("1", scheduling=scheduling))
    core.answer(result("2", name="g"))
    core.receive(said("of b"), *WHOLE, said("of a"), *WHOLE, update("h1"))
    assert core.past == [user("a"), model_turn(["of a"]), user("b"), model_turn(["of b"])]


def test_late_result_beside_one_that_the_model_does_not_wait_for():
    """It talks on after the call: so both results wait, and are taken up in their order."""
    core = begun("a")
    core.receive(calling("1"), *WHOLE)
    core.say("b").receive(calling("2", name="g"), said("wait "), generated())
    core.answer(result("1", scheduling="WHEN_IDLE"))
    core.answer(result("2", name="g"))
    core.receive(said("of a"), *WHOLE, said("of b"), *WHOLE, update("h1"))
    assert core.past == [user("a"), model_turn(["of a"]), user("b"), model_turn(["wait of b"])]


def test_call_after_a_late_result():
    """It is made for what the model is at, whichever result was given first."""
    core = begun("a")
    core.receive(calling("1"), *WHOLE)
    core.say("b").receive(calling("2", name="g"))
    core.answer(result("1"))
    core.answer(result("2", name="g"))
    core.receive(calling("3", name="h"))
    assert [call.key for call in core.newest.calls] == ["2", "3"]


@pytest.mark.parametrize("given", ["before", "meanwhile"])
def test_words_beside_a_call_and_an_older_result(given):
    """What the model says while a tool runs is of its call, and answers no older result.

    Unless that was given meanwhile, and need not wait until the model has nothing else to do.
    """
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted())
    older = result("1", scheduling="WHEN_IDLE")
    if given == "before":
        core.answer(older)
    core.receive(complete(), calling("2", name="g"))
    if given == "meanwhile":
        core.answer(older)
    core.receive(said("wait "))
    assert core.newest.reply == ["wait "]
    core.receive(generated())
    core.answer(result("2", name="g"))
    assert overs(core) == [True, False]


def test_turn_after_a_late_result():
    """It is answered with the result, or in its place: the answer is no older turn's."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted(), complete(), calling("2", name="g"), *WHOLE)
    core.answer(result("1"))
    core.say("c").receive(said("of c"), *WHOLE)
    assert core.newest.reply == ["of c"]
    assert overs(core) == [True, True, True]


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


def test_silent_result_before_the_turn_of_a_late_one_has_ended():
    """The turn that is to end is that of the late answer, so the reply is over with its result."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted(), complete(), calling("2", name="g"), said("x"))
    core.receive(generated())
    core.answer(result("1"))
    core.receive(said("of a"), generated())
    core.answer(result("2", name="g", scheduling="SILENT"))
    assert overs(core) == [True, True]


def test_late_result_after_a_turn_that_has_interrupted():
    """The turn is answered first: it was there before the result."""
    core = begun("a")
    core.receive(calling(None), *WHOLE)
    core.say("b").receive(calling(None, name="g"), *WHOLE)
    core.say("c")
    core.answer(result(None))
    core.receive(said("of c"), *WHOLE)
    assert core.newest.reply == ["of c"]


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


def test_turn_that_interrupts_the_answer_to_a_result_that_waited():
    """A result that waits until the model has nothing else to do may be answered in its place."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted(), complete())
    core.answer(result("1", scheduling="WHEN_IDLE"))
    core.receive(said("of b"), *WHOLE)
    core.say("c").receive(said("of a"), generated(), interrupted(), complete())
    assert overs(core) == [True, True, False]
    assert core.resume()[-1] == turn("c")


def test_result_that_interrupts_the_answer_to_a_late_one():
    """What was taken for its own answer is that of the late one: its own is still to come."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted(), complete(), calling("2", name="g"))
    core.answer(result("1", scheduling="WHEN_IDLE"))
    core.answer(result("2", name="g", scheduling="INTERRUPT"))
    core.receive(said("of a"), generated(), interrupted(), complete())
    assert overs(core) == [True, False]
    assert core.resume()[-1] == turn("b")


def test_result_that_waited_and_was_never_answered():
    """It waits for one question more, and is not in the way of what comes later."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted(), complete())
    core.answer(result("1", scheduling="WHEN_IDLE"))
    core.receive(said("of b"), *WHOLE)
    core.say("c").receive(said("of c"), *WHOLE)
    core.say("d").receive(calling("2", name="g"))
    core.answer(result("2", name="g", scheduling="WHEN_IDLE"))
    core.receive(said("of d"), *WHOLE)
    assert core.newest.reply == ["of d"]


def test_result_that_crosses_what_vertex_says_beside_a_tool():
    """Where calls have no ids a result is taken up by a turn of its own, and not in mid-turn."""
    core = begun("a")
    core.receive(calling(None, name="f"))
    core.say("b").receive(interrupted(), complete())
    core.receive(calling(None, name="g"), transcribed("wait "))
    core.answer(result(None, name="f"))
    core.receive(said("please"), *WHOLE)
    assert overs(core) == [True, False]
    core.receive(transcribed("of a"))
    core.answer(result(None, name="g"))
    core.receive(said("too"), *WHOLE)
    assert overs(core) == [True, False]
    assert core.newest.reply == ["wait ", "please"]
    core.receive(said("of b"), *WHOLE)
    assert overs(core) == [True, True]


# Results to which the model says nothing


@pytest.mark.parametrize(("pieces", "end"), [([], [complete()]), ([said("a")], WHOLE)])
def test_silent_result(pieces, end):
    """A model that need not go on after a result is done with the end of its turn."""
    core = begun("q")
    core.receive(calling("1"), *pieces)
    core.answer(result("1", scheduling="SILENT"))
    core.receive(*end)
    assert overs(core) == [True]


def test_silent_result_after_words_that_may_be_of_its_reply():
    """Words after a late result may be what the model says beside its tool: more are awaited."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b").receive(interrupted(), complete(), calling("2", name="g"))
    core.answer(result("1"))
    core.receive(said("of b, or of a"))
    core.answer(result("2", name="g", scheduling="SILENT"))
    assert overs(core) == [True, False]
    assert core.resume()[-1] == turn("b")


def test_silent_result_after_the_turn():
    """Where its turn has ended by then, no other end comes."""
    core = begun("q")
    core.receive(calling(None), said("done"), *WHOLE)
    assert overs(core) == [False]
    core.answer(result(None, scheduling="SILENT"))
    assert overs(core) == [True]
