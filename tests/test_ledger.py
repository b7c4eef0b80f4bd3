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

from reconnect.ledger import HISTORY_LIMIT, TRANSITIONS, Cut, Entry, Ledger, Mark, State, ends_turn
from reconnect.transcript import model_turn

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
    ledger.answered(["1"])
    assert ledger.lost() == Cut(reply=True, calls=("2",))


def test_calls_belong_to_their_connection():
    """A call that a lost connection issued is not known any more."""
    ledger = talking(calling("1"))
    assert ledger.knows(["1"])
    ledger.lost()
    assert not ledger.knows(["1"])
    ledger.answered(["1"])
    assert ledger.lost() == NOTHING


def test_cancelled_calls():
    """A call that the server cancels is not awaited, and not known."""
    ledger = talking(calling("1", "2"), cancelling("1", "unheard of"))
    assert not ledger.knows(["1", "2"])
    assert ledger.knows(["2"])
    assert ledger.lost().calls == ("2",)


def test_calls_by_name():
    """A call without an id is known by its name, and can be answered more than once."""
    ledger = talking(calling(None, name="clock"))
    for _ in range(2):
        assert ledger.knows(["clock"])
        ledger.answered(["clock"])
    assert ledger.lost().calls == ()


# Rule 5: a fresh session


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


@pytest.mark.parametrize(("written", "handle"), [(False, None), (True, "h")])
def test_seed(written, handle):
    """A handle is dropped that came before its session was told the history."""
    ledger = Ledger()
    seed = ledger.seeded([user("q")], asks=True)
    if written:
        seed.mark(Mark.WRITTEN)
    receive(ledger, update("h"))
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
    assert ledger.received(end) is over
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


@pytest.mark.parametrize(
    ("state", "mark"),
    [(state, mark) for state in State for mark in Mark if (state, mark) not in TRANSITIONS],
    ids=str,
)
def test_illegal(state, mark):
    """What cannot happen raises, and leaves the state as it was."""
    entry = Entry(turn("q"), state)
    with pytest.raises(KeyError):
        entry.mark(mark)
    assert entry.state is state
