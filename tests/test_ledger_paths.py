"""The ledger: every path that a few messages can take."""

import copy
import enum
import functools
from dataclasses import replace

from messages import calling, check, complete, said, turn, update

from reconnect import turns
from reconnect.ledger import Ledger
from reconnect.transcript import Transcript
from reconnect.turns import TRANSITIONS


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


def steps(ledger, phase):
    """Return all that can happen next, as the driver does it, and the phase that follows."""
    room = len(ledger._entries) < 2
    if room:
        yield from ((step, phase) for step in ("ask", "tell"))
    yield "lost", Phase.LOST
    if phase is Phase.LOST:
        yield "nothing", Phase.DIALLED
        yield "restarted", Phase.LOST
        return
    if phase is Phase.DIALLED:
        yield "close calls", Phase.CLOSING
    if phase is Phase.CLOSING:
        yield "give up closing", Phase.READY
    if phase is Phase.READY and ledger.unwritten():
        yield "write", phase
    for step in ("complete", "handle"):
        yield step, phase
    if phase is Phase.READY:
        indexes = {0, *(entry.index for entry in ledger._entries)} - {None}
        yield from ((index, phase) for index in indexes)
    if room or ledger._current() is not None:
        # Where no turn is open, these begin one.
        yield from ((step, phase) for step in ("output", "call"))
    if ledger.calls.awaited:
        yield "answer", phase


def take(step, ledger):
    """Let one thing happen to a ledger; a number is a handle that covers so many messages."""
    match step:
        case "ask" | "tell":
            ledger.record(turn("x", asks=step == "ask"))
        case "write":
            ledger.write(ledger.unwritten()[0])
        case "answer":
            ledger.calls.answered("1", "x")
        case "close calls":
            ledger.close_calls()
        case "give up closing":
            ledger.closing = False
        case "lost":
            ledger.lost()
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
    twins = {entry: replace(entry, reply=entry.reply[:1]) for entry in ledger._entries}
    copied._entries = list(twins.values())
    copied._merged = [twins[entry] for entry in ledger._merged if entry in twins]
    copied.calls = copy.copy(ledger.calls)
    copied.calls._asked = {key: replace(call) for key, call in ledger.calls._asked.items()}
    copied.calls._known = set(ledger.calls._known)
    copied.calls._unclosed = dict(ledger.calls._unclosed)
    copied._past = Transcript(limit=0)
    return copied


def shape(ledger, phase):
    """Return what tells a ledger's future from another's."""
    entries = tuple(
        (it.state, it.spoken, bool(it.reply), it.doubtful, it.called, it in ledger._merged)
        for it in ledger._entries
    )
    asked = tuple((call.result, call.followed) for call in ledger.calls._asked.values())
    calls = asked, len(ledger.calls._known), len(ledger.calls._unclosed)
    return phase, entries, calls, ledger.closing


def test_every_path(monkeypatch):
    """Of all that can happen to a few messages nothing is illegal, and every row is used."""
    table = Recorder(TRANSITIONS)
    monkeypatch.setattr(turns, "TRANSITIONS", table)
    first = Ledger(reuse_tool_results=False)
    seen, left = {shape(first, Phase.LOST)}, [(first, Phase.LOST)]
    while left:
        ledger, phase = left.pop()
        for step, then in steps(ledger, phase):
            after = twin(ledger)
            take(step, after)
            check(after, lost=step == "lost")
            key = shape(after, then)
            if key not in seen:
                seen.add(key)
                left.append((after, then))
    assert len(seen) > 10_000
    assert table.used == set(TRANSITIONS)
