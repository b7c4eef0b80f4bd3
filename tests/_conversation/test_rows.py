"""What lost answers without a word once: each a small input, and what is right."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    END,
    START,
    WHOLE,
    Core,
    answered,
    asks,
    audio,
    begun,
    calling,
    calls,
    closed,
    complete,
    content,
    generated,
    heard,
    interrupted,
    realtime,
    result,
    said,
    sound,
    streamed,
    told,
    transcribed,
    turn,
    update,
    user,
)

from reconnect._conversation.exchanges import Known
from reconnect._conversation.outbox import Replay
from reconnect._conversation.past import HISTORY_LIMIT
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
    assert core.outbox.due
    assert core.write() == [ASK_ON]
    # The second one is the answer: the model has nothing to say.
    assert core.receive(complete()).over
    assert not core.outbox.due
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


# Lost calls


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


def test_handle_after_the_result_and_before_output():
    """A call whose result is known is closed with it."""
    core = begun("q")
    core.receive(calling("1"))
    core.answer(result("1", 7))
    core.receive(update("h1"))
    assert core.resume() == [closed("1", response={"result": 7})]
    assert core.wait() == [ASK_ON]


# Gemini 3.1


def test_cut_reply_to_speech_on_a_model_without_client_content():
    """Speech is asked again as realtime text on a model that refuses client content."""
    core = begun(content=False, continue_with="go on")
    core.speak(START, audio(1), END).receive(heard("what time?"), sound("no"))
    assert core.resume() == [realtime("what time?")]


# One definition of a turn's end


def test_idle_without_turn_complete():
    """The turn is over where the SDK's ``receive()`` ends."""
    core = begun("q")
    core.receive(said("a"))
    assert core.receive(content(interaction_status="IDLE")).over
    assert core.newest.over
    assert core.resume() == [told(user("q"), model_turn(["a"]))]


# Models whose turns never end


def translating(rounds, **options):
    """Return a core with a model that translates what it hears."""
    core = Core(**options)
    for number in range(rounds):
        core.speak(audio(1))
        core.receive(heard(f"uno{number} "), sound(f"one{number} "), update(f"h{number}"))
    return core


def test_translation_that_is_resumed():
    """Nothing is asked of a session that translates, after a resume."""
    assert asks(translating(3, turns=False).resume()) == []


def test_translation_whose_handle_is_refused():
    """Nothing is asked of a new session that translates: what was heard is no question."""
    assert asks(translating(3, turns=False).restart()) == []


def test_translation_that_goes_on():
    """What is kept of a reply that never ends is bounded."""
    core = begun("q")
    piece = said("x" * 1000)
    for _ in range(3000):
        core.receive(piece)
    assert sum(map(len, core.newest.reply)) <= 2 * HISTORY_LIMIT


# Servers that issue no handles, or one


def test_spoken_turns_without_handles():
    """Spoken turns that no handle covers are bounded, and told where they are let go of."""
    core = Core()
    for number in range(4000):
        core.receive(heard(f"q{number}"), sound(f"a{number}"), generated(), complete())
    assert len(core.conversation.exchanges) <= 1000
    assert core.conversation.past.forgotten >= 3000
    assert core.past[:2] == [user("q0"), model_turn(["a0"])]


def test_typed_turns_after_the_only_handle():
    """Turns that are answered give room to the next, and are counted as they go."""
    core = begun()
    for number in range(1001):
        # `say` finds that there is room.
        core.say(f"q{number}").receive(said(f"a{number}"), generated(), complete())
    assert len(core.conversation.exchanges) == 1000
    assert core.conversation.past.forgotten == 1
    assert core.past == [user("q0"), model_turn(["a0"])]


# The rest


def test_result_for_a_call_that_nobody_has_heard_of():
    """A tool response that names no call is sent, as the SDK sends it."""
    core = begun()
    stray = result("nobody")
    assert core.answer(stray) == [stray]


@pytest.mark.parametrize("marks", [True, False])
def test_handle_before_any_audio(marks):
    """Speech that came after a handle is certainly not covered by it."""
    core = begun()
    core.speak(*[START] * marks, audio(1), *[END] * marks).receive(heard("what time?"))
    core.lose()
    assert core.newest.known is Known.NO
    assert core.connect() == [turn("what time?")]
    assert core.outbox.replay.maybe_twice == 0


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


# What is owed, by what the newest handle has and whether the reply is over


def test_owed_not_known_and_over():
    """Question and reply are replayed, and nothing is asked."""
    core = begun("q")
    core.receive(said("a"), complete())
    assert core.resume() == [told(user("q"), model_turn(["a"]))]
    assert core.outbox.replay.maybe_twice == 0


def test_owed_not_known():
    """The question is sent again."""
    core = begun("q")
    core.receive(said("a"))
    assert core.resume() == [turn("q")]
    assert core.outbox.replay.maybe_twice == 0


def test_owed_maybe_known_and_over():
    """Question and reply are replayed, and counted as perhaps twice."""
    core = begun("q")
    core.receive(update("h1"), said("a"), complete())
    assert core.resume() == [told(user("q"), model_turn(["a"]))]
    assert core.outbox.replay.maybe_twice == 1


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
    assert core.calls.made_in(core.newest)[-1].shown is False


def test_owed_maybe_known_without_lost_calls():
    """The question is sent again at once, and counted as perhaps twice."""
    core = begun("q")
    core.receive(update("h1"), said("a"))
    assert core.resume() == [turn("q")]
    assert core.outbox.replay.maybe_twice == 1


def test_owed_maybe_known_and_the_lost_calls_were_known():
    """An empty end says that the session knew the lost calls, so the model is asked to go on."""
    core = begun("q")
    core.receive(update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]
    assert core.outbox.replay.maybe_twice == 0


def test_owed_maybe_known_and_nobody_knew_the_lost_calls():
    """A second of silence leaves the doubt: the question is sent again, and may be there twice."""
    core = begun("q")
    core.receive(update("h1"), calling("1"))
    assert core.resume() == [closed("1")]
    assert core.wait() == [turn("q")]
    assert core.outbox.replay.maybe_twice == 1


def test_owed_known_and_over():
    """The reply alone is replayed."""
    core = begun("q")
    core.receive(said("a"), update("h1"), said("b"), complete())
    assert core.resume() == [told(model_turn(["ab"]))]


def test_owed_known_and_over_before_an_owed_question_that_is_known():
    """Nothing is replayed of a reply where the question after it is known too."""
    core = begun("a")
    core.receive(said("x"))
    core.say("b").receive(interrupted(), complete(), said("y"), update("h1"))
    assert core.resume() == [ASK_ON]


def test_owed_known():
    """The model is asked to continue."""
    core = begun("q")
    core.receive(said("a"), update("h1"))
    assert core.resume() == [ASK_ON]


def test_owed_known_on_a_model_without_client_content():
    """The model is asked to continue by a realtime text, where it takes no client content."""
    core = begun("q", content=False, continue_with="go on")
    core.receive(said("a"), update("h1"))
    assert core.resume() == [realtime("go on")]


# What becomes known


def test_known_by_a_number():
    """A handle with a number knows all up to that message, and no more."""
    core = begun("a", "b", transparent=True)
    core.receive(update("h1", consumed=1))
    assert [item.known for item in core.newest.inputs] == [Known.YES, Known.NO]


def test_known_by_evidence():
    """A handle without a number knows what has evidence, and may know what was written."""
    core = begun("a", "b")
    core.receive(said("x"), update("h1"))
    assert [item.known for item in core.newest.inputs] == [Known.YES, Known.MAYBE]


@pytest.mark.parametrize("evidence", [said("x"), sound(), transcribed("x"), calling("1")])
def test_known_by_each_evidence(evidence):
    """Output, a call and a transcription of the reply are evidence, each alone."""
    core = begun("a")
    core.receive(evidence, update("h1"))
    assert core.newest.known is Known.YES


def test_known_by_the_end_of_the_reply():
    """The reply's end proves all that it replies to."""
    core = begun("a", "b")
    core.receive(said("x"), complete(), update("h1"))
    assert core.conversation.quiet


def test_known_by_a_later_input():
    """What a handle knows, it knows with all before it."""
    core = begun("a")
    core.receive(update("h1"))
    assert core.newest.known is Known.MAYBE
    core.resume()
    core.receive(said("x"))
    core.say("b").receive(interrupted(), complete(), said("y"), update("h2"))
    known = [item.known for it in core.conversation.exchanges for item in it.inputs]
    assert set(known) == {Known.YES}


def test_known_by_a_new_session():
    """A new session knows nothing."""
    core = begun("a", "b")
    core.receive(said("x"), update("h1"))
    core.lose()
    core.outbox.restarted()
    assert [item.known for item in core.newest.inputs] == [Known.NO, Known.NO]


@pytest.mark.parametrize(
    ("messages", "handle"),
    [
        ([update("h")], None),
        ([update("h"), said("a")], None),
        ([said("a"), update("h")], "h"),
        ([update("h", consumed=0)], None),
        ([update("h", consumed=1)], "h"),
    ],
)
def test_known_history(messages, handle):
    """A handle that may stand for a session that was not told the history is dropped."""
    core = Core()
    core.lose()
    assert core.connect(user("before")) == [told(user("before"))]
    core.say("q").receive(*messages)
    core.lose()
    assert core.conversation.handle == handle


# What ends


@pytest.mark.parametrize("end", [generated(), complete()])
def test_end_with_output(end):
    """The exchange is over, whole."""
    core = begun("q")
    core.receive(said("a"), end)
    assert core.newest.over


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


def test_empty_end_of_a_model_that_has_nothing_to_say():
    """An empty end on a connection that was not resumed is the answer."""
    core = Core().say("q")
    assert core.receive(complete()).over
    assert core.newest.over


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


def test_empty_end_later_on_a_resumed_connection():
    """An empty end that is not the first on a resumed connection is the answer."""
    core = begun("q")
    core.receive(said("a"), complete(), update("h1"))
    core.resume()
    core.say("b").receive(said("x"), complete())
    core.say("c")
    assert core.receive(complete()).over
    assert core.newest.over


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


def test_output_without_an_open_exchange():
    """Output re-opens the newest exchange where nobody has spoken since."""
    core = begun("q")
    core.receive(said("a"), complete(), said("b"))
    assert not core.newest.over
    core.receive(complete(), update("h1"))
    assert core.past == [user("q"), model_turn(["ab"])]


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


# Tool calls: when the caller hears of a cancellation


def test_cancellation_is_not_told_at_the_loss():
    """A tool that still runs may serve the same call: its caller is not told to leave it."""
    core = begun("q")
    core.receive(calling("1"))
    assert core.lose().calls == ()


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


# Speech


def test_words_of_audio_that_is_replayed():
    """Audio that is replayed is transcribed anew: its words take the place of the old ones."""
    core = begun(transparent=True)
    core.speak(START, audio(1), END).receive(heard("what thyme?"))
    assert core.resume() == streamed(START, audio(1), END)
    core.receive(heard("what time?"), sound("noon"), complete(), update("h1"))
    assert core.past == [user("what time?"), model_turn(["noon"])]


def test_speech_whose_reply_was_whole():
    """It is replayed in words, and its audio is not sent again."""
    core = begun(transparent=True)
    core.speak(START, audio(1), END).receive(heard("what time?"), sound("noon"), complete())
    assert core.resume() == [told(user("what time?"), model_turn(["noon"]))]


def test_speech_whose_audio_is_lost():
    """Speech of which neither audio nor words are there is a lost turn, and counted."""
    core = Core()
    core.speak(START, audio(1), END).receive(sound("no"))
    assert core.lose().turns == 1
    assert core.connect() == []


def test_speech_that_interrupted_and_was_not_transcribed():
    """Speech that is known by its interruption alone is a lost turn, and counted."""
    core = begun("q")
    core.receive(said("a"))
    core.speak(audio(1)).receive(interrupted(), complete())
    assert core.lose().turns == 1


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


# What nobody can know


def test_handle_after_the_question_and_before_any_output():
    """The question is sent again."""
    core = begun("q")
    core.receive(update("h1"))
    assert core.resume() == [turn("q")]


def test_two_inputs_before_the_first_word_and_one_whole_reply():
    """They are over; later output re-opens them."""
    core = begun("a", "b")
    core.receive(said("x"), complete())
    assert core.newest.over
    core.receive(said("y"))
    assert not core.newest.over
    core.receive(complete(), update("h1"))
    assert core.past == [user("a"), user("b"), model_turn(["xy"])]


def test_silent_result():
    """A result that is SILENT need not be followed by output: the reply ends without it."""
    core = begun("q")
    core.receive(calling("1"), said("a"))
    core.answer(result("1", scheduling="SILENT"))
    core.receive(generated(), complete())
    assert core.newest.over


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
