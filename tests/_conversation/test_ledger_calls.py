"""The ledger: tool calls that were lost, and messages that are covered by their number."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    calling,
    cancelling,
    closed,
    complete,
    context_update,
    heard,
    receive,
    said,
    sound,
    talking,
    told,
    turn,
    update,
    user,
    write,
)

from reconnect._conversation.ledger import Ledger, Losses
from reconnect._conversation.limits import MEDIA
from reconnect._conversation.messages import PART_OF_MESSAGE, PART_OF_REPLY, Received
from reconnect._conversation.outbox import Outbox
from reconnect._conversation.transcript import model_turn

# A tool that is called in the midst of a spoken reply


def piece():
    """Return a piece of a spoken reply and nothing else, as the SDK reads it."""
    audio = types.Part(inline_data=types.Blob(mime_type="audio/pcm", data=b"00"))
    return types.LiveServerMessage(
        server_content=types.LiveServerContent(
            model_turn=types.Content(role="model", parts=[audio])
        )
    )


def read(ledger, *messages):
    """Hand messages to a ledger as the reader does, which leaves out what changes nothing."""
    for message in messages:
        part = message.model_fields_set == PART_OF_MESSAGE and (
            message.server_content.model_fields_set == PART_OF_REPLY
        )
        if not (part and ledger.sounding):
            ledger.received(message)


@pytest.mark.parametrize("late", [False, True])
def test_call_within_a_spoken_reply(late):
    """A call is behind a handle that follows audio after its result, though it sounded before."""
    ledger = talking()
    outbox = Outbox(ledger, audio_buffer=3.0, limit=MEDIA)
    result = types.FunctionResponse(id="1", name="f", response={})
    read(ledger, piece(), piece(), calling("1"))
    if late:
        # A call that does not block: the model talks on.
        read(ledger, piece())
        assert ledger.sounding
    assert outbox.answer([("1", result)]) == [result]
    read(ledger, piece(), piece(), complete(), update("h"))
    assert ledger.quiet
    assert ledger.lost() == Losses(reply=False, calls=())
    assert ledger.close_calls() is None


def test_known_result_within_a_spoken_reply():
    """A call whose result is known is behind a handle that follows audio, as any other is."""
    ledger = talking()
    result = types.FunctionResponse(id="1", name="f", response={})
    read(ledger, calling("1"))
    ledger.calls.answer("1", result)
    ledger.lost()
    write(ledger)
    read(ledger, piece(), calling("2"), piece(), complete(), update("h"))
    assert ledger.quiet


# Rule 5: lost tool calls


def test_lost_call_is_closed():
    """A session that knows the turn is told that its call is lost, then asked on."""
    ledger = talking(said("a"), update("h"), calling("1"))
    assert ledger.lost() == Losses(reply=True, calls=("1",))
    assert ledger.close_calls() == closed("1")
    assert ledger.received(complete()) == Received(hidden=True)
    assert not ledger.closing
    assert write(ledger) == [ASK_ON]
    assert ledger.received(complete()) == Received(over=True)


def test_turn_that_is_taken_back():
    """A session that closes the call of a turn that was taken back is not asked on."""
    ledger = Ledger()
    entry = ledger.backlog.record(turn("q"))
    write(ledger)
    receive(ledger, update("h"), calling("1"))
    ledger.lost()
    ledger.close_calls()
    ledger.backlog.retract(entry)
    assert ledger.received(complete()) == Received(hidden=True)
    assert write(ledger) == []


def test_spoken_before_a_lost_call_is_closed():
    """What was spoken to the resumed session in between is not known to the next."""
    ledger = talking(update("h"), calling("1"))
    ledger.lost()
    ledger.close_calls()
    receive(ledger, heard("hello?"), sound())
    ledger.lost()
    assert ledger.close_calls() == closed("1")
    receive(ledger, complete())
    assert write(ledger) == [turn("hello?"), ASK_ON]


def test_doubt_is_cleared():
    """A session that closes the call knows the turn, which is then not sent twice."""
    ledger = talking(update("h"), calling("1"))
    ledger.lost()
    assert ledger.close_calls() == closed("1")
    receive(ledger, complete())
    assert write(ledger) == [ASK_ON]


def test_doubt_remains():
    """A session that answers otherwise, or not at all, is sent the turn."""
    for answer in ([], [said("x")], [said("x"), complete()]):
        ledger = talking(update("h"), calling("1"))
        ledger.lost()
        ledger.close_calls()
        receive(ledger, *answer)
        ledger.closing = False
        assert write(ledger) == [turn("q")]


@pytest.mark.parametrize("restarted", [False, True])
def test_call_that_nobody_knows(restarted):
    """A session that cannot know the turn is told nothing of its call."""
    ledger = talking(*([update("h")] if restarted else []), calling("1"))
    ledger.lost()
    if restarted:
        ledger.restarted()
    assert ledger.close_calls() is None
    assert write(ledger) == [turn("q")]


def test_call_of_a_complete_turn():
    """A session that knows the turn, but not its end, is told that the call is lost."""
    ledger = talking(said("a"), update("h"), calling("1"))
    ledger.calls.answered("1", "done")
    receive(ledger, said("b"), complete())
    ledger.lost()
    assert ledger.close_calls() == closed("1")
    assert ledger.received(complete()) == Received(hidden=True)
    assert write(ledger) == [told(model_turn(["a", "b"]))]


def test_silent_reply_after_a_call():
    """A complete turn that the session turns out to know is over if its reply has no words."""
    ledger = talking(update("h"), calling("1"))
    ledger.calls.answered("1", "done")
    receive(ledger, sound(), complete())
    ledger.lost()
    assert ledger.close_calls() == closed("1")
    receive(ledger, complete())
    assert ledger.backlog.past == [user("q")]
    assert write(ledger) == []


def test_cancelled_call():
    """A call that the server has cancelled is closed where the handle is older than it."""
    ledger = talking(said("a"), update("h"), calling("1"), cancelling("1"))
    assert ledger.lost().calls == ()
    assert ledger.close_calls() == closed("1")
    receive(ledger, update("h2"))
    ledger.lost()
    assert ledger.close_calls() is None


def test_context_before_a_call():
    """A session that knows the turn knows what was told before it, which is not told again."""
    ledger = Ledger()
    for call in (turn("c", asks=False), context_update("u"), turn("q")):
        ledger.backlog.record(call)
    write(ledger)
    receive(ledger, update("h"), calling("1"))
    ledger.lost()
    ledger.close_calls()
    receive(ledger, complete())
    assert write(ledger) == [ASK_ON]
    assert ledger.backlog.past == [user("c")]


def test_call_that_is_long_covered():
    """Of several turns with calls the session knows the one whose call no handle covers."""
    ledger = talking(said("a"), update("h"), calling("1"))
    ledger.calls.answered("1", "done")
    receive(ledger, said("b"), update("h2"), complete())
    ledger.lost()
    ledger.backlog.record(turn("q2"))
    assert write(ledger) == [told(model_turn(["a", "b"])), turn("q2")]
    receive(ledger, update("h3"), calling("2"))
    ledger.lost()
    assert ledger.close_calls() == closed("2")
    receive(ledger, complete())
    assert write(ledger) == [ASK_ON]
    assert ledger.backlog.past == [user("q"), model_turn(["a", "b"])]


def test_known_result():
    """A call that is made again after a loss is given the result that is known."""
    ledger = talking(calling("1"))
    ledger.calls.answered("1", "done")
    ledger.lost()
    write(ledger)
    assert ledger.received(calling("2", "3")) == Received(known=("2",))
    assert [(due.call.id, due.result) for due in ledger.calls.due()] == [("2", "done")]
    assert ledger.calls.due() == []


# Rule 6: transparent resumption


def test_consumed():
    """A handle that says how much it covers leaves nothing in doubt."""
    ledger = Ledger()
    for text in ("q1", "q2", "q3"):
        ledger.backlog.record(turn(text))
    write(ledger)
    receive(ledger, update("h", consumed=2))
    assert ledger.consumed == 2
    ledger.lost()
    assert write(ledger) == [ASK_ON, ASK_ON, turn("q3")]


def test_numbers_of_the_connection_before():
    """A handle covers by number what was written to its own connection, and nothing else."""
    ledger = talking()
    ledger.lost()
    receive(ledger, update("h", consumed=1))
    assert write(ledger) == [turn("q")]


def test_numbers_begin_anew():
    """Every message of a connection counts, and every connection counts for itself."""
    for base in (0, 1):
        ledger = Ledger(index_base=base)
        for _ in range(2):
            assert [ledger.number(), ledger.number()] == [base, base + 1]
            ledger.lost()


def test_consumed_and_answered():
    """A handle that covers a turn by number covers its reply as far as it was seen."""
    ledger = talking(said("a"), update("h", consumed=1), complete(), update("h2", consumed=1))
    assert ledger.quiet
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]
