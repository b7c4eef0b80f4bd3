"""What holds of the ledger whatever happens: every path it can take, and a server it talks to."""

import itertools
from dataclasses import replace

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from messages import (
    calling,
    cancelling,
    complete,
    content,
    context_update,
    heard,
    said,
    sound,
    transcribed,
    turn,
    update,
)

from reconnect import ledger as module
from reconnect.ledger import CONTENT, TRANSITIONS, Ledger, Mark

# Every path


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
    "sound": sound(),
    "transcription": transcribed("x"),
    "heard": heard("x"),
    "complete": complete(),
    "call": calling("1"),
    "handle": update("h"),
}


def steps(ledger, *, connected):
    """Return the names of all that can happen next, as the driver does it."""
    room = len(ledger._entries) < 2
    if room:
        yield from ("ask", "tell", "update")
    yield "lost"
    if connected:
        yield from ("transcription", "heard", "complete", "handle")
        if room or ledger._current() is not None:
            # Where no turn is open, these begin one.
            yield from ("output", "sound", "call")
        if ledger.unwritten():
            yield "write"
    else:
        yield from ("dial", "restarted")


def take(step, ledger):
    """Let one thing happen to a ledger."""
    match step:
        case "ask" | "tell":
            ledger.record(turn("x", asks=step == "ask"))
        case "update":
            ledger.record(context_update("x"))
        case "write":
            ledger.unwritten()[0].mark(Mark.WRITTEN)
        case "lost":
            ledger.lost()
        case "restarted":
            ledger.restarted()
        case "dial":
            pass
        case _:
            ledger.received(FROM_SERVER[step])


def twin(ledger):
    """Return a copy of a ledger whose future is the same; the past is not told again."""
    copied = Ledger(handle=ledger.handle)
    copied._entries = [replace(entry, reply=entry.reply[:1]) for entry in ledger._entries]
    copied._calls = dict(ledger._calls)
    copied._heard = ledger._heard[:1]
    copied._ahead = ledger._ahead[:1]
    copied._sounding = ledger._sounding
    copied._updates = ledger._updates[:1]
    return copied


def shape(ledger, connected):
    """Return what tells a ledger's future from another's."""
    entries = tuple(
        (entry.state, entry.call.method, entry.spoken, bool(entry.reply))
        for entry in ledger._entries
    )
    flags = (bool(ledger._heard), bool(ledger._ahead), ledger._sounding, bool(ledger._calls))
    return connected, entries, flags, min(len(ledger._updates), 1)


def test_every_path(monkeypatch):
    """Of all that can happen to a few messages nothing is illegal, and every row is used."""
    table = Recorder(TRANSITIONS)
    monkeypatch.setattr(module, "TRANSITIONS", table)
    first = Ledger()
    seen, left = {shape(first, False)}, [(first, False)]
    while left:
        ledger, connected = left.pop()
        for step in steps(ledger, connected=connected):
            after = twin(ledger)
            take(step, after)
            now = step == "dial" or (connected and step != "lost")
            check(after, lost=step == "lost")
            key = shape(after, now)
            if key not in seen:
                seen.add(key)
                left.append((after, now))
    assert len(seen) > 10_000
    assert table.used == set(TRANSITIONS)


def check(ledger, *, lost=False):
    """Check what holds of a ledger at any time."""
    written = [not entry.to_write for entry in ledger._entries]
    assert written == sorted(written, reverse=True), "what is written precedes what is not"
    assert not (lost and any(written)), "nothing is written to a connection that is lost"
    replying = [entry for entry in ledger._entries if entry.state in module._REPLYING]
    assert len(replying) <= 1, "one reply comes at a time"
    assert not any(entry.over for entry in ledger._entries), "what is over is forgotten"
    assert not ledger.quiet or not ledger._entries, "quiet means that nothing is open"


# A server


class Server:
    """A session of the server's, by what is documented and observed of it.

    A new turn interrupts the reply to the one before. A handle stands for what was known when it
    was issued. A reply that was cut is not continued, but can be asked for.
    """

    def __init__(self, known, updates):
        self.known = list(known)
        self.updates = list(updates)
        self.inflight = []
        self.reply = None
        self.call = None

    def take(self):
        """Take in the next client message; return the messages of the server's."""
        call = self.inflight.pop(0)
        if call.method != CONTENT:
            self.updates.append(call.arguments["system_instruction"])
            return []
        answers = self.interrupt()
        self.known += texts(call.arguments.get("turns", ()))
        if call.arguments["turn_complete"]:
            if self.known and self.known[-1].startswith("user"):
                self.reply = []
            else:
                answers.append(complete())
        return answers

    def interrupt(self):
        """Cut off the reply that is under way."""
        if self.reply is None:
            return []
        answers = [content(interrupted=True), complete()]
        if self.call is not None:
            answers.insert(0, cancelling(self.call))
        self.finish()
        return answers

    def finish(self):
        """End the reply that is under way."""
        if self.reply:
            self.known.append("model " + "".join(self.reply))
        self.reply = self.call = None


def texts(turns):
    """Return turns as texts."""
    return [f"{turn['role']} {''.join(part['text'] for part in turn['parts'])}" for turn in turns]


class Conversation(RuleBasedStateMachine):
    """A caller, a ledger as the driver drives it, and a server."""

    @initialize(withholds=st.booleans())
    def begin(self, withholds):
        """Begin a conversation with a model that withholds handles within a turn, or does not."""
        self.withholds = withholds
        self.numbers = itertools.count(1)
        self.ledger = Ledger()
        self.server = None
        self.issued = {}
        self.handle = None
        self.typed = []
        self.updates = []
        self.replies = []
        self.new = {}

    def next(self, kind):
        """Return a text that occurs once."""
        return f"{kind}{next(self.numbers)};"

    def receive(self, *messages):
        """Hand server messages to the ledger."""
        for message in messages:
            self.ledger.received(message)

    # The caller

    @rule(asks=st.booleans())
    def say(self, asks):
        """Type a turn, or context that asks for no reply."""
        text = self.next("q")
        self.new[text] = self.ledger.record(turn(text, asks=asks))
        self.typed.append(text)

    @rule()
    def change(self):
        """Change the system instruction."""
        text = self.next("u")
        self.ledger.record(context_update(text))
        self.updates.append(text)

    @precondition(lambda self: self.new)
    @rule(data=st.data())
    def take_back(self, data):
        """Take a message back that was never written."""
        text = data.draw(st.sampled_from(sorted(self.new)))
        entry = self.new.pop(text)
        if entry.to_write:
            self.ledger.retract(entry)
            self.typed.remove(text)

    @precondition(lambda self: self.server and self.server.call)
    @rule()
    def answer_call(self):
        """Answer a tool call."""
        assert self.ledger.knows([self.server.call])
        self.ledger.answered([self.server.call])
        self.server.call = None

    # The driver

    @precondition(lambda self: not self.server)
    @rule()
    def dial(self):
        """Open a connection: resume from the handle, or tell a fresh session the past."""
        assert self.ledger.handle == self.handle
        past = texts(self.ledger.past), ()
        self.server = Server(*(past if self.handle is None else self.issued[self.handle]))

    @precondition(lambda self: self.server and self.ledger.unwritten())
    @rule()
    def write(self):
        """Write what comes next."""
        entry = self.ledger.unwritten()[0]
        call = entry.wording()
        told = texts(call.arguments.get("turns", ()))
        assert not set(told) & set(texts(self.ledger.past)), "what is settled is not written again"
        assert all(text.split(" ", 1)[1] for text in told), "nothing empty is written"
        entry.mark(Mark.WRITTEN)
        self.new = {text: new for text, new in self.new.items() if new is not entry}
        self.server.inflight.append(call)

    @precondition(lambda self: not self.server)
    @rule()
    def dial_in_vain(self):
        """Fail to open a connection."""
        self.ledger.lost()

    @precondition(lambda self: self.server)
    @rule()
    def lose(self):
        """Lose the connection, with all that was on its way."""
        replying = any(entry.state in module._REPLYING for entry in self.ledger._entries)
        call, self.server = self.server.call, None
        cut = self.ledger.lost()
        assert cut.reply is replying
        assert cut.calls == (() if call is None else (call,))
        assert call is None or not self.ledger.knows([call])
        check(self.ledger, lost=True)

    @precondition(lambda self: not self.server)
    @rule()
    def restart(self):
        """Decide for a fresh session."""
        self.ledger.restarted()
        self.handle = None

    # The server

    @precondition(lambda self: self.server and self.server.inflight)
    @rule()
    def take(self):
        """Let the server take in a client message."""
        self.receive(*self.server.take())

    @precondition(lambda self: self.server and self.server.reply is not None)
    @rule(kind=st.sampled_from(["text", "sound", "words"]))
    def reply(self, kind):
        """Say a piece of the reply."""
        text = self.next("r")
        if kind == "text" and not self.ledger._sounding:
            self.receive(said(text))
            self.server.reply.append(text)
        else:
            self.receive(sound(text if kind == "words" else None))
            self.server.reply.append(text if kind == "words" else "")

    @precondition(lambda self: self.server and self.server.reply and not self.server.call)
    @rule(late=st.booleans())
    def complete(self, late):
        """Complete the reply; more of its words may come later."""
        self.replies += [text for text in self.server.reply if text]
        self.server.finish()
        self.receive(complete())
        if late:
            self.receive(transcribed("late;"))

    @precondition(lambda self: self.server and self.server.reply is not None)
    @precondition(lambda self: self.server and not self.server.call)
    @rule()
    def call(self):
        """Call a tool."""
        self.server.call = self.next("c")
        self.receive(calling(self.server.call))

    @precondition(lambda self: self.server and not self.server.call)
    @rule()
    def issue(self):
        """Issue a handle, if the model does so at this point."""
        if self.withholds and self.server.reply is not None:
            self.receive(update("", resumable=False))
        else:
            self.handle = self.next("h")
            self.issued[self.handle] = tuple(self.server.known), tuple(self.server.updates)
            self.receive(update(self.handle))

    @precondition(lambda self: self.server and self.server.reply is None)
    @precondition(lambda self: self.server and not self.server.inflight)
    @rule(transcript=st.booleans())
    def hear(self, transcript):
        """Hear the user speak, and begin to reply."""
        text = self.next("s")
        if transcript:
            self.receive(heard(text))
        self.server.known.append(f"user {text}")
        self.server.reply = []
        self.reply("words")

    # The laws

    @rule()
    def everything_is_known(self):
        """Once all is written the session knows all that was said and every complete reply."""
        if not self.server:
            self.dial()
        while self.ledger.unwritten():
            self.write()
        while self.server.inflight:
            self.take()
        known = [text.split(" ", 1)[1] for text in self.server.known]
        places = [known.index(text) for text in self.typed]
        assert places == sorted(places), "what was typed is known in order"
        everything = "".join(known)
        assert [text for text in self.replies if text not in everything] == []
        assert self.server.updates[-1:] == self.updates[-1:]

    @invariant()
    def nothing_is_lost(self):
        """Find what was typed settled or in the ledger: once, and in order."""
        entries = [entry for entry in self.ledger._entries if entry.call.method == CONTENT]
        turns = [entry.call.arguments.get("turns", []) for entry in entries]
        there = texts(self.ledger.past) + texts(itertools.chain(*turns))
        assert [text for text in there if text.startswith("user q")] == [
            f"user {text}" for text in self.typed
        ]

    @invariant()
    def ledger_is_sound(self):
        """Find the ledger as it must be at any time."""
        check(self.ledger)


Conversation.TestCase.settings = settings(max_examples=300, stateful_step_count=60)
test_conversation = Conversation.TestCase
