"""The outbox: what is written to a connection next."""

import pytest
from held_media import acknowledge
from messages import (
    ASK_ON,
    END,
    ROOM,
    START,
    Core,
    answered,
    audio,
    begun,
    calling,
    closed,
    complete,
    generated,
    heard,
    held,
    image,
    realtime,
    result,
    said,
    streamed,
    told,
    turn,
    update,
    user,
)

from reconnect._conversation.conversation import Conversation
from reconnect._conversation.limits import Limit
from reconnect._conversation.media import Media
from reconnect._conversation.outbox import CLOSING_TIMEOUT, Outbox, Pause, Replay, Write
from reconnect._conversation.transcript import model_turn


def waiting():
    """Return a core on a resumed connection that is to close a lost call first."""
    core = Core()
    core.say("q").receive(said("a"), update("h"), calling("1"))
    core.lose()
    core.outbox.connected([], asks=False, transparent=False)
    return core


# A new session


@pytest.mark.parametrize("asks", [False, True])
def test_history_comes_first(asks):
    """A new session is told the history before anything else."""
    core = held(seed=[user("a"), model_turn("b")], asks=asks)
    core.say("q").speak(audio(1))
    assert core.outbox.replaying
    first, *rest = core.write()
    assert first.arguments == {"turns": [user("a"), model_turn("b")], "turn_complete": asks}
    assert rest == [turn("q"), *streamed(audio(1))]
    assert core.outbox.replay == Replay(messages=1, told=2)


def test_history_that_was_not_told_is_given_up():
    """History is told to the connection that it was meant for, and to no other."""
    core = held(seed=[user("a")])
    assert core.resume() == []
    assert core.outbox.replay == Replay()


def test_audio_before_context_in_a_new_session():
    """Context that came after audio that is written again is told after it, not before."""
    core = Core(transparent=True).speak(audio(1)).say(turn("c", asks=False))
    assert core.lose().turns == 0
    assert core.connect(*core.past) == [*streamed(audio(1)), told(user("c"))]


def test_first_connection_is_up_to_date_at_once():
    """There is nothing to write to the first connection of a conversation that begins."""
    media = Media(seconds=3.0, limit=ROOM)
    outbox = Outbox(Conversation(), media)
    outbox.connected([], asks=False, transparent=False)
    assert outbox.next(0.0) is None
    assert not outbox.replaying
    assert outbox.replay == Replay()


# Calls of the connection before


def test_calls_are_closed_before_anything_is_written():
    """Lost tool calls are closed first, and their empty end is waited for."""
    core = waiting()
    core.speak(audio(1))
    assert core.outbox.next(5.0) == Write(closed("1"))
    for now in (5.0, 5.0 + CLOSING_TIMEOUT - 0.01):
        assert core.outbox.next(now) == Pause(5.0 + CLOSING_TIMEOUT)
        assert core.outbox.replaying
    core.receive(complete())
    core.now = 5.5
    assert core.write() == [ASK_ON, *streamed(audio(1))]
    assert core.outbox.replay == Replay(messages=1, continued=1)
    assert not core.outbox.replaying


def test_end_that_never_comes():
    """An end that does not come in time is not waited for any more."""
    core = waiting()
    assert core.write() == [closed("1")]
    assert not core.direct
    assert core.wait() == [ASK_ON]
    assert core.direct


def test_end_that_comes_late():
    """An empty end that comes when it is not waited for any more is no proof of the question."""
    core = Core()
    core.say("q").receive(update("h"), calling("1"))
    assert core.resume() == [closed("1")]
    assert core.wait() == [turn("q")]
    assert core.outbox.replay.maybe_twice == 1
    core.receive(complete())
    assert core.resume() == [closed("1")]
    assert core.wait() == [turn("q")]


def test_calls_are_closed_once_a_connection():
    """Each connection waits for the end of calls anew, from when they were closed on it."""
    core = waiting()
    assert core.write() == [closed("1")]
    core.now = 7.0
    assert core.resume() == [closed("1")]
    assert core.outbox.next(7.0) == Pause(7.0 + CLOSING_TIMEOUT)


# Results


def test_results_come_before_the_rest():
    """Results pass before what waits, all in one message."""
    core = held()
    core.receive(calling("1", "2"))
    core.say("q").speak(audio(1))
    results = [result("1"), result("2")]
    assert core.answer(*results) == results
    assert core.write() == [answered(*results), turn("q"), *streamed(audio(1))]


def test_result_that_nobody_waits_for():
    """A result for a call of another connection is not sent, whether one is live or not."""
    core = held()
    core.receive(calling("2"))
    core.resume()
    core.receive(calling("1", n=1))
    core.direct = False
    results = [result("1"), result("2"), result("3")]
    # One that names no call at all is sent, as the SDK sends it.
    assert core.answer(*results) == [results[0], results[2]]
    assert core.write() == [answered(results[0], results[2])]


def test_results_that_are_written_at_once():
    """Results that are written past the outbox have a number, and are sent no second time."""
    core = Core(transparent=True)
    core.receive(calling("1", "2"))
    results = [result("1"), result("2")]
    assert core.outbox.answer(results) == results
    call = answered(*results)
    assert core.outbox.answered(call, results) == Write(call, answers=results)
    assert not core.conversation.due
    assert core.write() == []
    assert core.conversation.number() == 2


def test_result_that_is_known():
    """A result of a lost call answers the same call, when it is made again, by its new id."""
    core = Core().say("q")
    core.receive(calling("1"))
    known = result("1")
    assert core.answer(known) == [known]
    assert core.resume() == [turn("q")]
    assert not core.conversation.due
    core.receive(calling("2"))
    # It is due on a connection that is up to date, where little else ever is.
    assert core.conversation.due
    assert core.write() == [answered(result("2"))]
    assert not core.conversation.due
    assert known.id == "1"


# The order


@pytest.mark.parametrize("transparent", [True, False])
def test_order(transparent):
    """All goes out as it was sent, or messages before audio where the server does not count."""
    core = held(transparent=transparent)
    core.speak(audio(1)).say("a").speak(image(2), audio(3)).say(realtime("b"))
    if transparent:
        expected = [*streamed(audio(1)), turn("a"), *streamed(image(2), audio(3)), realtime("b")]
    else:
        expected = [turn("a"), realtime("b"), *streamed(audio(1), image(2), audio(3))]
    assert core.write() == expected


def test_order_of_what_is_written_again():
    """What no handle covers is written again among the messages that it came between."""
    core = Core(transparent=True).say("a").speak(audio(1)).say("b").speak(audio(2))
    core.receive(update("h", consumed=1))
    core.lose()
    core.speak(audio(3))
    assert core.connect() == [
        *streamed(audio(1)),
        turn("b"),
        *streamed(audio(2), audio(3)),
    ]
    assert core.outbox.replay == Replay(messages=1)


# Audio


@pytest.mark.parametrize(
    ("messages", "again"),
    [([], True), ([update("h", consumed=0)], True), ([update("h")], False)],
    ids=["no handle", "numbered", "not numbered"],
)
def test_audio_is_written_again(messages, again):
    """Audio is written again unless a handle may cover it that does not say so."""
    core = Core(transparent=True).speak(audio(1))
    core.receive(*messages)
    assert core.resume() == streamed(audio(1)) * again


def test_audio_is_not_written_again_where_nobody_counts():
    """Audio that was written to a server that does not count is not written again."""
    core = Core().speak(audio(1), image(2), audio(3))
    assert core.resume() == []
    assert core.media.forget_uncovered() == 2.0
    # A handle covers what the server had acknowledged before it came, be it the first or a later.
    for handle in ("h", "h2"):
        core.speak(audio(4)).receive(update(handle))
        core.resume()
        assert core.media.forget_uncovered() == 1.0
        core.speak(audio(5))
        core.media.line.acknowledged(core.media.line.seconds)
        core.speak(audio(6)).receive(update(handle))
        core.resume()
        assert core.media.forget_uncovered() == 1.0


@pytest.mark.parametrize("kept", [True, False])
def test_handle_with_a_number_covers_so_much(kept):
    """A handle that says what it covers is taken at its word, whatever was acknowledged."""
    limit = Limit(messages=10 if kept else 1, bytes=2**20, full="drop")
    core = Core(transparent=True, limit=limit)
    for number in range(1, 5):
        core.speak(audio(number))
    core.media.line.acknowledged(core.media.line.seconds)
    core.receive(update("h", consumed=2))
    assert core.resume() == streamed(*map(audio, (3, 4) if kept else (4,)))
    # Three items were let go of, of which one is missing: nobody can tell which.
    assert core.media.forget_uncovered() == (0.0 if kept else 3.0)


def test_handle_without_a_number_before_anything_was_written():
    """A handle that comes first and names no number may mean 0: what follows is written again."""
    core = Core(transparent=True)
    core.receive(update("h"))
    core.speak(audio(1))
    assert core.resume() == streamed(audio(1))


@pytest.mark.parametrize("transparent", [True, False])
def test_audio_waits_for_results(transparent):
    """No audio runs into an open tool call, for however long; a message before it does."""
    core = held(transparent=transparent)
    core.receive(calling("1"))
    core.say(turn("a", asks=False)).speak(audio(1))
    assert core.write() == [told(user("a"))]
    assert core.outbox.next(1e6) == Pause(None)
    core.answer(result("1"))
    assert core.write() == [answered(result("1")), *streamed(audio(1))]


# Speech


@pytest.mark.parametrize("heard_words", [["what time?"], []])
def test_speech_whose_reply_was_whole(heard_words):
    """It is replayed in words, as far as there are any, and its audio is not written again."""
    core = Core(transparent=True).speak(START, audio(1), END)
    core.receive(update("h", consumed=0), *map(heard, heard_words), said("noon"), complete())
    core.lose()
    core.say("q").speak(audio(2))
    assert core.connect() == [
        told(*map(user, heard_words), model_turn("noon")),
        turn("q"),
        *streamed(audio(2)),
    ]


def test_speech_whose_reply_was_cut():
    """Its audio is written again, and its end ends no second turn."""
    core = Core(transparent=True).speak(START, audio(1), END)
    core.receive(update("h", consumed=0), said("no"))
    (exchange,) = core.conversation.exchanges
    assert core.resume() == streamed(START, audio(1), END)
    assert core.conversation.exchanges == [exchange]
    core.receive(said("noon"), complete(), update("h2", consumed=3))
    assert core.conversation.quiet


def test_speech_of_which_all_audio_is_lost():
    """Its marks are not written: without audio they would ask again what was asked before."""
    core = begun("q")
    core.speak(START, audio(1))
    core.lose()
    core.speak(END)
    assert core.connect() == [turn("q")]
    assert not core.media.speaking
    core.receive(said("x"), generated(), complete())
    assert core.conversation.owed == 0


# How far it has come


def test_replaying():
    """A connection is brought up to date by what waited when it began, and by no more."""
    core = held().say("a")
    assert core.outbox.replaying
    assert core.outbox.next(0.0).call == turn("a")
    assert not core.outbox.replaying
    core.say("b")
    assert not core.outbox.replaying
    core.outbox.lost()
    assert core.outbox.replaying


def test_replay():
    """The replay tells what of it the server may have, and what is only asked for."""
    core = Core().say("a")
    core.receive(complete(), update("h"))
    core.say("b").receive(said("x"), update("h"))
    core.resume()
    assert core.outbox.replay == Replay(messages=1, continued=1)
    core.receive(said("x"), complete(), update("h"))
    core.say("d").receive(update("h"))
    assert core.resume() == [turn("d")]
    assert core.outbox.replay == Replay(messages=1, maybe_twice=1)


def test_quiet():
    """A move interrupts nothing while no turn is open, and the user does not speak."""
    core = held()
    assert core.outbox.quiet
    core.speak(audio(1))
    assert core.outbox.quiet
    core.write()
    core.speak(START)
    assert not core.outbox.quiet
    core.speak(END)
    assert not core.outbox.quiet
    core.receive(said("a"), complete(), update("h"))
    assert core.outbox.quiet


@pytest.mark.parametrize("acknowledged", [True, False])
def test_end_of_speech_whose_audio_is_lost(acknowledged):
    """Speech of which all audio is lost is not ended, unless the session has heard some of it."""
    core = begun().speak(START, audio(1))
    if acknowledged:
        acknowledge(core.media)
    core.receive(update("h"))
    core.lose()
    core.speak(END)
    assert core.connect() == streamed(START, END) * acknowledged
