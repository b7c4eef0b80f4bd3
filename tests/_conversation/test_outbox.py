"""The outbox: what is written to a connection next."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    calling,
    closed,
    complete,
    realtime,
    receive,
    said,
    told,
    turn,
    update,
    user,
)

from reconnect._conversation.ledger import Ledger
from reconnect._conversation.limits import Limit
from reconnect._conversation.outbox import (
    CLOSING_TIMEOUT,
    REPEAT_TIMEOUT,
    Outbox,
    Pause,
    Replay,
    Write,
)
from reconnect._conversation.transcript import model_turn
from reconnect._conversation.turns import ANSWER, REALTIME, Call
from reconnect.errors import BufferOverflow

START = {"activity_start": {}}
END = {"activity_end": {}}


def audio(number):
    """Return a frame of audio of a second that carries a number."""
    return {"audio": {"data": bytes([number, 0]) * 16000, "mime_type": "audio/pcm"}}


def image(number):
    """Return a frame of video that carries a number."""
    return {"video": {"data": bytes([number]), "mime_type": "image/jpeg"}}


def response(id_, result=3):
    """Return the result of a tool call."""
    return types.FunctionResponse(id=id_, name="f", response={"result": result})


def answer(outbox, *results):
    """Answer calls, as the driver does where nothing can be written at once."""
    wanted = outbox.answer([(result.id, result) for result in results])
    outbox.hold_results(wanted)
    return wanted


def answered(*results):
    """Return the message that answers calls."""
    return Call(ANSWER, {"function_responses": list(results)})


def direct(outbox, call):
    """Take over a message that is written at once, as its caller gave it."""
    return outbox.direct(call, given=call)


def streamed(*inputs):
    """Return the messages that realtime inputs are written as."""
    return [Call(REALTIME, arguments) for arguments in inputs]


def connected(*seed, transparent=False, full="drop", asks=False):
    """Return a ledger, and an outbox on a fresh connection."""
    ledger = Ledger()
    limit = Limit(messages=10, bytes=2**20, full=full)
    outbox = Outbox(ledger, audio_buffer=3.0, limit=limit)
    outbox.connected(list(seed), asks=asks, transparent=transparent)
    return ledger, outbox


def drained(outbox, *, now=0.0):
    """Write what is due, and return it."""
    calls = []
    while isinstance(due := outbox.next(now), Write):
        calls.append(due.call)
    return calls


def cut(outbox, *messages, transparent=False):
    """Let messages come, lose the connection, and take up another."""
    for message in messages:
        reading = outbox._ledger.received(message)
        if reading is not None and reading.covered:
            outbox.covered()
    lost = outbox.lost()
    outbox.connected([], asks=False, transparent=transparent)
    return lost


def talking(*messages):
    """Return a ledger and an outbox, on a second connection, after a turn and messages."""
    ledger, outbox = connected()
    ledger.backlog.record(turn("q"))
    drained(outbox)
    cut(outbox, *messages)
    return ledger, outbox


def spoken(*, transparent=True):
    """Return a ledger and an outbox, on a second connection, after a spoken turn and its reply."""
    ledger, outbox = connected(transparent=transparent)
    drained(outbox)
    for arguments in (START, audio(1), END):
        outbox.streamed(arguments)
    cut(outbox, said("a"), complete(), transparent=transparent)
    return ledger, outbox


# Rule 1: a fresh session


@pytest.mark.parametrize("asks", [False, True])
def test_history_comes_first(asks):
    """A fresh session is told the history before anything else."""
    ledger, outbox = connected(user("a"), model_turn("b"), asks=asks)
    ledger.backlog.record(turn("q"))
    outbox.hold(audio(1))
    assert outbox.replaying
    first, *rest = drained(outbox)
    assert first.arguments == {"turns": [user("a"), model_turn("b")], "turn_complete": asks}
    assert rest == [turn("q"), *streamed(audio(1))]
    assert outbox.replay == Replay(messages=1, told=2)


def test_history_that_was_not_told_is_given_up():
    """History is told to the connection that it was meant for, and to no other."""
    _, outbox = connected(user("a"))
    cut(outbox)
    assert drained(outbox) == []
    assert outbox.replay == Replay()


# Rule 2: calls of the connection before


def test_calls_are_closed_before_anything_is_written():
    """Lost tool calls are closed first, and their empty end is waited for."""
    ledger, outbox = talking(update("h"), calling("1"))
    outbox.hold(audio(1))
    assert outbox.next(5.0) == Write(closed("1"))
    for now in (5.0, 5.0 + CLOSING_TIMEOUT - 0.01):
        assert outbox.next(now) == Pause(5.0 + CLOSING_TIMEOUT)
        assert outbox.replaying
    receive(ledger, complete())
    # The session knew the turn, and only that is counted: it is not sent again.
    assert drained(outbox, now=5.5) == [ASK_ON, *streamed(audio(1))]
    assert outbox.replay == Replay(messages=1, asked_on=1)
    assert not outbox.replaying


def test_end_that_never_comes():
    """An end that does not come in time is not waited for any more."""
    _, outbox = talking(update("h"), calling("1"))
    assert drained(outbox) == [closed("1")]
    assert drained(outbox, now=CLOSING_TIMEOUT) == [turn("q")]
    assert outbox.replay == Replay(messages=1, maybe_twice=1)
    assert outbox.next(CLOSING_TIMEOUT) is None


def test_calls_are_closed_once_a_connection():
    """Each connection waits for the end of calls anew, from when they were closed on it."""
    _, outbox = talking(update("h"), calling("1"))
    assert drained(outbox) == [closed("1")]
    cut(outbox)
    assert drained(outbox, now=7.0) == [closed("1")]
    assert outbox.next(7.0) == Pause(7.0 + CLOSING_TIMEOUT)


# Rule 3: results


def test_results_come_before_the_rest():
    """Results pass before what waits, all in one message."""
    ledger, outbox = connected()
    receive(ledger, calling("1", "2"))
    ledger.backlog.record(turn("q"))
    outbox.hold(audio(1))
    results = [response("1"), response("2")]
    assert answer(outbox, *results) == results
    assert drained(outbox) == [answered(*results), turn("q"), *streamed(audio(1))]


def test_result_that_nobody_waits_for():
    """A result for a call of another connection is not sent, and the caller is told."""
    ledger, outbox = connected()
    receive(ledger, calling("2"))
    cut(outbox)
    drained(outbox)
    receive(ledger, calling("1"))
    # One that names no call at all is sent, as the SDK sends it.
    results = [response("1"), response("2"), response("3")]
    assert answer(outbox, *results) == [results[0], results[2]]
    assert drained(outbox) == [answered(results[0], results[2])]
    assert answer(outbox, results[1]) == []
    assert drained(outbox) == []


def test_results_that_are_written_at_once():
    """Results that are written past the outbox have a number, and are sent no second time."""
    ledger, outbox = connected(transparent=True)
    drained(outbox)
    receive(ledger, calling("1", "2"))
    results = [("1", response("1")), ("2", response("2"))]
    assert outbox.answer(results) == [result for _, result in results]
    call = answered(*(result for _, result in results))
    assert outbox.answered(call, results) == Write(call, answers=("1", "2"))
    assert not outbox.due
    assert outbox.next(0.0) is None
    assert ledger.number() == 2


def test_result_that_is_known():
    """A result of a lost call answers the same call, when it is made again, by its new id."""
    ledger, outbox = connected()
    ledger.backlog.record(turn("q"))
    drained(outbox)
    receive(ledger, calling("1"))
    result = response("1")
    answer(outbox, result)
    assert drained(outbox) == [answered(result)]
    cut(outbox)
    assert drained(outbox) == [turn("q")]
    assert not outbox.due
    receive(ledger, calling("2"))
    # It is due on a connection that is up to date, where nothing else ever is.
    assert outbox.due
    (call,) = drained(outbox)
    assert not outbox.due
    (sent,) = call.arguments["function_responses"]
    assert (sent.id, sent.name, sent.response) == ("2", "f", {"result": 3})
    assert result.id == "1"


# Rule 4: the order


@pytest.mark.parametrize("transparent", [True, False])
def test_order(transparent):
    """All goes out as it was sent, or messages before sound where the server does not count."""
    ledger, outbox = connected(transparent=transparent)
    outbox.hold(audio(1))
    ledger.backlog.record(turn("a"))
    outbox.hold(image(2))
    outbox.hold(audio(3))
    ledger.backlog.record(realtime("b"))
    if transparent:
        expected = [*streamed(audio(1)), turn("a"), *streamed(image(2), audio(3)), realtime("b")]
    else:
        expected = [turn("a"), realtime("b"), *streamed(audio(1), image(2), audio(3))]
    assert drained(outbox) == expected


def test_order_of_what_is_written_again():
    """What no handle covers is written again among the messages that it came between."""
    ledger, outbox = connected(transparent=True)
    ledger.backlog.record(turn("a"))
    drained(outbox)
    outbox.streamed(audio(1))
    ledger.backlog.record(turn("b"))
    drained(outbox)
    outbox.streamed(audio(2))
    cut(outbox, update("h", consumed=1), transparent=True)
    outbox.hold(audio(3))
    assert drained(outbox) == [
        ASK_ON,
        *streamed(audio(1)),
        turn("b"),
        *streamed(audio(2), audio(3)),
    ]
    assert outbox.replay == Replay(messages=2, asked_on=1)


@pytest.mark.parametrize(
    ("messages", "again"),
    [([], True), ([update("h", consumed=0)], True), ([update("h")], False)],
    ids=["no handle", "numbered", "not numbered"],
)
def test_sound_is_written_again(messages, again):
    """Sound is written again unless a handle may cover it that does not say so."""
    _, outbox = connected(transparent=True)
    drained(outbox)
    outbox.streamed(audio(1))
    cut(outbox, *messages, transparent=True)
    assert drained(outbox) == streamed(audio(1)) * again


def test_sound_is_not_written_again_where_nobody_counts():
    """Sound that was written to a server that does not count is not written again."""
    _, outbox = connected()
    drained(outbox)
    for arguments in (audio(1), image(2), audio(3)):
        outbox.streamed(arguments)
    cut(outbox)
    assert drained(outbox) == []
    assert outbox.media.forget_uncovered() == 2.0
    # A handle covers what the server had acknowledged before it came, be it the first or a later.
    for handle in ("h", "h2"):
        outbox.streamed(audio(4))
        cut(outbox, update(handle))
        assert outbox.media.forget_uncovered() == 1.0
        outbox.streamed(audio(5))
        outbox.media.asking()
        outbox.media.acknowledged()
        outbox.streamed(audio(6))
        cut(outbox, update(handle))
        assert outbox.media.forget_uncovered() == 1.0


@pytest.mark.parametrize("kept", [True, False])
def test_handle_with_a_number_covers_so_much(kept):
    """A handle that says what it covers is taken at its word, whatever was acknowledged."""
    ledger = Ledger()
    limit = Limit(messages=10 if kept else 1, bytes=2**20, full="drop")
    outbox = Outbox(ledger, audio_buffer=3.0, limit=limit)
    outbox.connected([], asks=False, transparent=True)
    drained(outbox)
    for number in range(1, 5):
        outbox.streamed(audio(number))
    outbox.media.asking()
    outbox.media.acknowledged()
    cut(outbox, update("h", consumed=2), transparent=True)
    assert drained(outbox) == streamed(*map(audio, (3, 4) if kept else (4,)))
    # Three items were let go of, of which one is missing: nobody can tell which.
    assert outbox.media.forget_uncovered() == (0.0 if kept else 3.0)


# Rule 5: open calls


@pytest.mark.parametrize("transparent", [True, False])
def test_sound_waits_for_results(transparent):
    """No sound runs into an open tool call, for however long; a message before it does."""
    ledger, outbox = connected(transparent=transparent)
    receive(ledger, calling("1"))
    ledger.backlog.record(turn("a", asks=False))
    outbox.hold(audio(1))
    assert drained(outbox) == [told(user("a"))]
    assert outbox.next(1e6) == Pause(None)
    answer(outbox, response("1"))
    assert drained(outbox) == [answered(response("1")), *streamed(audio(1))]


# Rule 6: replies that the caller has had


def test_repeated_reply_passes_first():
    """A reply to sound that is written again passes, unseen, before anything else is written."""
    ledger, outbox = spoken()
    ledger.backlog.record(turn("q"))
    outbox.hold(audio(2))
    assert drained(outbox, now=3.0) == streamed(START, audio(1), END)
    assert outbox.next(4.0) == Pause(3.0 + REPEAT_TIMEOUT)
    for message in (said("a"), complete()):
        assert outbox.next(5.0) == Pause(3.0 + REPEAT_TIMEOUT)
        assert ledger.received(message).hidden
    assert drained(outbox, now=5.0) == [turn("q"), *streamed(audio(2))]
    assert ledger.received(said("b")) is None


def test_end_that_is_written_again():
    """An end that is written again ends the turn that it ended before, and no second one."""
    ledger, outbox = spoken()
    (turn_,) = ledger.backlog.entries
    drained(outbox)
    assert ledger.backlog.entries == [turn_]
    assert turn_.open


def test_repeated_reply_that_never_comes():
    """A repeated reply that does not come in time is shown when it comes."""
    ledger, outbox = spoken()
    ledger.backlog.record(turn("q"))
    drained(outbox, now=3.0)
    assert outbox.next(2.9 + REPEAT_TIMEOUT) == Pause(3.0 + REPEAT_TIMEOUT)
    assert drained(outbox, now=3.0 + REPEAT_TIMEOUT) == [turn("q")]
    assert not ledger.backlog.repeating
    assert ledger.received(said("a")) is None


def test_spoken_turn_is_not_repeated_where_nobody_counts():
    """A spoken turn is told with its reply where its sound is gone."""
    _, outbox = spoken(transparent=False)
    assert drained(outbox) == [told(model_turn("a"))]
    assert not outbox._ledger.backlog.repeating


# What is written at once


def test_message_that_is_written_at_once():
    """A message that is written past the outbox is held as all others are until it is safe."""
    ledger, outbox = connected(transparent=True)
    drained(outbox)
    write = direct(outbox, turn("a"))
    assert write == Write(turn("a"), entry=ledger.backlog.entries[0])
    assert not outbox.due
    assert outbox.next(0.0) is None
    assert direct(outbox, realtime("b")).entry.index == 2
    assert direct(outbox, turn("c", asks=False)).call == turn("c", asks=False)
    cut(outbox, update("h", consumed=1), transparent=True)
    assert drained(outbox) == [ASK_ON, realtime("b"), turn("c", asks=False)]


def test_message_that_was_refused_at_once():
    """A message that the SDK would not write is forgotten, and has no number."""
    ledger, outbox = connected(transparent=True)
    drained(outbox)
    outbox.refused(direct(outbox, turn("bad")))
    assert ledger.backlog.entries == []
    assert direct(outbox, turn("a")).entry.index == 1
    cut(outbox)
    assert drained(outbox) == [turn("a")]


def test_message_whose_write_has_failed():
    """A message whose write has failed is written again, unless a handle covers it after all."""
    _, outbox = connected(transparent=True)
    drained(outbox)
    for text in "ab":
        outbox.failed(direct(outbox, turn(text)))
    cut(outbox, update("h", consumed=1), transparent=True)
    assert drained(outbox) == [ASK_ON, turn("b")]


# How far it has come


def test_replaying():
    """A connection is brought up to date by what waited when it began, and by no more."""
    ledger, outbox = connected()
    ledger.backlog.record(turn("a"))
    assert outbox.replaying
    assert outbox.next(0.0).call == turn("a")
    assert not outbox.replaying
    ledger.backlog.record(turn("b"))
    assert not outbox.replaying
    outbox.lost()
    assert outbox.replaying


def test_replay():
    """The replay tells what of it the server may have, and what is only asked for."""
    ledger, outbox = connected()
    for text in "ab":
        ledger.backlog.record(turn(text))
    drained(outbox)
    receive(ledger, complete(), update("h"))
    ledger.backlog.record(turn("c"))
    drained(outbox)
    cut(outbox, said("x"), update("h"))
    ledger.backlog.record(turn("d"))
    assert drained(outbox) == [ASK_ON, turn("c"), turn("d")]
    assert outbox.replay == Replay(messages=3, maybe_twice=1, asked_on=1)


def test_quiet():
    """A move interrupts nothing while no turn is open, and the user does not speak."""
    ledger, outbox = connected()
    assert outbox.quiet
    outbox.hold(audio(1))
    assert outbox.quiet
    drained(outbox)
    outbox.streamed(START)
    assert not outbox.quiet
    outbox.streamed(END)
    assert not outbox.quiet
    receive(ledger, said("a"), complete(), update("h"))
    assert outbox.quiet


# Writes that fail


def test_input_is_bounded():
    """Realtime input that does not fit is refused where the oldest is not to be dropped."""
    _, outbox = connected(full="raise")
    for _ in range(10):
        outbox.hold(START)
    with pytest.raises(BufferOverflow, match="11 messages with 0 bytes"):
        outbox.hold(START)
    assert len(drained(outbox)) == 10


def test_failed_input():
    """Input that could not be written is written to the next connection, with its place."""
    _, outbox = connected()
    for arguments in (START, audio(1), audio(2)):
        outbox.hold(arguments)
    outbox.next(0.0)
    outbox.failed(outbox.next(0.0))
    cut(outbox)
    assert drained(outbox) == streamed(START, audio(1), audio(2))


def test_failed_end_of_a_spoken_turn():
    """An end that could not be written has ended no turn yet."""
    ledger, outbox = connected()
    outbox.hold(END)
    due = outbox.next(0.0)
    assert due.entry in ledger.backlog.entries
    outbox.failed(due)
    assert ledger.backlog.entries == []
    assert cut(outbox).turns == 0
    assert drained(outbox) == streamed(END)
    assert len(ledger.backlog.entries) == 1


def test_failed_input_that_is_counted():
    """Input that has a number is written again for it, and only once."""
    _, outbox = connected(transparent=True)
    for arguments in (START, audio(1), END):
        outbox.hold(arguments)
    outbox.next(0.0)
    outbox.failed(outbox.next(0.0))
    cut(outbox, update("h", consumed=1), transparent=True)
    assert drained(outbox) == streamed(START, audio(1), END)


def test_failed_message():
    """A message that could not be written is not covered, so it is written again."""
    ledger, outbox = connected()
    ledger.backlog.record(turn("q"))
    outbox.failed(outbox.next(0.0))
    cut(outbox)
    assert drained(outbox) == [turn("q")]


@pytest.mark.parametrize("transparent", [True, False])
def test_input_on_its_way(transparent):
    """Input that was on its way past the outbox goes first on the next connection, once."""
    _, outbox = connected(transparent=transparent)
    drained(outbox)
    write = outbox.streamed(audio(1))
    outbox.hold(audio(2))
    outbox.failed(write)
    cut(outbox, transparent=transparent)
    assert drained(outbox) == streamed(audio(1), audio(2))


def test_refused():
    """What the SDK would not write is forgotten, and has no number on this connection."""
    ledger, outbox = connected(transparent=True)
    ledger.backlog.record(turn("a"))
    outbox.refused(outbox.next(0.0))
    ledger.backlog.record(turn("b"))
    outbox.hold(audio(1))
    assert drained(outbox) == [turn("b"), *streamed(audio(1))]
    cut(outbox, update("h", consumed=1), transparent=True)
    assert drained(outbox) == [ASK_ON, *streamed(audio(1))]


def test_refused_result():
    """A result that the SDK would not write is not sent a second time, nor in another's place."""
    for held in (True, False):
        ledger, outbox = connected()
        receive(ledger, calling("1"))
        if held:
            answer(outbox, response("1"))
            outbox.refused(outbox.next(0.0))
        else:
            results = [("1", response("1"))]
            outbox.answer(results)
            outbox.refused(outbox.answered(answered(response("1")), results))
            assert ledger.calls.awaited == ("1",)
        assert outbox.next(0.0) is None
        assert ledger.number() == 1
    cut(outbox)
    receive(ledger, calling("1"))
    assert not outbox.due


def test_every_message_has_a_number():
    """History, results, sound and what is written past the outbox are counted as the rest."""
    ledger, outbox = connected(user("a"), transparent=True)
    assert len(drained(outbox)) == 1
    receive(ledger, calling("1"))
    answer(outbox, response("1"))
    assert len(drained(outbox)) == 1
    outbox.streamed(audio(1))
    outbox.hold(audio(2))
    assert len(drained(outbox)) == 1
    ledger.backlog.record(turn("q"))
    (entry,) = ledger.backlog.unwritten()
    drained(outbox)
    # The first number is 1: 1 the history, 2 the result, 3 and 4 the sound.
    assert entry.index == 5


def test_input_on_its_way_between_marks():
    """Input that fails on its way leaves the marks around it, and their turn, as they were."""
    _, outbox = connected(transparent=False)
    drained(outbox)
    outbox.streamed(START)
    outbox.failed(outbox.streamed(audio(1)))
    cut(outbox)
    assert drained(outbox) == streamed(START, audio(1))
    outbox.failed(outbox.streamed(END))
    assert cut(outbox).turns == 0
    assert drained(outbox) == streamed(START, END)
    assert outbox.media.forget_uncovered() == 1.0


def test_refused_input():
    """Input that the SDK would not write is not written again, and opens no activity."""
    for arguments in (audio(1), START):
        _, outbox = connected(transparent=True)
        outbox.hold(arguments)
        outbox.refused(outbox.next(0.0))
        assert not outbox.media.speaking
        cut(outbox, update("h", consumed=0), transparent=True)
        assert drained(outbox) == []


def test_sound_before_context_in_a_fresh_session():
    """Context that came after sound that is written again is told after it, not before."""
    ledger, outbox = connected(transparent=True)
    drained(outbox)
    outbox.streamed(audio(1))
    ledger.backlog.record(turn("c", asks=False))
    drained(outbox)
    outbox.lost()
    outbox.restarted()
    outbox.connected(ledger.backlog.seed([], halvings=0), asks=False, transparent=True)
    assert drained(outbox) == [*streamed(audio(1)), turn("c", asks=False)]


def test_handle_without_a_number_before_anything_was_written():
    """A handle that comes first and names no number may mean 0: what follows is written again."""
    _, outbox = connected(transparent=True)
    drained(outbox)
    outbox._ledger.received(update("h"))
    outbox.covered()
    outbox.streamed(audio(1))
    cut(outbox, transparent=True)
    assert drained(outbox) == streamed(audio(1))


def test_room_for_what_is_written_past_the_outbox():
    """Input that would have to be kept is refused where there is no room and nothing may go."""
    for transparent in (True, False):
        limit = Limit(messages=1, bytes=2**20, full="raise")
        outbox = Outbox(Ledger(), audio_buffer=3.0, limit=limit)
        outbox.connected([], asks=False, transparent=transparent)
        assert outbox.strict is transparent
        drained(outbox)
        outbox.streamed(audio(1))
        if transparent:
            with pytest.raises(BufferOverflow):
                outbox.streamed(audio(2))
            # An image takes the place of another one, and needs no room.
            outbox.streamed(image(3))
            cut(outbox, transparent=True)
            assert drained(outbox) == streamed(audio(1), image(3))
            assert outbox.media.dropped == 0.0
        else:
            outbox.streamed(audio(2))


def test_audio_that_is_kept():
    """Audio that is written past the outbox has a number and a place, as all other input has."""
    ledger, outbox = connected(transparent=True)
    drained(outbox)
    outbox.direct(turn("a"), given=turn("a"))
    for number in (1, 2):
        outbox.keep(audio(number)["audio"])
    # The SDK refuses one.
    outbox.keep(audio(3)["audio"])
    outbox.unkeep()
    outbox.direct(turn("b"), given=turn("b"))
    assert ledger.number() == 5
    cut(outbox, update("h", consumed=2), transparent=True)
    assert drained(outbox) == [ASK_ON, *streamed(audio(2)), turn("b")]
