"""The ledger: every path that a few messages can take."""

import copy
import enum
import functools
from dataclasses import replace

import pytest
from messages import calling, check, complete, said, turn, update

from reconnect._conversation import turns
from reconnect._conversation.ledger import Ledger
from reconnect._conversation.transcript import Transcript
from reconnect._conversation.turns import TRANSITIONS, Change


class Recorder(dict):
    """A table of transitions that notes which of its rows are used."""

    def __init__(self, table):
        super().__init__(table)
        self.used = set()

    def __getitem__(self, key):
        """Look up a row; a row that is missing fails the test with its KeyError."""
        self.used.add(key)
        return super().__getitem__(key)


FROM_SERVER = {
    "output": said("x"),
    "complete": complete(),
    "call": calling("1"),
    "handle": update("h"),
}


@functools.cache
def covering(number):
    """Return the handle that covers so many messages; once made, as it is asked for very often."""
    return update("h", consumed=number)


class Phase(enum.Enum):
    """How far the driver has come with a connection."""

    LOST = 0
    DIALLED = 1
    CLOSING = 2
    READY = 3


def steps(ledger, phase, *, speech):
    """Return all that can happen next, as the driver does it, and the phase that follows.

    A caller types and is called for tools, or types and speaks: both at once is more than can be
    walked in a minute.
    """
    room = len(ledger.backlog.entries) < 2
    if room:
        yield "ask", phase
    if room and not speech:
        yield "tell", phase
    yield "lost", Phase.LOST
    if phase is Phase.LOST:
        yield "nothing", Phase.DIALLED
        yield "restarted", Phase.LOST
        return
    if speech and not any(entry.doubtful for entry in ledger.backlog.entries):
        # A server that counts leaves nothing in doubt.
        yield "lost, to be heard again", Phase.LOST
    if ledger.calls.awaited:
        yield "answer", phase
    yield from from_driver(ledger, phase, speech=speech and room)
    begins = room or ledger.backlog.current is not None
    yield from ((step, phase) for step in from_server(ledger, phase, speech=speech, begins=begins))


def from_driver(ledger, phase, *, speech):
    """Return what the driver can do next, and the phase that follows."""
    if phase is Phase.DIALLED:
        yield "close calls", Phase.CLOSING
    if phase is Phase.CLOSING:
        yield "give up closing", Phase.READY
    if phase is Phase.READY and ledger.backlog.unwritten():
        yield "write", phase
    elif phase is Phase.READY and speech:
        yield "speak", phase


def from_server(ledger, phase, *, speech, begins):
    """Return what can come from the server next; a reply begins a turn where none is open."""
    yield from ("complete", "handle")
    if phase is Phase.READY:
        yield from {0, *(entry.index for entry in ledger.backlog.entries)} - {None}
    if begins:
        yield "output"
    if begins and not speech:
        yield "call"


def take(step, ledger):
    """Let one thing happen to a ledger; a number is a handle that covers so many messages."""
    match step:
        case "ask" | "tell":
            ledger.backlog.record(turn("x", asks=step == "ask"))
        case "write":
            entry = ledger.backlog.unwritten()[0]
            (ledger.respeak if entry.respoken else ledger.write)(entry)
        case "speak":
            ledger.number()
            ledger.spoke(place=ledger.backlog.place())
        case "answer":
            ledger.calls.answered("1", "x")
        case "close calls":
            ledger.close_calls()
        case "give up closing":
            ledger.stop_closing()
        case "lost":
            ledger.lost()
        case "lost, to be heard again":
            ledger.lost(again=True)
        case "restarted":
            ledger.restarted()
        case int():
            ledger.received(covering(step))
        case "nothing":
            pass
        case _:
            ledger.received(FROM_SERVER[step])


def twin(ledger):
    """Return a copy of a ledger whose future is the same; the past is not told again."""
    copied = copy.copy(ledger)
    copied.backlog = copy.copy(ledger.backlog)
    twins = {entry: replace(entry, reply=entry.reply[:1]) for entry in ledger.backlog.entries}
    copied.backlog.entries = list(twins.values())
    copied.backlog._past = Transcript(limit=0)
    copied._merged = [twins[entry] for entry in ledger._merged if entry in twins]
    copied.calls = copy.copy(ledger.calls)
    copied.calls._asked = {key: replace(call) for key, call in ledger.calls._asked.items()}
    copied.calls._known = dict(ledger.calls._known)
    copied.calls._unclosed = dict(ledger.calls._unclosed)
    return copied


def shape(ledger, phase):
    """Return what tells a ledger's future from another's."""
    entries = tuple(
        (
            *(it.state, it.spoken, bool(it.reply), it.doubtful, it.called, it in ledger._merged),
            *(it.respoken, it.given),
        )
        for it in ledger.backlog.entries
    )
    asked = tuple((call.result, call.followed) for call in ledger.calls._asked.values())
    calls = asked, len(ledger.calls._known), len(ledger.calls._unclosed)
    return phase, entries, calls, ledger.closing, ledger._late_end


def walk(*, speech):
    """Walk all paths, and return how many different ledgers they lead to."""
    first = Ledger(reuse_tool_results=False)
    seen, left = {shape(first, Phase.LOST)}, [(first, Phase.LOST)]
    while left:
        ledger, phase = left.pop()
        for step, then in steps(ledger, phase, speech=speech):
            after = twin(ledger)
            take(step, after)
            check(after, lost=str(step).startswith("lost"))
            key = shape(after, then)
            if key not in seen:
                seen.add(key)
                left.append((after, then))
    return len(seen)


@pytest.mark.parametrize("speech", [False, True])
def test_every_path(monkeypatch, speech):
    """Of all that can happen to a few messages nothing is illegal, and every row is used."""
    table = Recorder(TRANSITIONS)
    monkeypatch.setattr(turns, "TRANSITIONS", table)
    assert walk(speech=speech) > 5_000
    respoken = {row for row in TRANSITIONS if row[1] is Change.RESPOKEN}
    assert table.used >= respoken if speech else table.used == set(TRANSITIONS) - respoken
