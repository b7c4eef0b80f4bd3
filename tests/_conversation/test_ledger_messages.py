"""The ledger: how it reads what is spoken, and what the server sends."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    NOTHING,
    calling,
    cancelling,
    complete,
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

from reconnect._conversation.ledger import Ledger
from reconnect._conversation.messages import Received
from reconnect._conversation.transcript import model_turn

# What was spoken, and where a turn ends


def test_spoken_turn():
    """A spoken turn is asked again in the words that were heard."""
    ledger = Ledger()
    receive(ledger, heard("what "), heard("time?"), sound("it"))
    assert ledger.lost().reply
    assert write(ledger) == [turn("what time?")]
    receive(ledger, heard("hello?"), sound("noon"), complete(), update("h"))
    assert ledger.backlog.past == [user("what time?"), model_turn(["noon"])]


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
    ledger.backlog.record(turn("q2"))
    write(ledger)
    receive(ledger, transcribed("c"), update("h2"))
    ledger.lost()
    assert write(ledger) == [turn("q2")]
    receive(ledger, sound("d"), complete(), update("h3"))
    assert ledger.backlog.past[-1] == model_turn(["d"])


def test_thoughts_are_not_said():
    """Thoughts are no part of a reply, but prove that there is one."""
    ledger = talking(model(types.Part(text="hm", thought=True)), update("h"), said("a"), complete())
    receive(ledger, update("h2"))
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]


def test_turn_nobody_asked_for():
    """The end of a turn that nobody asked for changes nothing."""
    ledger = Ledger()
    assert ledger.received(complete())
    assert ledger.quiet


@pytest.mark.parametrize(("status", "over"), [("IN_PROGRESS", False), ("IDLE", True), (None, True)])
def test_thinking_on(status, over):
    """On a model that thinks on after a turn, the turn is over when the model is idle."""
    end = complete(interaction_status=status)
    ledger = talking(said("a"))
    assert (ledger.received(end) == Received(over=True)) is over
    assert ledger.lost().reply is not over


def test_words_go_to_the_next_turn():
    """Words heard while a turn is answered that has its own belong to the next."""
    ledger = Ledger()
    receive(ledger, heard("one"), sound("a"))
    ledger.lost()
    write(ledger)
    receive(ledger, sound("a"), heard("two"), complete(), sound("b"), complete(), update("h"))
    assert ledger.backlog.past == [user("one"), model_turn("a"), user("two"), model_turn("b")]


def test_unheard_turn_is_asked_on():
    """A spoken turn that the session knows is asked on, but a fresh one cannot be asked it."""
    ledger = Ledger()
    receive(ledger, sound(), update("h"))
    ledger.lost()
    assert write(ledger) == [ASK_ON]
    ledger.lost()
    ledger.restarted()
    assert write(ledger) == []


def test_unheard_turn_with_a_reply():
    """Of a spoken turn without words at least the reply is told."""
    ledger = Ledger()
    receive(ledger, sound("noon"), complete())
    ledger.lost()
    assert write(ledger) == [told(model_turn(["noon"]))]


def test_spoken_while_typing():
    """A turn that is spoken precedes one that is typed but not written yet."""
    ledger = Ledger()
    ledger.backlog.record(turn("typed"))
    receive(ledger, heard("spoken"), sound("a"), update("h"), complete(), update("h2"))
    assert write(ledger) == [turn("typed")]
    assert ledger.backlog.past == [user("spoken"), model_turn(["a"])]


@pytest.mark.parametrize("text", [None, ""])
def test_empty_transcriptions(text):
    """A transcription without words changes nothing."""
    ledger = talking(said("a"), heard(text), transcribed(text), complete())
    ledger.lost()
    assert write(ledger) == [told(user("q"), model_turn(["a"]))]


def test_early_transcription():
    """Words that come ahead of their sound belong to the reply."""
    ledger = talking(transcribed("a"), sound("b"), complete(), update("h"))
    assert ledger.backlog.past == [user("q"), model_turn(["a", "b"])]


# Messages


def test_news():
    """Only what may change what the session does is read as more than a piece of a reply."""
    ledger = talking()
    pieces = [said("a"), sound(), sound(), sound("b"), transcribed("c"), heard("d"), model()]
    assert [ledger.received(piece) for piece in pieces] == [None] * len(pieces)
    assert ledger.received(update(None, resumable=False)) is None
    away = types.LiveServerMessage(go_away=types.LiveServerGoAway(time_left="9s"))
    for news in (calling("1"), cancelling("1"), away):
        assert ledger.received(news) == Received()
    assert ledger.received(update("h")) == Received(covered=True)
    assert ledger.received(complete()) == Received(over=True)


@pytest.mark.parametrize(
    "extra",
    [
        *(complete(), heard("x"), transcribed("x"), update("h"), calling("2"), cancelling("1")),
        types.LiveServerMessage(go_away=types.LiveServerGoAway(time_left="9s")),
    ],
    ids=lambda extra: next(iter(extra.model_dump(exclude_none=True))),
)
def test_several_fields(extra):
    """What a message carries besides sound counts as if it had come on its own."""
    apart, together = (talking(calling("1"), sound("a")) for _ in range(2))
    apart.received(sound())
    assert together.received(merged(sound(), extra)) == apart.received(extra)
    assert together.handle == apart.handle
    for id_ in ("1", "2"):
        assert together.calls.answer(id_, "x") is apart.calls.answer(id_, "x")
    assert together.calls.awaited == apart.calls.awaited
    for ledger in (apart, together):
        receive(ledger, sound("b"), complete(), sound("c"), complete(), update("h2"))
    assert together.backlog.past == apart.backlog.past
    assert "x" not in repr(extra) or "x" in repr(together.backlog.past)


def merged(first, second):
    """Return one message with all that two carry."""
    fields = {name: getattr(first, name) for name in first.model_fields_set}
    for name in second.model_fields_set:
        if name in fields:
            more = getattr(second, name)
            news = {part: getattr(more, part) for part in more.model_fields_set}
            fields[name] = fields[name].model_copy(update=news)
        else:
            fields[name] = getattr(second, name)
    return types.LiveServerMessage(**fields)


def test_sound_of_each_turn():
    """The first piece of sound of each turn, and of each connection, proves that it is answered."""
    ledger = talking(sound(), complete(), update("h"))
    ledger.backlog.record(turn("q2"))
    write(ledger)
    receive(ledger, sound())
    ledger.lost()
    assert write(ledger) == [turn("q2")]
    receive(ledger, sound(), update("h2"))
    ledger.lost()
    assert write(ledger) == [ASK_ON]
    receive(ledger, sound("a"), complete(), update("h3"))
    ledger.backlog.record(turn("q3"))
    write(ledger)
    receive(ledger, sound(), update("h4"))
    ledger.lost()
    assert write(ledger) == [ASK_ON]


def test_words_of_a_turn_without_output():
    """A spoken turn that was ended and not answered yet is asked again in its words."""
    ledger = Ledger()
    ledger.number()
    ledger.spoke(place=ledger.backlog.place())
    receive(ledger, heard("what time?"))
    assert ledger.lost() == NOTHING
    assert write(ledger) == [turn("what time?")]


def test_words_that_nobody_answers():
    """Words that were heard and not answered are asked, or told where the user speaks on."""
    for speaking, expected in ((False, turn("what time?")), (True, told(user("what time?")))):
        ledger = Ledger()
        receive(ledger, heard("what time?"))
        assert not ledger.quiet
        assert ledger.lost(speaking=speaking) == NOTHING
        assert write(ledger) == [expected]
        assert ledger.lost() == NOTHING


def test_words_that_the_handle_covers():
    """Words that a handle covers by number are asked on; the sound of others is written again."""
    for consumed, expected in ((1, [ASK_ON]), (0, [])):
        ledger = Ledger()
        ledger.number()
        receive(ledger, heard("what time?"), update("h", consumed=consumed))
        assert ledger.lost(again=True) == NOTHING
        unwritten = ledger.backlog.unwritten()
        assert [ledger.write(entry) for entry in unwritten if not entry.respoken] == expected
        assert len(unwritten) == 1
    ledger = Ledger()
    receive(ledger, heard("what time?"))
    assert ledger.lost(speaking=True, again=True) == NOTHING
    assert write(ledger) == []
