"""The messages that no handle is known to cover: how many there may be, and what they become."""

import pytest
from hypothesis import given, strategies as st
from messages import context_update, realtime, turn, update, user, write

from reconnect._conversation.backlog import Backlog
from reconnect._conversation.ledger import Ledger
from reconnect._conversation.limits import Limit, size_of
from reconnect._conversation.transcript import model_turn
from reconnect._conversation.turns import TRANSITIONS, UPDATE, Call, Change, State
from reconnect.errors import BufferOverflow

SIZE = size_of(turn("a").arguments)
"""Bytes in a turn of one character: those of its role, too."""


def backlog_of(*calls, messages=3, size=1000, full="wait", history_limit=1000):
    """Return a backlog with so much room, and what was recorded in it."""
    limit = Limit(messages=messages, bytes=size, full=full)
    backlog = Backlog(limit=limit, history_limit=history_limit)
    return backlog, [backlog.record(call) for call in calls]


def mark(entry, *marks):
    """Let it all happen to a message."""
    for it in marks:
        entry.note(it)


# What is taken over


@pytest.mark.parametrize(
    ("call", "state"),
    [
        (turn("a"), State.HELD),
        (realtime("a"), State.HELD),
        (turn("a", asks=False), State.TO_TELL),
        (context_update("a"), State.TO_TELL),
    ],
)
def test_record(call, state):
    """What asks for a reply is held, what asks for none is to be told, each with its size."""
    backlog, (entry,) = backlog_of(call)
    assert backlog.entries == backlog.unwritten() == [entry]
    assert (entry.call, entry.state, entry.size) == (call, state, size_of(call.arguments))


def test_places():
    """Messages and whatever else the caller sends have their places in one order."""
    backlog, _ = backlog_of()
    assert backlog.place() == 1
    first = backlog.record(turn("a"))
    assert backlog.place() == 3
    second = backlog.record(turn("b"))
    assert (first.place, second.place) == (2, 4)
    assert backlog.spoken().place == 4
    assert backlog.spoken(place=3).place == 3


def test_spoken_turn_precedes_what_is_to_be_written():
    """A spoken turn comes after what was written and before what was not, and takes no room."""
    backlog, (first, second) = backlog_of(turn("a"), turn("b"), messages=3, size=3 * SIZE)
    first.note(Change.WRITTEN)
    spoken = backlog.spoken()
    assert backlog.entries == [first, spoken, second]
    assert (spoken.state, spoken.spoken, spoken.size) == (State.SENT, True, 0)
    assert backlog.current is first
    assert backlog.unwritten() == [second]


def test_retract():
    """A message that is taken back is gone with its size; one that is over is so already."""
    backlog, (first, second) = backlog_of(turn("a"), turn("b"), size=2 * SIZE)
    backlog.retract(first)
    assert backlog.entries == [second]
    backlog.retract(first)
    assert backlog.has_room(turn("c"), resumable=True)
    assert not backlog.has_room(turn("cc"), resumable=True)


# What is told of it


def test_current():
    """The current turn is the oldest that the server has and owes a reply to."""
    backlog, (first, second, third) = backlog_of(turn("a"), turn("b"), turn("c"))
    assert backlog.current is None
    mark(first, Change.WRITTEN, Change.COMPLETED)
    mark(second, Change.WRITTEN)
    mark(third, Change.WRITTEN)
    assert backlog.current is second
    second.note(Change.OUTPUT)
    assert backlog.current is second
    second.note(Change.COMPLETED)
    assert backlog.current is third


def test_owed():
    """Every turn is owed a reply until it is complete, written or not; what was told is not."""
    backlog, (first, second, _) = backlog_of(turn("a"), turn("b"), turn("c", asks=False))
    assert backlog.owed == 2
    mark(first, Change.WRITTEN, Change.COVERED, Change.LOST)
    assert first.state is State.TO_ASK_ON
    assert backlog.owed == 2
    mark(second, Change.WRITTEN, Change.OUTPUT)
    assert backlog.owed == 2
    second.note(Change.COMPLETED)
    assert backlog.owed == 1


def test_repeating():
    """A reply is repeated from where its turn was written again to its end."""
    backlog, _ = backlog_of()
    spoken = backlog.spoken()
    assert not backlog.repeating
    mark(spoken, Change.COMPLETED, Change.RESPOKEN)
    spoken.given = True
    assert not backlog.repeating
    spoken.note(Change.WRITTEN)
    assert backlog.repeating
    spoken.note(Change.OUTPUT)
    assert backlog.repeating
    spoken.note(Change.COMPLETED)
    assert not backlog.repeating


# How much there is room for


@pytest.mark.parametrize("full", ["wait", "raise"])
@pytest.mark.parametrize("room", [{"messages": 3}, {"size": 3 * SIZE}])
def test_room_up_to_the_limit(full, room):
    """There is room for as many messages, and as many bytes, as the limit says."""
    backlog, _ = backlog_of(turn("a"), full=full, **room)
    for text in "bc":
        assert backlog.has_room(turn(text), resumable=False)
        backlog.record(turn(text))
    assert len(backlog.entries) == 3


@pytest.mark.parametrize("room", [{"messages": 2}, {"size": 2 * SIZE}])
def test_waits(room):
    """A message waits while the backlog is full, and until one before it is settled."""
    backlog, (first, _) = backlog_of(turn("a"), turn("b"), **room)
    mark(first, Change.WRITTEN, Change.COMPLETED)
    assert not backlog.has_room(turn("c"), resumable=True)
    first.note(Change.COVERED)
    assert backlog.has_room(turn("c"), resumable=True)


@pytest.mark.parametrize("room", [{"messages": 2}, {"size": 2 * SIZE + 1}])
def test_raises(room):
    """A message that is not to wait is refused, with the figures that there would be."""
    backlog, entries = backlog_of(turn("a"), turn("b"), full="raise", **room)
    with pytest.raises(BufferOverflow, match="messages that no handle covers") as caught:
        backlog.has_room(turn("cc"), resumable=True)
    assert (caught.value.messages, caught.value.bytes) == (3, 3 * SIZE + 1)
    assert backlog.entries == entries


def test_message_that_never_fits():
    """A message that is larger than all the room is refused: it would wait for ever."""
    backlog, _ = backlog_of(size=100)
    room = 100 - SIZE + 1
    assert backlog.has_room(turn("x" * room), resumable=True)
    with pytest.raises(BufferOverflow) as caught:
        backlog.has_room(turn("x" * (room + 1)), resumable=True)
    assert (caught.value.messages, caught.value.bytes) == (1, 101)


@pytest.mark.parametrize(("doubtful", "room"), [(False, False), (True, True)])
def test_told_message_before_a_handle(doubtful, room):
    """A full backlog lets go of what was told, if a handle has come since that may cover it."""
    backlog, (first, second) = backlog_of(turn("a", asks=False), turn("b", asks=False), messages=2)
    mark(first, Change.WRITTEN)
    first.doubtful = doubtful
    assert backlog.has_room(turn("c"), resumable=True) is room
    assert backlog.entries == [first, second][room:]
    assert backlog.past == [user("a")][: int(room)]


def test_told_reply_before_a_handle():
    """A full backlog lets go of a reply that was told, as of the rest."""
    backlog, (first,) = backlog_of(turn("a"), messages=1)
    mark(
        first,
        Change.WRITTEN,
        Change.OUTPUT,
        Change.COVERED,
        Change.COMPLETED,
        Change.LOST,
        Change.WRITTEN,
    )
    first.reply.append("b")
    first.doubtful = True
    assert first.state is State.TOLD_REPLY
    assert backlog.has_room(turn("c"), resumable=True)
    assert backlog.past == [user("a"), model_turn("b")]


def test_nothing_is_let_go_without_need():
    """A backlog that is not full lets go of nothing."""
    backlog, (first, second) = backlog_of(turn("a", asks=False), turn("b"))
    first.note(Change.WRITTEN)
    first.doubtful = True
    mark(second, Change.WRITTEN, Change.COMPLETED)
    assert backlog.has_room(turn("c"), resumable=False)
    assert backlog.entries == [first, second]


@pytest.mark.parametrize("resumable", [True, False])
def test_complete_turns_without_a_handle(resumable):
    """A full backlog lets go of what is complete, where there is nothing to resume from."""
    calls = [turn("a"), turn("b", asks=False), turn("c")]
    backlog, (first, second, third) = backlog_of(*calls, messages=3)
    mark(first, Change.WRITTEN, Change.COMPLETED)
    first.reply.append("d")
    mark(second, Change.WRITTEN)
    mark(third, Change.WRITTEN, Change.OUTPUT)
    assert backlog.has_room(turn("e"), resumable=resumable) == (not resumable)
    assert backlog.entries == ([first, second, third] if resumable else [third])
    assert backlog.past == ([] if resumable else [user("a"), model_turn("d"), user("b")])


# What becomes of it


def test_forget():
    """What is over becomes past, in order, with its reply; the rest stays."""
    backlog, (first, second, third) = backlog_of(turn("a"), turn("b"), turn("c", asks=False))
    backlog.forget()
    assert len(backlog.entries) == 3
    mark(first, Change.WRITTEN, Change.COMPLETED, Change.COVERED)
    first.reply += ["d", "e"]
    mark(third, Change.WRITTEN, Change.COVERED)
    backlog.forget()
    # What came after an open turn is told after it, if it comes to that.
    assert backlog.entries == [second, third]
    assert backlog.past == [user("a"), model_turn("de")]
    mark(second, Change.WRITTEN, Change.COMPLETED, Change.COVERED)
    backlog.forget()
    assert backlog.entries == []
    assert backlog.past == [user("a"), model_turn("de"), user("b"), user("c")]


def test_past_is_bounded():
    """Of what is past the newest is kept."""
    backlog, entries = backlog_of(turn("aa"), turn("bb"), turn("cc"), history_limit=4)
    for entry in entries:
        mark(entry, Change.WRITTEN, Change.COMPLETED, Change.COVERED)
    backlog.forget()
    assert backlog.past == [user("bb"), user("cc")]


def test_restart():
    """What is complete becomes past up to the first open turn; all from there is held in order."""
    calls = [turn(text, asks=text in "abd") for text in "abcde"]
    backlog, (first, second, third, fourth, fifth) = backlog_of(*calls)
    mark(first, Change.WRITTEN, Change.COMPLETED, Change.LOST)
    first.reply.append("f")
    mark(second, Change.WRITTEN, Change.COVERED, Change.LOST)
    mark(third, Change.WRITTEN, Change.LOST)
    second.doubtful = third.doubtful = True
    assert backlog.restart() == 0
    assert backlog.past == [user("a"), model_turn("f")]
    assert backlog.entries == [second, third, fourth, fifth]
    assert [entry.state for entry in backlog.entries] == [
        State.HELD,
        State.TO_TELL,
        State.HELD,
        State.TO_TELL,
    ]
    assert not any(entry.doubtful for entry in backlog.entries)


def test_spoken_turns_that_are_lost_with_their_session():
    """A restart counts the spoken turns of which no word is known, and keeps those with words."""
    backlog, _ = backlog_of()
    silent, heard = backlog.spoken(), backlog.spoken()
    for entry in (silent, heard):
        mark(entry, Change.COVERED, Change.LOST)
    heard.heard = "a"
    assert backlog.restart() == 1
    assert backlog.entries == [heard]
    assert backlog.restart() == 0


def test_updates_are_written_to_a_fresh_session():
    """A fresh session is told the newest of each change of the context first, in one message."""
    calls = [context_update("a"), Call(UPDATE, {"system_instruction": None, "tools": ["t"]})]
    calls += [context_update("b"), context_update("c"), turn("q")]
    backlog, entries = backlog_of(*calls)
    for entry in entries[:3]:
        mark(entry, Change.WRITTEN, Change.COVERED)
    backlog.forget()
    assert backlog.past == []
    # The newest is not written yet, and comes in its place.
    assert backlog.entries == entries[3:]
    backlog.restart()
    first, *rest = backlog.entries
    assert first.call == Call(UPDATE, {"system_instruction": "b", "tools": ["t"]})
    assert first.state is State.TO_TELL
    assert rest == entries[3:]
    # Once is enough, for as long as no handle covers them.
    backlog.restart()
    assert backlog.entries == [first, *rest]


# Laws

SMALL = Limit(messages=4, bytes=5 * SIZE, full="wait")


def check_bounded(backlog, limit):
    """Check that the bytes are counted right, and that all is within the limit."""
    recorded = [entry for entry in backlog.entries if not entry.spoken]
    assert backlog._bytes == sum(size_of(entry.call.arguments) for entry in recorded)
    assert limit.fits(messages=len(recorded), bytes=backlog._bytes)


STEPS = st.one_of(
    st.tuples(st.just("record"), st.integers(0, 3 * SIZE), st.booleans()),
    st.tuples(st.just("mark"), st.integers(0, 5), st.sampled_from(Change)),
    st.tuples(st.just("doubt"), st.integers(0, 5), st.booleans()),
    st.tuples(st.sampled_from(["retract", "spoken"]), st.integers(0, 5), st.none()),
    st.tuples(st.sampled_from(["forget", "restart"]), st.none(), st.none()),
)


def take(backlog, step, which, how):
    """Let one thing happen to a backlog, if it can."""
    entries = backlog.entries
    entry = entries[which % len(entries)] if entries and which is not None else None
    if step == "record":
        call = turn("x" * which, asks=how)
        if backlog.has_room(call, resumable=not how):
            backlog.record(call)
    elif step == "forget":
        backlog.forget()
    elif step == "restart":
        if all((it.state, Change.RESTARTED) in TRANSITIONS for it in entries):
            backlog.restart()
    elif step == "spoken":
        backlog.spoken()
    elif entry is None:
        return
    elif step == "mark":
        if (entry.state, how) in TRANSITIONS:
            entry.note(how)
    elif step == "doubt":
        entry.doubtful = how
    else:
        backlog.retract(entry)


@given(st.lists(STEPS, max_size=60))
def test_bounded(steps):
    """The bytes are the sum of the sizes, and within the limit, whatever happens."""
    backlog = Backlog(limit=SMALL, history_limit=100)
    for step in steps:
        take(backlog, *step)
        check_bounded(backlog, SMALL)


def test_memory_stays_flat():
    """Context that is told for hours, with handles that prove nothing, takes no more room."""
    limit = Limit(messages=50, bytes=40 * SIZE, full="raise")
    ledger = Ledger(limit=limit, history_limit=100)
    call, handle = turn("a", asks=False), update("h")
    for number in range(30_000):
        if number % 30 == 0:
            ledger.received(handle)
        # With "raise" it would be told if there were no room.
        assert ledger.backlog.has_room(call, resumable=True)
        ledger.backlog.record(call)
        write(ledger)
        assert len(ledger.backlog.entries) <= 40
    check_bounded(ledger.backlog, limit)
    assert len(ledger.backlog.past) == 100


def test_room_is_not_made_across_an_open_turn():
    """What was said after an open turn does not become past before it."""
    ledger = Ledger(limit=Limit(messages=2, bytes=1000, full="wait"))
    backlog = ledger.backlog
    backlog.record(turn("q"))
    backlog.record(turn("c", asks=False))
    for entry in backlog.unwritten():
        ledger.write(entry)
    ledger.received(update("h"))
    assert not backlog.has_room(turn("d"), resumable=True)
    assert [entry.turns for entry in backlog.entries] == [[user("q")], [user("c")]]


def test_covered_context_stays_behind_an_open_turn():
    """A fresh session is told context that a handle covers after the turn before it, not before."""
    ledger = Ledger()
    ledger.backlog.record(turn("q"))
    ledger.backlog.record(turn("c", asks=False))
    for entry in ledger.backlog.unwritten():
        ledger.write(entry)
    ledger.received(update("h", consumed=2))
    ledger.lost()
    assert [ledger.backlog.entries[0].state] == [State.TO_ASK_ON]
    ledger.restarted()
    assert ledger.backlog.past == []
    calls = [ledger.write(entry) for entry in ledger.backlog.unwritten()]
    assert calls == [turn("q"), turn("c", asks=False)]


def test_room_is_made_of_what_waits_for_its_place():
    """A backlog that is full lets go of what is covered, though a turn before it is open."""
    ledger = Ledger(limit=Limit(messages=2, bytes=1000, full="wait"))
    for call in (turn("q"), turn("c", asks=False)):
        assert ledger.backlog.has_room(call, resumable=True)
        ledger.backlog.record(call)
    for entry in ledger.backlog.unwritten():
        ledger.write(entry)
    ledger.received(update("h", consumed=2))
    assert len(ledger.backlog.entries) == 2
    assert ledger.backlog.has_room(turn("d"), resumable=True)
    assert ledger.backlog.past == [user("c")]
