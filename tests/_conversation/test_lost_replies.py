"""Replies over a loss: asked again, continued or replayed, and what the caller is shown of it."""

import pytest
from messages import (
    ASK_ON,
    Core,
    asks,
    begun,
    calling,
    complete,
    context_update,
    generated,
    interrupted,
    realtime,
    result,
    said,
    sound,
    told,
    transcribed,
    turn,
    update,
    user,
)

from reconnect._conversation.transcript import model_turn

# Vertex: the turn ends at a tool call

ROUND = [calling(None), generated(), complete(), update("h1")]
REPLY = [transcribed(""), transcribed("it "), transcribed("rains"), sound(), sound()]
ENDS = [generated(), complete()]


def at_a_cut(frames, *, cut):
    """Return a core on Vertex that came so far in a tool round; the first frame is the call."""
    core = begun("q")
    for number, frame in enumerate(frames[:cut]):
        core.receive(frame)
        if number == 0:
            assert core.answer(result(None))
    return core


@pytest.mark.parametrize("cut", range(len(ROUND) + len(REPLY) + 1))
def test_vertex_lost_before_or_inside_the_answer_after_a_tool_call(cut):
    """The answer that follows a tool round as a turn of its own is asked again, or on."""
    core = at_a_cut([*ROUND, *REPLY], cut=cut)
    written = [*core.resume(), *core.wait()]
    covered = cut >= len(ROUND)
    assert asks(written) == [ASK_ON if covered else turn("q")]
    assert core.outbox.replay.continued == covered
    core.receive(*REPLY, *ENDS, update("h2"))
    assert core.conversation.quiet
    assert core.past == [user("q"), model_turn(["it rains"])]


def test_vertex_lost_after_the_answer_and_before_its_handle():
    """An answer that ended and is not behind a handle is replayed, and nothing waits."""
    frames = [*ROUND, *REPLY, *ENDS]
    core = at_a_cut(frames, cut=len(frames))
    assert core.resume() == [told(model_turn(["it rains"]))]
    assert core.direct
    assert not core.outbox.replaying


# A tool that does not block

CALL = [calling("1"), transcribed("wait"), sound()]


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("handle", [True, False])
def test_lost_after_a_result_that_interrupts(ended, handle):
    """A reply that a NON_BLOCKING result interrupted goes on: it is asked again, or on."""
    core = begun("q")
    core.receive(*CALL, *[generated()] * ended)
    assert core.answer(result("1", scheduling="INTERRUPT"))
    core.receive(interrupted(), complete(), *[update("h1")] * handle)
    written = [*core.resume(), *core.wait()]
    assert asks(written) == [ASK_ON if handle else turn("q")]


def test_result_that_interrupts_after_the_turn_has_ended():
    """A result that interrupts nothing, since the turn ended over its call, is not the end."""
    core = begun("q")
    core.receive(calling("1"), said("wait"), generated(), complete())
    core.answer(result("1", scheduling="INTERRUPT"))
    core.receive(interrupted(), complete())
    assert asks(core.resume()) == [turn("q")]


# The end of a turn


def test_lost_between_generation_complete_and_turn_complete():
    """A reply that is generated is whole: it is not taken back, and its turn is ended."""
    core = begun("q")
    core.receive(sound("noon"), generated())
    losses = core.lose()
    assert (losses.reply, losses.ended) == (False, True)
    assert core.connect() == [told(user("q"), model_turn(["noon"]))]


def test_lost_after_the_first_transcription():
    """Words of a reply were shown, though no audio was: they are taken back."""
    core = begun("q")
    core.receive(transcribed("no"))
    losses = core.lose()
    assert (losses.reply, losses.ended) == (True, False)
    assert core.connect() == [turn("q")]


def test_reply_of_transcription_alone_before_a_new_session():
    """The words of a reply without audio are its own, and not those of the next."""
    core = Core()
    core.say("q1").receive(transcribed("noon"), generated(), complete())
    core.say("q2").receive(sound("one"), generated(), complete())
    core.lose()
    assert core.past == [user("q1"), model_turn(["noon"]), user("q2"), model_turn(["one"])]


def test_lost_after_an_interruption_and_before_its_turns_end():
    """What was interrupted is over, and what interrupted it is asked."""
    core = begun("a")
    core.receive(said("x"))
    core.say("b").receive(interrupted())
    assert core.lose().reply is False
    assert core.connect() == [told(user("a"), model_turn(["x"])), turn("b")]


def test_burst_after_a_resume_and_an_interruption():
    """No reply is booked for another turn where two are answered at once and a third interrupts."""
    core = begun("a")
    core.receive(said("x"), update("h1"))
    assert core.resume() == [ASK_ON]
    core.say("b").receive(said("both"))
    core.say("c").receive(interrupted(), complete(), said("y"))
    assert asks(core.resume()) == [turn("c")]
    core.receive(said("z"), generated(), complete(), update("h2"))
    assert core.conversation.quiet
    assert core.past[-2:] == [user("c"), model_turn(["z"])]


def test_interruption_of_two_turns_that_are_answered_at_once():
    """A third turn that interrupts is answered next: none of the two before takes its reply."""
    core = begun("a", "b")
    core.receive(said("both"))
    core.say("c").receive(interrupted(), complete(), said("y"), generated(), complete())
    core.receive(update("h1"))
    assert core.conversation.quiet
    assert core.past == [
        user("a"),
        user("b"),
        model_turn(["both"]),
        user("c"),
        model_turn(["y"]),
    ]


# Replies that are owed


def test_reply_is_given_anew():
    """Of a reply that was cut nothing is kept."""
    core = begun("q")
    core.receive(said("a"))
    core.resume()
    core.receive(said("b"), complete(), update("h1"))
    assert core.past == [user("q"), model_turn(["b"])]


def test_asked_until_answered():
    """An exchange is asked as often as its connection is lost, or the attempt fails."""
    core = begun("q")
    core.receive(said("a"), update("h1"))
    for _ in range(3):
        core.lose()
        assert core.resume() == [ASK_ON]


def test_question_without_turns():
    """A question without turns of its own is asked as it came."""
    core = begun(ASK_ON)
    for _ in range(2):
        assert core.resume() == [ASK_ON]


def test_message_that_was_held():
    """What was said without a connection is written to the next, once."""
    core = begun()
    core.lose()
    core.say("a", realtime("b"))
    assert core.connect() == [turn("a"), realtime("b")]
    core.receive(said("x"), complete(), update("h1"))
    assert core.conversation.quiet


def test_only_the_newest_is_asked():
    """Of two exchanges without an end the older is replayed as far as it came."""
    core = begun("a")
    core.receive(said("x"))
    core.say("b")
    assert core.lose().reply is False
    assert core.connect() == [told(user("a"), model_turn(["x"])), turn("b")]
    core.receive(said("y"), complete(), update("h1"))
    assert core.conversation.quiet
    assert core.past == [user("a"), model_turn(["x"]), user("b"), model_turn(["y"])]


def test_said_while_the_reply_is_owed():
    """What is said during an outage joins the question that is owed, if nothing of it came."""
    core = begun("a")
    core.lose()
    core.say("b")
    assert core.connect() == [turn("a"), turn("b")]
    core.receive(said("both"), complete(), update("h1"))
    assert core.past == [user("a"), user("b"), model_turn(["both"])]


def test_handle_after_the_question_and_before_any_output():
    """The question is sent again."""
    core = begun("q")
    core.receive(update("h1"))
    assert core.resume() == [turn("q")]


def test_two_turns_before_the_first_word_and_a_handle():
    """A word of the reply proves the first of two turns; the second is sent again."""
    core = begun("a", "b")
    core.receive(said("x"), update("h1"))
    assert core.resume() == [turn("b")]
    assert core.outbox.replay.maybe_twice == 1


def test_two_turns_before_the_first_word_and_an_interruption():
    """The second of two turns interrupted the first, and is asked alone."""
    core = begun("a", "b")
    core.receive(said("x"), update("h1"), interrupted())
    assert asks(core.resume()) == [turn("b")]
    core.receive(said("y"), generated(), complete(), update("h2"))
    assert core.conversation.quiet
    assert core.past == [user("a"), model_turn(["x"]), user("b"), model_turn(["y"])]


def test_owed_known_and_over_before_an_owed_question_that_is_known():
    """Nothing is replayed of a reply where the question after it is known too."""
    core = begun("a")
    core.receive(said("x"))
    core.say("b").receive(interrupted(), complete(), said("y"), update("h1"))
    assert core.resume() == [ASK_ON]


def test_owed_known_on_a_model_without_client_content():
    """The model is asked to continue by a realtime text, where it takes no client content."""
    core = begun("q", content=False, continue_with="go on")
    core.receive(said("a"), update("h1"))
    assert core.resume() == [realtime("go on")]


def test_context_after_an_owed_question_that_is_known():
    """What was said after a question that the session knows is written to it all the same."""
    sent = [turn("c", asks=False), context_update("u")]
    core = begun("q")
    core.receive(said("a"), update("h1"))
    core.say(*sent)
    assert core.resume() == [ASK_ON, *sent]


# Replies that are over


def test_replayed_until_covered():
    """What is replayed is replayed again until a handle is known to cover it."""
    core = begun("q")
    core.receive(said("a"), complete())
    for number in range(2):
        assert core.resume() == [told(user("q"), model_turn(["a"]))]
        # It may cover it, and does where something that was said later is evident.
        core.receive(update(f"h{number}"))
    core.say("b").receive(said("x"), update("h3"))
    assert core.past == [user("q"), model_turn(["a"])]
    assert core.resume() == [ASK_ON]


def test_turn_without_a_reply():
    """A question that the model had nothing to say to is replayed alone."""
    core = begun("q")
    core.receive(complete())
    assert core.resume() == [told(user("q"))]


def test_reply_without_words():
    """A reply of which no word is known is not replayed: an empty message would be refused."""
    core = begun("q")
    core.receive(sound(), update("h1"), sound(), complete())
    assert core.resume() == []
    assert core.past == [user("q")]


def test_context_and_updates():
    """Context that asks for no reply is written once, and again if it may be lost."""
    sent = [turn("c", asks=False), context_update("u")]
    core = begun(*sent)
    for _ in range(2):
        assert core.resume() == sent
    core.say("q").receive(said("a"), update("h1"))
    assert core.resume() == [ASK_ON]


# What the caller is shown


@pytest.mark.parametrize("part", [said("a"), sound(), transcribed("a")])
def test_part_of_an_owed_reply_was_shown(part):
    """The caller is shown an interruption, and not an end."""
    core = begun("q")
    core.receive(part)
    losses = core.lose()
    assert (losses.reply, losses.ended) == (True, False)


def test_call_of_an_owed_reply_was_shown():
    """A tool call is no part of a reply that is taken back."""
    core = begun("q")
    core.receive(calling("1"))
    losses = core.lose()
    assert (losses.reply, losses.ended) == (False, False)


def test_nothing_of_an_owed_reply_was_shown():
    """The caller is shown nothing where nothing is taken back."""
    core = begun("q")
    losses = core.lose()
    assert (losses.reply, losses.ended) == (False, False)


def test_second_loss_takes_nothing_back():
    """What was taken back once is not taken back again."""
    core = begun("q")
    core.receive(said("a"))
    assert core.lose().reply
    core.connect()
    assert not core.lose().reply


def test_interruption_whose_turn_never_ends():
    """Nothing is owed, and the caller sits in the middle of a turn: it is ended."""
    core = begun("q")
    core.receive(said("a"), interrupted())
    losses = core.lose()
    assert (losses.reply, losses.ended) == (False, True)


def test_lost_before_what_was_said_has_interrupted():
    """A reply that was shown is taken back where more was said, and its interruption is lost."""
    core = begun("a", transparent=False)
    core.receive(said("x"), update("h1"))
    core.say("b")
    losses = core.lose()
    assert (losses.reply, losses.overtaken, losses.ended) == (False, True, True)


def test_lost_after_what_was_said_has_interrupted():
    """A reply that the server has interrupted is taken back already."""
    core = begun("a", transparent=False)
    core.receive(said("x"), update("h1"))
    core.say("b").receive(interrupted())
    losses = core.lose()
    assert (losses.reply, losses.overtaken, losses.ended) == (False, False, True)
