"""The ledger: how it reads what is spoken, and what the server sends."""

import pytest
from google.genai import types
from messages import (
    ASK_ON,
    calling,
    cancelling,
    complete,
    content,
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

from reconnect.ledger import Ledger
from reconnect.transcript import model_turn

# What was spoken


def test_words_go_to_the_next_turn():
    """Words heard while a turn is answered that has its own belong to the next."""
    ledger = Ledger()
    receive(ledger, heard("one"), sound("a"))
    ledger.lost()
    write(ledger)
    receive(ledger, sound("a"), heard("two"), complete(), sound("b"), complete(), update("h"))
    assert ledger.past == [user("one"), model_turn("a"), user("two"), model_turn("b")]


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
    ledger.record(turn("typed"))
    receive(ledger, heard("spoken"), sound("a"), update("h"), complete(), update("h2"))
    assert write(ledger) == [turn("typed")]
    assert ledger.past == [user("spoken"), model_turn(["a"])]


@pytest.mark.parametrize("text", [None, ""])
def test_empty_transcriptions(text):
    """A transcription without words changes nothing."""
    ledger = talking(said("a"), heard(text), transcribed(text), complete())
    ledger.lost()
    assert write(ledger) == [told(user("q"), model_turn(["a"]))]


def test_early_transcription():
    """Words that come ahead of their sound belong to the reply."""
    ledger = talking(transcribed("a"), sound("b"), complete(), update("h"))
    assert ledger.past == [user("q"), model_turn(["a", "b"])]


# Messages


def test_news():
    """Only what may change what the session does is news: no piece of a reply is."""
    ledger = talking()
    pieces = [said("a"), sound(), sound(), sound("b"), transcribed("c"), heard("d"), model()]
    assert [ledger.received(piece) for piece in pieces] == [False] * len(pieces)
    away = types.LiveServerMessage(go_away=types.LiveServerGoAway(time_left="9s"))
    news = [complete(), update("h"), calling("1"), cancelling("1"), away]
    assert [ledger.received(message) for message in news] == [True] * len(news)
    assert not ledger.received(update(None, resumable=False))


def test_several_fields():
    """A message may carry several things: none is overlooked, even between pieces of sound."""
    ledger = talking(sound("a"))
    end = types.LiveServerMessage(
        server_content=sound("b").server_content,
        session_resumption_update=update("h").session_resumption_update,
    )
    assert ledger.received(end)
    assert ledger.handle == "h"
    receive(ledger, content(model_turn=said("c").server_content.model_turn, turn_complete=True))
    ledger.lost()
    assert write(ledger) == [told(model_turn(["a", "b", "c"]))]
