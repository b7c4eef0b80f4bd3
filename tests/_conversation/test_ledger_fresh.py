"""The ledger: what a fresh session is told."""

import pytest
from messages import (
    ASK_ON,
    complete,
    context_update,
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

from reconnect._conversation.ledger import HISTORY_LIMIT, Ledger
from reconnect._conversation.transcript import model_turn
from reconnect._conversation.turns import UPDATE, Call, Change

# Rule 8: a fresh session


def test_restarted():
    """A fresh session is told what was settled, and asked what is open."""
    ledger = talking(said("a"), complete(), update("h"))
    ledger.backlog.record(turn("q2"))
    write(ledger)
    ledger.lost()
    ledger.restarted()
    assert ledger.handle is None
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]
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
    assert ledger.backlog.past == [user("q"), model_turn(["a"])]


def test_known_turn_is_asked_again():
    """A turn that the lost session knew is sent to a fresh one."""
    ledger = talking(said("a"), update("h"))
    ledger.lost()
    ledger.restarted()
    assert write(ledger) == [turn("q")]


def test_nothing_is_in_doubt():
    """What a lost session may have known is in doubt, but a fresh one knows nothing."""
    ledger = talking(update("h"))
    ledger.lost()
    assert [entry.doubtful for entry in ledger.backlog.unwritten()] == [True]
    ledger.restarted()
    assert [entry.doubtful for entry in ledger.backlog.unwritten()] == [False]


def test_restart_keeps_the_order():
    """What was told behind an open turn stays behind it in a fresh session."""
    ledger = Ledger()
    ledger.backlog.record(turn("q"))
    ledger.backlog.record(turn("by the way", asks=False))
    ledger.restarted()
    assert ledger.backlog.past == []
    assert write(ledger) == [turn("q"), told(user("by the way"))]


def test_updates_are_kept():
    """The newest changes of the context are made again in a fresh session, before its turns."""
    ledger = Ledger()
    for text in ("one", "two"):
        ledger.backlog.record(context_update(text))
    ledger.backlog.record(turn("q"))
    assert write(ledger) == [context_update("one"), context_update("two"), turn("q")]
    receive(ledger, said("a"), update("h"))
    ledger.backlog.record(context_update("three"))
    ledger.lost()
    assert write(ledger) == [ASK_ON, context_update("three")]
    for _ in range(2):
        ledger.lost()
        ledger.restarted()
        known = Call(UPDATE, {"system_instruction": "two"})
        assert write(ledger) == [known, turn("q"), context_update("three")]


def test_updates_are_merged():
    """Of each thing that an update can change the newest is kept, however many there were."""
    ledger = Ledger()
    tools = Call(UPDATE, {"system_instruction": None, "tools": ["t"]})
    for update_ in (context_update("one"), tools, context_update("two"), turn("q")):
        ledger.backlog.record(update_)
    write(ledger)
    receive(ledger, said("a"), complete(), update("h"))
    ledger.lost()
    ledger.restarted()
    assert write(ledger) == [Call(UPDATE, {"system_instruction": "two", "tools": ["t"]})]


def test_history_is_bounded():
    """Of a long conversation the newest turns are kept for a fresh session."""
    ledger = Ledger()
    for number in range(3):
        ledger.backlog.record(turn(f"{number}" * (HISTORY_LIMIT // 2)))
        write(ledger)
        receive(ledger, complete(), update("h"))
    assert [found["parts"][0]["text"][0] for found in ledger.backlog.past] == ["1", "2"]


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
        seed.note(Change.WRITTEN)
        receive(ledger, *messages)
    ledger.lost()
    assert ledger.handle == handle
    ledger.lost()
    assert ledger.handle == handle
