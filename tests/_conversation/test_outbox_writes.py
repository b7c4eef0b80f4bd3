"""The outbox: what becomes of a write, be it at once, failed or refused."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    END,
    REALTIME,
    START,
    WHOLE,
    Call,
    Core,
    answered,
    audio,
    calling,
    closed,
    held,
    image,
    realtime,
    result,
    said,
    sound,
    streamed,
    told,
    turn,
    update,
    user,
)

from reconnect._conversation.limits import Limit
from reconnect._conversation.outbox import Write
from reconnect._conversation.transcript import model_turn
from reconnect.errors import BufferOverflow

# What is written at once


def test_message_that_is_written_at_once():
    """A message that is written past the outbox is kept as all others are until it is safe."""
    core = Core(transparent=True)
    write = core.outbox.direct(turn("a"), given=turn("x"))
    assert write == Write(turn("x"), said=(core.newest.inputs[0],))
    assert not core.conversation.due
    assert core.write() == []
    core.receive(said("x"))
    assert core.outbox.direct(realtime("b"), given=realtime("b")).said[0].index == 2
    core.say(turn("c", asks=False))
    core.receive(update("h", consumed=1))
    assert core.resume() == [told(model_turn("x")), realtime("b"), told(user("c"))]


def test_message_that_was_refused_at_once():
    """A message that the SDK would not write is forgotten, and has no number."""
    core = Core(transparent=True)
    core.outbox.refused(core.outbox.direct(turn("bad"), given=turn("bad")))
    assert core.conversation.exchanges == []
    assert core.outbox.direct(turn("a"), given=turn("a")).said[0].index == 1
    assert core.resume() == [turn("a")]


def test_message_whose_write_has_failed():
    """A message whose write has failed is written again, unless a handle covers it after all."""
    core = Core(transparent=True)
    for text in "ab":
        core.outbox.failed(core.outbox.direct(turn(text), given=turn(text)))
    core.receive(update("h", consumed=1))
    assert core.resume() == [turn("b")]


@pytest.mark.parametrize("asks", [True, False])
def test_message_whose_write_has_failed_while_a_reply_is_unread(asks):
    """What is read after it is of what was said before: it proves nothing of the message."""
    core = Core().speak(audio(1))
    call = turn("book it", asks=asks)
    core.outbox.failed(core.outbox.direct(call, given=call))
    core.receive(sound("It is noon."), *WHOLE, update("h1"))
    assert core.resume() == [call if asks else told(user("book it"))]


def test_result_whose_write_has_failed_while_words_are_unread():
    """The words that are read after it do not answer it: the call may be made again."""
    core = Core().say("q")
    core.receive(calling("1"))
    results = [result("1")]
    core.outbox.answer(results)
    core.outbox.failed(core.outbox.answered(answered(result("1")), results))
    core.receive(sound("One moment. "), update("h1"))
    assert core.resume() == [closed("1", response={"result": 3})]
    assert core.receive(calling("2")).unseen == (0,)
    assert core.write() == [answered(result("2"))]


def test_realtime_text_is_a_message_of_the_conversation():
    """A text that is sent as realtime input is asked again as it was sent."""
    core = Core().say(realtime("a"))
    core.receive(sound())
    assert core.resume() == [Call(REALTIME, {"text": "a"})]


def test_every_message_has_a_number():
    """History, results, audio and what is written past the outbox are counted as the rest."""
    core = held(seed=[user("a")], transparent=True)
    assert len(core.write()) == 1
    core.receive(calling("1"))
    core.answer(result("1"))
    core.speak(audio(1))
    core.direct = False
    core.speak(audio(2))
    assert len(core.write()) == 1
    # The first number is 1: 1 the history, 2 the result, 3 and 4 the audio.
    assert core.outbox.direct(turn("q"), given=turn("q")).said[0].index == 5


def test_audio_that_is_kept():
    """Audio that is written past the outbox has a number and a place, as all other input has."""
    core = Core(transparent=True).say("a")
    for number in (1, 2):
        core.outbox.keep(types.Blob(**audio(number)["audio"]))
    # The SDK refuses one.
    core.outbox.keep(types.Blob(**audio(3)["audio"]))
    core.outbox.refused(Write(Call(REALTIME, audio(3))))
    core.say("b")
    assert core.conversation.number() == 5
    core.receive(update("h", consumed=2))
    assert core.resume() == [*streamed(audio(2)), turn("b")]


# Where there is no room


def test_input_is_bounded():
    """Realtime input that does not fit is refused where the oldest is not to be dropped."""
    core = held(limit=Limit(messages=10, bytes=2**20, full="raise"))
    core.speak(*[START] * 10)
    with pytest.raises(BufferOverflow, match="11 messages with 0 bytes"):
        core.speak(START)
    assert len(core.write()) == 10


@pytest.mark.parametrize("transparent", [True, False])
def test_room_for_what_is_written_past_the_outbox(transparent):
    """Input that would have to be kept is refused where there is no room and nothing may go."""
    core = Core(transparent=transparent, limit=Limit(messages=1, bytes=2**20, full="raise"))
    assert core.outbox.strict is transparent
    core.speak(audio(1))
    if not transparent:
        core.speak(audio(2))
        return
    with pytest.raises(BufferOverflow):
        core.speak(audio(2))
    # An image takes the place of another one, and needs no room.
    core.speak(image(3))
    assert core.resume() == streamed(audio(1), image(3))
    assert core.media.dropped == 0.0


# Writes that fail


def test_failed_message():
    """A message that could not be written is not covered, so it is written again."""
    core = held().say("q")
    core.outbox.failed(core.outbox.next(0.0))
    assert core.resume() == [turn("q")]


def test_failed_input():
    """Input that could not be written is written to the next connection, with its place."""
    core = held().speak(START, audio(1), audio(2))
    core.outbox.next(0.0)
    core.outbox.failed(core.outbox.next(0.0))
    assert core.resume() == streamed(START, audio(1), audio(2))


def test_failed_input_that_is_counted():
    """Input that has a number is written again for it, and only once."""
    core = held(transparent=True).speak(START, audio(1), END)
    core.outbox.next(0.0)
    core.outbox.failed(core.outbox.next(0.0))
    core.receive(update("h", consumed=1))
    assert core.resume() == streamed(START, audio(1), END)


def test_failed_end_of_speech():
    """An end that could not be written has ended no turn yet."""
    core = held().speak(END)
    due = core.outbox.next(0.0)
    assert due.said == (core.newest.inputs[0],)
    core.outbox.failed(due)
    assert core.conversation.exchanges == []
    assert core.lose().turns == 0
    assert core.connect() == streamed(END)
    assert len(core.conversation.exchanges) == 1


@pytest.mark.parametrize("transparent", [True, False])
def test_input_on_its_way(transparent):
    """Input that was on its way past the outbox goes first on the next connection, once."""
    core = Core(transparent=transparent)
    write = core.outbox.streamed(audio(1))
    core.outbox.hold(audio(2))
    core.outbox.failed(write)
    assert core.resume() == streamed(audio(1), audio(2))


def test_input_on_its_way_between_marks():
    """Input that fails on its way leaves the marks around it, and their turn, as they were."""
    core = Core().speak(START)
    core.outbox.failed(core.outbox.streamed(audio(1)))
    assert core.resume() == streamed(START, audio(1))
    core.outbox.failed(core.outbox.streamed(END))
    assert core.lose().turns == 0
    # All that was spoken between them is lost.
    assert core.connect() == []
    assert core.media.forget_uncovered() == 1.0


# Writes that the SDK refuses


def test_refused():
    """What the SDK would not write is forgotten, and has no number on this connection."""
    core = held(transparent=True).say("a")
    core.outbox.refused(core.outbox.next(0.0))
    core.say("b").speak(audio(1))
    assert core.write() == [turn("b"), *streamed(audio(1))]
    core.receive(update("h", consumed=1))
    assert core.resume() == [ASK_ON, *streamed(audio(1))]


def test_refused_message_is_forgotten():
    """What the SDK would not write is not asked again on the next connection."""
    core = held().say("bad")
    core.outbox.refused(core.outbox.next(0.0))
    assert core.conversation.exchanges == []
    assert core.resume() == []


def test_refused_result():
    """A result that the SDK would not write is not sent a second time, nor in another's place."""
    for direct in (True, False):
        core = Core()
        core.receive(calling("1"))
        if direct:
            results = [result("1")]
            core.outbox.answer(results)
            core.outbox.refused(core.outbox.answered(answered(result("1")), results))
            assert core.calls.awaited == ("1",)
        else:
            core.direct = False
            core.answer(result("1"))
            core.outbox.refused(core.outbox.next(0.0))
        assert core.write() == []
        assert core.conversation.number() == 1


def test_refused_input():
    """Input that the SDK would not write is not written again, and opens no activity."""
    for arguments in (audio(1), START):
        core = held(transparent=True).speak(arguments)
        core.outbox.refused(core.outbox.next(0.0))
        assert not core.media.speaking
        core.receive(update("h", consumed=0))
        assert core.resume() == []
