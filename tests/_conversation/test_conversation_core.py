"""The conversation: what is taken over, what is written, and what the server's messages change."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    END,
    START,
    UPDATE,
    WHOLE,
    Call,
    Core,
    asks,
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
    is_part,
    model,
    overs,
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

from reconnect._conversation.conversation import Conversation, Losses
from reconnect._conversation.exchanges import CONTENT, Known
from reconnect._conversation.limits import Limit
from reconnect._conversation.messages import Received
from reconnect._conversation.past import HISTORY_LIMIT
from reconnect._conversation.transcript import model_turn
from reconnect.errors import BufferOverflow

SIZE = turn("a").size
"""Bytes in a turn of one character: those of its role, too."""


# What is taken over


def test_places():
    """Messages and whatever else the caller sends have their places in one order."""
    conversation = Conversation()
    assert conversation.place() == 1
    first = conversation.record(turn("a"))
    assert conversation.place() == 3
    second = conversation.record(turn("b", asks=False))
    assert (first.place, second.place) == (2, 4)
    assert conversation.spoke(place=3).place == 3


def test_turns_before_the_first_word_are_one_exchange():
    """What is said before the model replies joins what it replies to, context too."""
    core = begun("a", turn("c", asks=False), "b")
    assert [len(it.inputs) for it in core.conversation.exchanges] == [3]
    core.receive(said("x"))
    core.say("d", turn("e", asks=False))
    assert [len(it.inputs) for it in core.conversation.exchanges] == [3, 2]
    assert core.conversation.owed == 2


def test_retract():
    """A message that is taken back is gone with its size, and may be taken back again."""
    conversation = Conversation(limit=Limit(messages=9, bytes=2 * SIZE, full="wait"))
    first, second = (conversation.record(turn(text)) for text in "ab")
    assert not conversation.has_room(turn("c"))
    for _ in range(2):
        conversation.retract(first)
        assert [it.inputs for it in conversation.exchanges] == [[second]]
    assert conversation.has_room(turn("c"))
    assert not conversation.has_room(turn("cc"))
    conversation.retract(second)
    assert conversation.quiet


def test_numbers_begin_anew():
    """Every message of a connection counts, and every connection counts for itself."""
    for base in (0, 1):
        conversation = Conversation(index_base=base)
        for _ in range(2):
            assert [conversation.number(), conversation.number()] == [base, base + 1]
            assert conversation.unnumber() == base + 1
            assert conversation.number() == base + 1
            conversation.lost()


def test_quiet():
    """Nothing is open where no reply, no call and no words are, and the handle has the rest."""
    core = begun()
    assert core.conversation.quiet
    core.say("q")
    assert not core.conversation.quiet
    core.receive(said("a"), complete())
    assert not core.conversation.quiet
    core.receive(update("h1"))
    assert core.conversation.quiet
    core.receive(heard("so"))
    assert not core.conversation.quiet


# How much there is room for


@pytest.mark.parametrize("full", ["wait", "raise"])
@pytest.mark.parametrize("room", [{"messages": 1, "bytes": 1000}, {"messages": 9, "bytes": SIZE}])
def test_room(full, room):
    """A message waits for room, or is refused with the figures that there would be."""
    core = Core()
    core.conversation._limit = Limit(**room, full=full)
    core.say("a").receive(said("x"))
    if full == "wait":
        assert not core.conversation.has_room(turn("b"))
    else:
        with pytest.raises(BufferOverflow, match="messages that no handle covers") as caught:
            core.conversation.has_room(turn("b"))
        assert (caught.value.messages, caught.value.bytes) == (2, 2 * SIZE)
    core.receive(complete(), update("h"))
    assert core.conversation.has_room(turn("b"))


def test_retract_what_context_was_sent_with():
    """Context that was sent with a question that is taken back stands alone."""
    conversation = Conversation()
    first = conversation.record(turn("a"))
    for text in "cd":
        conversation.record(turn(text, asks=False))
    conversation.retract(first)
    assert [[it.place for it in each.inputs] for each in conversation.exchanges] == [[2], [3]]
    assert all(it.over for it in conversation.exchanges)


def test_message_that_never_fits():
    """A message that is larger than all the room is refused: it would wait for ever."""
    conversation = Conversation(limit=Limit(messages=9, bytes=100, full="wait"))
    room = 100 - SIZE + 1
    assert conversation.has_room(turn("x" * room))
    with pytest.raises(BufferOverflow) as caught:
        conversation.has_room(turn("x" * (room + 1)))
    assert (caught.value.messages, caught.value.bytes) == (1, 101)


def test_room_is_not_made_across_an_open_exchange():
    """What was said after an open exchange does not become past before it."""
    core = begun("q", turn("c", asks=False))
    core.conversation._limit = Limit(messages=2, bytes=1000, full="wait")
    assert not core.conversation.has_room(turn("d"))
    assert [len(it.inputs) for it in core.conversation.exchanges] == [2]


def test_nothing_is_let_go_without_need():
    """A conversation with room lets go of nothing that no handle has."""
    core = begun("a")
    core.receive(said("x"), complete())
    assert core.conversation.has_room(turn("b"))
    assert len(core.conversation.exchanges) == 1
    assert core.conversation.past.forgotten == 0


# Handles


@pytest.mark.parametrize("handle", ["", None, "dead"])
def test_withheld_handle(handle):
    """An update that is not resumable leaves the last good handle in place, and covers nothing."""
    core = begun("q")
    core.receive(said("a"), complete())
    assert core.receive(update(handle, resumable=False)) is None
    assert core.conversation.handle == "h0"
    assert not core.conversation.quiet


def test_handle_that_does_not_say():
    """A handle that comes without a word on whether it can be resumed from is taken over."""
    core = begun()
    assert core.receive(update("h1", resumable=None)) == Received(covered=True)
    assert core.conversation.handle == "h1"


def test_handle_of_the_turn_before():
    """A handle that comes late covers what was answered, and may cover what was written since."""
    core = begun("a")
    core.receive(said("x"), complete())
    core.say("b").receive(update("h1"))
    assert core.resume() == [turn("b")]
    assert core.past == [user("a"), model_turn(["x"])]
    assert core.outbox.replay.maybe_twice == 1


def test_numbers_of_the_connection_before():
    """A handle covers by number what was written to its own connection, and nothing else."""
    core = begun("q")
    core.lose()
    core.outbox.connected([], asks=False, transparent=True)
    core.receive(update("h1", consumed=1))
    assert core.write() == [turn("q")]


def test_handle_that_covers_by_number():
    """A handle that covers a question by number covers its reply as far as it was seen."""
    core = begun("q", transparent=True)
    core.receive(said("a"), update("h1", consumed=1), complete(), update("h2", consumed=1))
    assert core.conversation.quiet
    assert core.past == [user("q"), model_turn(["a"])]


def test_handle_within_a_reply():
    """A handle that came before the end of a reply has not all of it."""
    core = begun("q")
    core.receive(said("a"), update("h1"), said("b"), complete())
    assert not core.conversation.quiet
    core.receive(update("h2"))
    assert core.conversation.quiet


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


def test_interrupted_one_by_one():
    """Turns that interrupt one another are answered in order, with what was said to each."""
    core = begun("a")
    core.receive(said("x"))
    core.say("b", "c").receive(interrupted(), complete(), said("y"), interrupted(), complete())
    core.receive(said("z"), complete(), update("h1"))
    assert core.conversation.quiet
    told_in_order = [user("a"), model_turn("x"), user("b"), model_turn("y"), user("c")]
    assert core.past == [*told_in_order, model_turn("z")]


@pytest.mark.parametrize("frames", [[generated()], []])
def test_turn_that_comes_too_late_to_interrupt(frames):
    """A turn that is sent at the end of a reply is answered next."""
    core = begun("a")
    core.receive(said("x"), *frames)
    core.say("b").receive(complete(), said("y"), complete(), update("h1"))
    assert core.conversation.quiet
    assert core.past == [user("a"), model_turn("x"), user("b"), model_turn("y")]


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


# A new session


def test_new_session():
    """A new session is told what is over, handle or not, and asked what is owed."""
    core = begun("a")
    core.receive(said("x"), complete(), update("h1"))
    core.say("b").receive(said("y"), complete())
    core.say("c").receive(said("z"), update("h2"))
    assert core.restart() == [turn("c")]
    assert core.conversation.handle is None
    assert core.past == [user("a"), model_turn("x"), user("b"), model_turn("y")]
    assert core.outbox.replay.maybe_twice == 0


def test_context_behind_an_owed_question_in_a_new_session():
    """What came after a question that is owed stays behind it."""
    core = begun("q", turn("c", asks=False))
    assert core.restart() == [turn("q"), turn("c", asks=False)]
    assert core.past == []


def test_updates_in_a_new_session():
    """The newest changes of the context are made again, in one message, before all else."""
    tools = Call(UPDATE, {"system_instruction": None, "tools": ["t"]})
    core = begun(context_update("one"), tools, context_update("two"), "q")
    core.receive(said("a"), update("h1"))
    core.say(context_update("three"))
    for _ in range(2):
        known = Call(UPDATE, {"system_instruction": "two", "tools": ["t"]})
        assert core.restart() == [known, turn("q"), context_update("three")]


def test_update_in_a_new_session_that_is_lost_at_once():
    """A handle that came before any output does not prove that the session has it."""
    core = begun(context_update("u"), "q")
    written = core.restart()
    assert [call.method for call in written] == [UPDATE, CONTENT]
    core.receive(update("h1"))
    assert core.resume() == written


def test_history_is_bounded():
    """Of a long conversation the newest turns are kept for a new session."""
    core = begun()
    for number in range(3):
        core.say(f"{number}" * (HISTORY_LIMIT // 2)).receive(complete(), update("h"))
    assert [found["parts"][0]["text"][0] for found in core.past] == ["1", "2"]


@pytest.mark.parametrize("handle", [None, 1, 2])
def test_reply_comes_after_all_that_it_answers(handle):
    """A reply to several turns is told after the last of them, whatever a handle had."""
    core = begun("a", "b", transparent=handle == 2)
    if handle == 2:
        core.receive(update("h1", consumed=2))
    core.receive(said("x"), *[update("h1")] * (handle == 1), complete())
    core.restart()
    assert core.past == [user("a"), user("b"), model_turn("x")]


# Tool calls


def test_call_in_a_reply_that_is_over():
    """A reply that is over is replayed, and its calls are not closed."""
    core = begun("q")
    core.receive(said("a"), update("h1"), calling("1"))
    core.answer(result("1"))
    core.receive(said("b"), complete())
    assert core.resume() == [told(model_turn(["ab"]))]


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


# Speech


def test_spoken_turn():
    """Speech is asked again in the words that were heard, where its audio is gone."""
    core = begun()
    core.receive(heard("what "), heard("time?"), sound("it"))
    assert core.lose().reply
    assert core.connect() == [turn("what time?")]
    core.receive(sound("noon"), complete(), update("h1"))
    assert core.past == [user("what time?"), model_turn(["noon"])]


def test_unheard_speech_with_a_whole_reply():
    """Of speech without words the reply is told, if there are words of it."""
    core = begun()
    core.receive(sound("noon"), complete())
    assert core.resume() == [told(model_turn(["noon"]))]
    core = Core()
    core.receive(sound(), complete())
    assert core.resume() == []
    assert core.conversation.quiet


def test_unheard_speech_that_the_session_knows():
    """The model is asked to continue what it knows; a new session cannot be asked it."""
    core = Core()
    core.receive(sound(), update("h1"))
    assert core.resume() == [ASK_ON]
    core.lose()
    assert core.outbox.restarted() == 1
    assert core.connect() == []


def test_turn_that_interrupts_the_reply_to_speech_that_a_handle_covers():
    """A handle that covers the audio makes no more of it: the turn is still what interrupted."""
    core = Core(transparent=True)
    core.say("a").receive(said("of a"))
    core.speak(audio(1)).receive(interrupted(), complete())
    core.say("b").receive(said("of the speech"), update("h1", consumed=2), interrupted())
    assert overs(core) == [True, False]
    assert [item.turns for item in core.newest.inputs] == [[user("b")]]


def test_beginning_of_speech_that_only_a_refused_handle_had():
    """It is counted as lost, where nobody has the words; what is left of it is said again."""
    core = Core(transparent=True)
    core.say("a").receive(said("of a"), generated(), complete(), update("h1", consumed=1))
    core.speak(audio(1), audio(2)).receive(interrupted(), update("h2", consumed=2))
    core.lose()
    assert core.conversation.restarted(kept=core.media.kept_from).audio == 1.0


@pytest.mark.parametrize(("consumed", "turns"), [(1, 0), (2, 0), (3, 1), (4, 1)])
def test_marked_speech_of_which_a_refused_handle_had_a_part(consumed, turns):
    """A turn is lost if a new session hears no more than its end, and nobody has the words."""
    core = Core(transparent=True)
    core.say("a").receive(said("of a"), generated(), complete())
    core.speak(START, audio(1), audio(2), END).receive(update("h1", consumed=consumed))
    core.lose()
    assert core.conversation.restarted(kept=core.media.kept_from).turns == turns


def test_words_go_to_the_next_exchange():
    """Words that are heard during a reply to speech that has its own belong to what follows."""
    core = begun()
    core.receive(heard("one"), sound("a"))
    core.resume()
    core.receive(sound("a"), heard("two"), complete(), sound("b"), complete(), update("h1"))
    assert core.past == [user("one"), model_turn("a"), user("two"), model_turn("b")]


def test_words_of_speech_without_output():
    """Speech that was ended and not answered yet is asked again in its words."""
    core = begun()
    core.speak(START, audio(1), END).receive(heard("what time?"))
    assert core.lose() == Losses()
    assert core.connect() == [turn("what time?")]


@pytest.mark.parametrize(
    ("speaking", "expected"), [(False, turn("what time?")), (True, told(user("what time?")))]
)
def test_words_that_nobody_answers(speaking, expected):
    """Words that were heard are asked, or told where the user speaks on."""
    core = begun()
    core.speak(*[START] * speaking, audio(1)).receive(heard("what time?"))
    assert not core.conversation.quiet
    assert core.lose() == Losses()
    assert core.connect() == [expected, *streamed(START)] if speaking else [expected]


def test_speech_that_interrupts_and_is_lost():
    """What was cut is over, and the words that cut it are asked."""
    core = begun("q")
    core.receive(said("a"), interrupted(), complete(), heard("stop"))
    assert core.resume() == [told(user("q"), model_turn(["a"])), turn("stop")]


def test_typed_after_speech():
    """What is typed before the model answers is answered with the speech before it."""
    core = begun()
    core.speak(audio(1)).receive(heard("look"))
    core.say("at this").receive(said("hm"), complete(), update("h1"))
    assert core.past == [user("look"), user("at this"), model_turn(["hm"])]


def test_thoughts_are_not_said():
    """Thoughts are no part of a reply, but prove that there is one."""
    core = begun("q")
    core.receive(model(types.Part(text="hm", thought=True)), update("h1"))
    assert core.newest.known is Known.YES
    core.receive(said("a"), complete(), update("h2"))
    assert core.past == [user("q"), model_turn(["a"])]


@pytest.mark.parametrize("text", [None, ""])
def test_empty_transcriptions(text):
    """A transcription without words changes nothing."""
    core = begun("q")
    core.receive(heard(text), transcribed(text))
    assert not core.newest.begun
    assert core.resume() == [turn("q")]


def test_late_words_of_a_reply():
    """Words of a reply that come after its end are its own, and prove nothing."""
    core = begun("q")
    core.receive(sound("a"), generated(), transcribed("b"), complete(), transcribed("c"))
    assert core.newest.over
    core.receive(update("h1"))
    assert core.past == [user("q"), model_turn(["abc"])]


# Messages


def test_news():
    """Only what may change what the session does is read as more than a piece of a reply."""
    core = begun("q")
    pieces = [said("a"), sound(), sound("b"), transcribed("c"), heard("d"), model(), content()]
    assert [core.receive(piece) for piece in pieces] == [None] * len(pieces)
    assert core.receive(types.LiveServerMessage()) is None
    away = types.LiveServerMessage(go_away=types.LiveServerGoAway(time_left="9s"))
    for news in (calling("1"), cancelling("1"), away):
        assert core.receive(news) == Received()
    assert core.receive(update("h")) == Received(covered=True)
    core.receive(said("e"))
    assert core.receive(complete()) == Received(over=True)


def test_several_fields():
    """What a message carries besides output counts as if it had come after that."""
    apart, together = begun("q"), begun("q")
    both = said("a")
    both.server_content.turn_complete = True
    both.session_resumption_update = update("h1").session_resumption_update
    apart.receive(said("a"), complete(), update("h1"))
    assert together.receive(both) == Received(over=True, covered=True)
    assert together.past == apart.past == [user("q"), model_turn(["a"])]


@pytest.mark.parametrize(("status", "over"), [("IN_PROGRESS", False), ("IDLE", True), (None, True)])
def test_thinking_on(status, over):
    """On a model that thinks on after a turn, the turn is over when the model is idle."""
    core = begun("q")
    core.receive(said("a"))
    assert (core.receive(complete(interaction_status=status)) == Received(over=True)) is over
    assert core.lose().reply is not over


def test_turn_that_nobody_asked_for():
    """The end of a turn that nobody asked for changes nothing, and is shown."""
    core = begun()
    assert core.receive(complete()) == Received(over=True)
    assert core.conversation.quiet


def piece():
    """Return a piece of a spoken reply and nothing else, as the SDK reads it."""
    blob = types.Blob(mime_type="audio/pcm", data=b"00")
    turn = types.Content(role="model", parts=[types.Part(inline_data=blob)])
    return types.LiveServerMessage(server_content=types.LiveServerContent(model_turn=turn))


def read(core, *messages):
    """Take in messages as the reader does, which leaves out what changes nothing."""
    for message in messages:
        if not (is_part(message) and core.conversation.sounding):
            core.receive(message)


@pytest.mark.parametrize("late", [False, True])
def test_call_within_a_spoken_reply(late):
    """Audio that follows a result is seen, though the reply sounded before."""
    core = begun("q")
    read(core, piece(), piece(), calling("1"))
    if late:
        # A call that does not block: the model talks on.
        read(core, piece())
        assert core.conversation.sounding
    core.answer(result("1"))
    read(core, piece(), piece(), complete(), update("h1"))
    assert core.conversation.quiet


def test_audio_of_each_turn():
    """The first piece of audio of each turn, and of each connection, is seen."""
    core = begun("a")
    read(core, piece(), piece(), complete(), update("h1"))
    core.say("b")
    read(core, piece())
    assert core.resume() == [turn("b")]
    read(core, piece(), update("h2"))
    assert core.resume() == [ASK_ON]


# What was spoken before a loss


def spoken(*, transparent):
    """Return a core whose connection was lost after a spoken turn that the handle has."""
    core = begun(transparent=transparent)
    core.speak(audio(1), audio(2))
    core.receive(heard("hi"), said("r"), *WHOLE)
    core.receive(update("h1", consumed=2 if transparent else None))
    assert core.resume() == []
    return core


@pytest.mark.parametrize("transparent", [False, True])
def test_output_after_a_loss_and_before_anybody_speaks(transparent):
    """It goes on with what was said last: speech of the connection before is none of this one."""
    core = spoken(transparent=transparent)
    core.receive(said("more"))
    assert [it.reply for it in core.conversation.exchanges] == [["r", "more"]]


def test_speech_that_is_begun_twice():
    """It begins with the first mark: all after it is told in words, or written again."""
    core = Core()
    core.speak(START, audio(1), START, audio(2), END)
    core.receive(said("x"), complete())
    assert core.lose().told == (range(1, 6),)


def test_beginning_of_speech_that_a_handle_has_after_a_loss():
    """The messages of a connection count from its own first."""
    core = spoken(transparent=True)
    core.speak(START, audio(3))
    core.receive(update("h2", consumed=1))
    core.speak(END)
    assert core.newest.known is Known.MAYBE


def test_output_after_a_loss_of_speech_that_the_handle_has():
    """It answers that speech, though nobody has a word of it."""
    core = begun("q")
    core.receive(said("a"), *WHOLE)
    core.speak(audio(1))
    core.media.meter.asking()
    core.media.meter.acknowledged()
    core.receive(update("h1"))
    core.resume()
    core.receive(said("r"))
    assert [it.reply for it in core.conversation.exchanges] == [["a"], ["r"]]


# What is easily taken for something else


def test_spoken_while_what_is_typed_waits():
    """Speech that is answered before what is typed is written does not take its place."""
    core = begun()
    core.direct = False
    core.say("typed").receive(heard("spoken"), sound("a"), complete(), update("h1"))
    assert core.write() == [turn("typed")]
    assert core.past == [user("spoken"), model_turn(["a"])]


def test_beginning_of_speech_that_a_handle_may_have():
    """It is counted as perhaps twice, though it was answered with what was typed."""
    core = begun("a")
    core.receive(said("x"))
    core.speak(audio(1))
    core.receive(interrupted(), complete(), update("h1"))
    core.say("b").receive(heard("s"), said("y"), interrupted(), complete())
    core.resume()
    assert core.outbox.replay.maybe_twice == 1


def test_late_words_after_the_handle():
    """Words of a reply that come after the handle that has it begin no exchange."""
    core = begun("a")
    core.receive(sound("x"), complete(), update("h1"), transcribed("late"))
    core.say("b").receive(sound("y"), complete(), update("h2"))
    assert core.conversation.quiet
    assert core.past[-2:] == [user("b"), model_turn(["y"])]


def test_result_that_interrupts_after_the_turn_has_ended():
    """A result that interrupts nothing, since the turn ended over its call, is not the end."""
    core = begun("q")
    core.receive(calling("1"), said("wait"), generated(), complete())
    core.answer(result("1", scheduling="INTERRUPT"))
    core.receive(interrupted(), complete())
    assert asks(core.resume()) == [turn("q")]


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


def test_turn_while_a_tool_runs():
    """A reply to what was asked after the turn ended over a running tool is not the tool's."""
    core = begun("a")
    core.receive(calling("1"), said("wait"), generated(), complete())
    core.say("b").receive(said("y"), generated(), complete())
    assert core.newest.inputs[-1].call == turn("b")
    assert core.newest.reply == ["y"]


def test_empty_end_with_calls_on_the_first_connection():
    """An empty end in an exchange with calls is hidden, and the model asked to continue."""
    core = Core().say("q")
    core.receive(calling(None))
    core.answer(result(None))
    core.receive(generated(), complete())
    assert core.receive(complete()).hidden
    assert core.write() == [ASK_ON]


def test_running_call_of_an_exchange_that_a_loss_ends():
    """A loss that ends an exchange, since another is owed, leaves its calls."""
    core = begun("a")
    core.receive(calling("1"))
    core.say("b")
    assert core.lose().calls == ("1",)
    assert core.answer(result("1")) == []


def test_call_within_a_spoken_reply_that_is_made_again():
    """Audio that follows a result that was known is seen, as after any other."""
    core = begun("q")
    read(core, calling("1"))
    core.answer(result("1"))
    core.resume()
    read(core, piece(), calling("2"))
    core.write()
    read(core, piece(), complete(), update("h1"))
    assert core.conversation.quiet


def test_context_after_an_owed_question_that_is_known():
    """What was said after a question that the session knows is written to it all the same."""
    sent = [turn("c", asks=False), context_update("u")]
    core = begun("q")
    core.receive(said("a"), update("h1"))
    core.say(*sent)
    assert core.resume() == [ASK_ON, *sent]


def test_turn_that_waits_while_the_one_before_is_answered():
    """A turn that was not written yet is not answered by the reply to the one before."""
    core = begun("a")
    core.direct = False
    core.say("b").receive(said("x"), complete())
    assert core.write() == [turn("b")]


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


def test_context_before_speech_that_a_handle_has():
    """It is replayed where it was never written, whatever was heard since."""
    core = Core(transparent=True)
    core.receive(update("h1", consumed=0), heard("a"))
    core.say(turn("c", asks=False)).receive(calling(None))
    assert core.resume() == [closed(None)]
    core.receive(calling(None, n=1))
    # Another thing was sent meanwhile.
    core.conversation.place()
    core.say("b").receive(heard("d"), update("h2", consumed=1))
    assert core.resume() == [turn("c", asks=False), turn("b")]
