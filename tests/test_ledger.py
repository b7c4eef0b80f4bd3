"""The ledger: what is written again after a loss, told to a fresh session, or forgotten."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    NOTHING,
    calling,
    cancelling,
    complete,
    content,
    context_update,
    heard,
    model,
    realtime,
    receive,
    said,
    sound,
    talking,
    told,
    transcribed,
    turn,
    update,
    user,
    write,
)

from reconnect.calls import LOST
from reconnect.ledger import HISTORY_LIMIT, Call, Cut, Ledger, Mark, Reading, ends_turn
from reconnect.transcript import model_turn
from reconnect.turns import ANSWER

# Rule 1: what a handle covers


def test_settled():
    """A turn is settled by a handle that comes after its reply."""
    ledger = talking(said("a"), complete(), update("h"))
    assert ledger.quiet
    assert ledger.lost() == NOTHING
    assert write(ledger) == []
    assert ledger.past == [user("q"), model_turn(["a"])]


def test_not_written():
    """A turn that was never written is written."""
    ledger = Ledger()
    ledger.record(turn("q"))
    assert not ledger.quiet
    assert ledger.lost() == NOTHING
    assert write(ledger) == [turn("q")]


@pytest.mark.parametrize("messages", [[], [update("h")]], ids=["no handle", "handle"])
def test_sent_again(messages):
    """A turn of which no output was seen is sent again, handle or not."""
    ledger = talking(*messages)
    assert ledger.lost() == NOTHING
    assert write(ledger) == [turn("q")]


def test_handle_before_the_output():
    """A handle that came before any output is not taken to know the turn."""
    ledger = talking(update("h"), said("a"))
    assert ledger.lost().reply
    assert write(ledger) == [turn("q")]


def test_handle_of_the_turn_before():
    """A handle that comes late covers what was answered, not what has been written since."""
    ledger = talking(said("a"), complete())
    ledger.record(turn("q2"))
    write(ledger)
    receive(ledger, update("h"))
    ledger.lost()
    assert write(ledger) == [turn("q2")]
    assert ledger.past == [user("q"), model_turn(["a"])]


def test_withheld_handle():
    """An update without a handle leaves the last good one in place."""
    ledger = talking(update("h"), update("", resumable=False))
    assert ledger.handle == "h"


# Rule 2: a reply that was cut


def test_asked_on():
    """A turn that the handle covers is asked on, not sent again."""
    ledger = talking(said("a"), update("h"), said("b"))
    assert ledger.lost().reply
    assert write(ledger) == [ASK_ON]
    receive(ledger, said("a"), said("b"), complete(), update("h2"))
    assert ledger.past == [user("q"), model_turn(["a", "b"])]


def test_asked_on_in_words():
    """A model that ignores a bare request is asked on by a text."""
    ledger = Ledger(ask_on="Please go on.")
    ledger.record(turn("q"))
    write(ledger)
    receive(ledger, said("a"), update("h"))
    ledger.lost()
    assert write(ledger) == [realtime("Please go on.")]


def test_asked_on_until_answered():
    """A turn is asked on as often as its connection is lost."""
    ledger = talking(said("a"), update("h"))
    for _ in range(3):
        ledger.lost()
        ledger.lost()
        assert write(ledger) == [ASK_ON]


def test_asked_again_from_the_beginning():
    """Of a reply that was cut nothing is kept: it is given anew."""
    ledger = talking(said("a"))
    ledger.lost()
    write(ledger)
    receive(ledger, said("b"), complete(), update("h"))
    assert ledger.past == [user("q"), model_turn(["b"])]


# Rule 3: a reply that no handle covers


def test_told():
    """A turn whose reply was complete is told with it, without asking."""
    ledger = talking(said("a"), said("b"), complete())
    assert ledger.lost() == NOTHING
    assert write(ledger) == [told(user("q"), model_turn(["a", "b"]))]


def test_reply_told():
    """Where the session knows the turn, only the reply is told."""
    ledger = talking(said("a"), update("h"), said("b"), complete())
    ledger.lost()
    assert write(ledger) == [told(model_turn(["a", "b"]))]


def test_told_until_covered():
    """What is told is told again until a handle is known to cover it."""
    ledger = talking(said("a"), complete())
    for _ in range(2):
        ledger.lost()
        assert write(ledger) == [told(user("q"), model_turn(["a"]))]
        receive(ledger, update("h"))
    ledger.record(turn("q2"))
    write(ledger)
    receive(ledger, said("b"), update("h2"))
    ledger.lost()
    assert write(ledger) == [ASK_ON]
    assert ledger.past == [user("q"), model_turn(["a"])]


def test_turn_without_a_reply():
    """A turn that was completed without a word is told alone."""
    ledger = talking(complete())
    ledger.lost()
    assert write(ledger) == [told(user("q"))]


def test_silent_reply_is_not_told():
    """A reply of which no word is known is not told: an empty message would be refused."""
    ledger = talking(sound(), update("h"), sound(), complete())
    ledger.lost()
    assert write(ledger) == []
    assert ledger.past == [user("q")]


# Rule 4: what the caller must know


def test_cut():
    """A loss tells the caller what will not come: the rest of a reply, and results of calls."""
    ledger = talking(said("a"), calling("1", "2"))
    assert not ledger.quiet
    ledger.calls.answered("1", "done")
    assert ledger.lost() == Cut(reply=True, calls=("2",))


# Rule 5: lost tool calls


def closed(id_):
    """Return the response that closes a lost tool call."""
    response = {"id": id_, "name": "f", "response": {"error": LOST}}
    return Call(ANSWER, {"function_responses": [response]})


def test_lost_call_is_closed():
    """A session that knows the turn is told that its call is lost, then asked on."""
    ledger = talking(said("a"), update("h"), calling("1"))
    assert ledger.lost() == Cut(reply=True, calls=("1",))
    assert ledger.close_calls() == closed("1")
    assert ledger.received(complete()) == Reading(hidden=True)
    assert not ledger.closing
    assert write(ledger) == [ASK_ON]
    assert ledger.received(complete()) == Reading(over=True)


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
    assert ledger.received(complete()) == Reading(hidden=True)
    assert write(ledger) == [told(model_turn(["a", "b"]))]


def test_silent_reply_after_a_call():
    """A complete turn that the session turns out to know is over if its reply has no words."""
    ledger = talking(update("h"), calling("1"))
    ledger.calls.answered("1", "done")
    receive(ledger, sound(), complete())
    ledger.lost()
    assert ledger.close_calls() == closed("1")
    receive(ledger, complete())
    assert ledger.past == [user("q")]
    assert write(ledger) == []


def test_turn_that_is_taken_back():
    """A session that closes the call of a turn that was taken back is not asked on."""
    ledger = Ledger()
    entry = ledger.record(turn("q"))
    write(ledger)
    receive(ledger, update("h"), calling("1"))
    ledger.lost()
    ledger.close_calls()
    ledger.retract(entry)
    assert ledger.received(complete()) == Reading(hidden=True)
    assert write(ledger) == []


def test_cancelled_call():
    """A call that the server has cancelled is closed where the handle is older than it."""
    ledger = talking(said("a"), update("h"), calling("1"), cancelling("1"))
    assert ledger.lost().calls == ()
    assert ledger.close_calls() == closed("1")
    receive(ledger, update("h2"))
    ledger.lost()
    assert ledger.close_calls() is None


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


def test_context_before_a_call():
    """A session that knows the turn knows what was told before it, which is not told again."""
    ledger = Ledger()
    for call in (turn("c", asks=False), context_update("u"), turn("q")):
        ledger.record(call)
    write(ledger)
    receive(ledger, update("h"), calling("1"))
    ledger.lost()
    ledger.close_calls()
    receive(ledger, complete())
    assert write(ledger) == [ASK_ON]
    assert ledger.past == [user("c")]


def test_known_result():
    """A call that is made again after a loss is given the result that is known."""
    ledger = talking(calling("1"))
    ledger.calls.answered("1", "done")
    ledger.lost()
    write(ledger)
    assert ledger.received(calling("2", "3")) == Reading(known=("2",))
    assert [(due.id, due.result) for due in ledger.due()] == [("2", "done")]
    assert ledger.due() == []


# Rule 6: transparent resumption


def test_consumed():
    """A handle that says how much it covers leaves nothing in doubt."""
    ledger = Ledger()
    for text in ("q1", "q2", "q3"):
        ledger.record(turn(text))
    write(ledger)
    receive(ledger, update("h", consumed=2))
    assert ledger.consumed == 2
    ledger.lost()
    assert write(ledger) == [ASK_ON, ASK_ON, turn("q3")]


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
    assert ledger.past == [user("q"), model_turn(["a"])]


# Rule 7: a fresh session


def test_restarted():
    """A fresh session is told what was settled, and asked what is open."""
    ledger = talking(said("a"), complete(), update("h"))
    ledger.record(turn("q2"))
    write(ledger)
    ledger.lost()
    ledger.restarted()
    assert ledger.handle is None
    assert ledger.past == [user("q"), model_turn(["a"])]
    assert write(ledger) == [turn("q2")]


@pytest.mark.parametrize(
    "messages",
    [[said("a"), complete()], [said("a"), update("h"), complete()]],
    ids=["not covered", "half covered"],
)
def test_complete_turns_become_past(messages):
    """What was complete, but not covered, is told a fresh session with the rest."""
    ledger = talking(*messages)
    ledger.lost()
    ledger.restarted()
    assert write(ledger) == []
    assert ledger.past == [user("q"), model_turn(["a"])]


def test_known_turn_is_asked_again():
    """A turn that the lost session knew is sent to a fresh one."""
    ledger = talking(said("a"), update("h"))
    ledger.lost()
    ledger.restarted()
    assert write(ledger) == [turn("q")]


def test_restart_keeps_the_order():
    """What was told behind an open turn stays behind it in a fresh session."""
    ledger = Ledger()
    ledger.record(turn("q"))
    ledger.record(turn("by the way", asks=False))
    ledger.restarted()
    assert ledger.past == []
    assert write(ledger) == [turn("q"), told(user("by the way"))]


def test_updates_are_kept():
    """Changes of the context are made again in a fresh session, in their order."""
    ledger = Ledger()
    for text in ("one", "two"):
        ledger.record(context_update(text))
    ledger.record(turn("q"))
    assert write(ledger) == [context_update("one"), context_update("two"), turn("q")]
    receive(ledger, said("a"), update("h"))
    ledger.record(context_update("three"))
    ledger.lost()
    assert write(ledger) == [ASK_ON, context_update("three")]
    for _ in range(2):
        ledger.lost()
        ledger.restarted()
        updates = [context_update(text) for text in ("one", "two", "three")]
        assert write(ledger) == [*updates[:2], turn("q"), updates[2]]


def test_history_is_bounded():
    """Of a long conversation the newest turns are kept for a fresh session."""
    ledger = Ledger()
    for number in range(3):
        ledger.record(turn(f"{number}" * (HISTORY_LIMIT // 2)))
        write(ledger)
        receive(ledger, complete(), update("h"))
    assert [found["parts"][0]["text"][0] for found in ledger.past] == ["1", "2"]


@pytest.mark.parametrize(
    ("messages", "handle"),
    [
        (None, None),
        ([update("h")], None),
        ([update("h"), sound()], None),
        ([sound(), update("h")], "h"),
        ([update("h", consumed=0)], None),
        ([update("h", consumed=1)], "h"),
    ],
)
def test_seed(messages, handle):
    """A handle is dropped that may stand for a session that was not told the history yet."""
    ledger = Ledger()
    seed = ledger.seeded([user("q")], asks=True)
    ledger.number()
    assert seed.wording().arguments["turns"] == [user("q")]
    if messages is None:
        receive(ledger, update("h"))
    else:
        seed.mark(Mark.WRITTEN)
        receive(ledger, *messages)
    ledger.lost()
    assert ledger.handle == handle
    ledger.lost()
    assert ledger.handle == handle


# What was spoken, and where a turn ends


def test_spoken_turn():
    """A spoken turn is asked again in the words that were heard."""
    ledger = Ledger()
    receive(ledger, heard("what "), heard("time?"), sound("it"))
    assert ledger.lost().reply
    assert write(ledger) == [turn("what time?")]
    receive(ledger, heard("hello?"), sound("noon"), complete(), update("h"))
    assert ledger.past == [user("what time?"), model_turn(["noon"])]


def test_unheard_turn():
    """A spoken turn of which no word is known cannot be asked again, nor told."""
    for messages in ([sound()], [sound(), complete()]):
        ledger = Ledger()
        receive(ledger, *messages)
        assert not ledger.quiet
        ledger.lost()
        assert ledger.quiet


def test_late_transcription():
    """Words of a reply that come after its end begin no turn, and prove none to be known."""
    ledger = talking(sound("a"), complete(), update("h"), transcribed("b"))
    assert ledger.quiet
    ledger.record(turn("q2"))
    write(ledger)
    receive(ledger, transcribed("c"), update("h2"))
    ledger.lost()
    assert write(ledger) == [turn("q2")]
    receive(ledger, sound("d"), complete(), update("h3"))
    assert ledger.past[-1] == model_turn(["d"])


def test_thoughts_are_not_said():
    """Thoughts are no part of a reply, but prove that there is one."""
    ledger = talking(model(types.Part(text="hm", thought=True)), update("h"), said("a"), complete())
    receive(ledger, update("h2"))
    assert ledger.past == [user("q"), model_turn(["a"])]


def test_turn_nobody_asked_for():
    """The end of a turn that nobody asked for changes nothing."""
    ledger = Ledger()
    assert ledger.received(complete())
    assert ledger.quiet


@pytest.mark.parametrize(
    ("message", "over"),
    [
        (said("a"), False),
        (complete(interaction_status="INTERACTION_STATUS_UNSPECIFIED"), True),
        (content(interaction_status="INTERACTION_STATUS_UNSPECIFIED"), False),
        (calling("1"), False),
    ],
)
def test_ends_turn(message, over):
    """A turn is over where the SDK's ``receive()`` ends."""
    assert ends_turn(message) is over


@pytest.mark.parametrize(("status", "over"), [("IN_PROGRESS", False), ("IDLE", True), (None, True)])
def test_thinking_on(status, over):
    """On a model that thinks on after a turn, the turn is over when the model is idle."""
    end = complete(interaction_status=status)
    assert ends_turn(end) is over
    ledger = talking(said("a"))
    assert (ledger.received(end) == Reading(over=True)) is over
    assert ledger.lost().reply is not over


# The caller


def test_context():
    """Context that asks for no reply is told once, and again if it may be lost."""
    ledger = Ledger(handle="h")
    ledger.record(turn("c", asks=False))
    for _ in range(2):
        assert write(ledger) == [turn("c", asks=False)]
        assert not ledger.quiet
        ledger.lost()


def test_question_without_turns():
    """A question without turns of its own is asked as it came."""
    ledger = Ledger()
    ledger.record(ASK_ON)
    for _ in range(2):
        assert write(ledger) == [ASK_ON]
        ledger.lost()


def test_retract():
    """A message that is taken back is not in the ledger, and may be taken back again."""
    ledger = Ledger()
    entry, other = ledger.record(turn("q")), ledger.record(turn("q"))
    for _ in range(2):
        ledger.retract(entry)
        assert not ledger.holds(entry)
    assert ledger.holds(other)
    assert write(ledger) == [turn("q")]


def test_turns_that_are_answered_together():
    """Turns that were written before the first word of a reply are answered with it."""
    ledger = Ledger()
    ledger.record(realtime("a"))
    ledger.record(turn("b"))
    write(ledger)
    receive(ledger, said("both"), complete(), update("h"))
    assert ledger.quiet
    ledger.lost()
    assert ledger.unwritten() == []


def test_turn_that_interrupts_is_answered_next():
    """A turn that interrupts a reply is not taken for answered with it."""
    ledger = Ledger()
    ledger.record(turn("a"))
    ledger.record(turn("b"))
    write(ledger)
    receive(ledger, said("..."), content(interrupted=True), complete())
    ledger.lost()
    assert [entry.call for entry in ledger.unwritten()][-1] == turn("b")
