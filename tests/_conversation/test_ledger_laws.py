"""The ledger: what holds in the end, whatever happens, with a server that it talks to."""

import itertools

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from messages import (
    calling,
    cancelling,
    check,
    complete,
    content,
    context_update,
    heard,
    realtime,
    said,
    sound,
    transcribed,
    turn,
    update,
)

from reconnect._conversation import turns
from reconnect._conversation.ledger import Ledger
from reconnect._conversation.turns import ANSWER, REALTIME, UPDATE, Call


class Exchange:
    """A reply that is under way."""

    def __init__(self):
        self.words = []
        self.call = None
        self.called = False
        self.overtaken = []


class Server:
    """A session of the server's, by what is documented and observed of it.

    A new turn interrupts the reply to the one before. A handle stands for what was known when it
    was issued. A reply that was cut is not continued, but can be asked for. A session that is
    resumed from within a reply that called a tool waits: what comes first only ends the wait.
    """

    def __init__(self, known=(), updates=(), exchange=None):
        self.known = list(known)
        self.updates = list(updates)
        self.waiting = exchange is not None and exchange.called
        self.exchange = None
        self.inflight = []
        self.taken = 0

    def snapshot(self):
        """Return what a handle issued now stands for."""
        exchange = self.exchange
        before_call = exchange is not None and not exchange.called
        return tuple(self.known), tuple(self.updates), exchange if before_call else None

    @property
    def may_complete(self):
        """Whether the reply can be complete: what it has overtaken arrives before its end."""
        it = self.exchange
        late = it is not None and any(call in self.inflight for call in it.overtaken)
        return it is not None and it.words and it.call is None and not late

    def take(self):
        """Take in the next client message; return the messages of the server's."""
        call = self.inflight.pop(0)
        self.taken += 1
        if call.method == UPDATE:
            self.updates.append(call.arguments["system_instruction"])
            return []
        if call.method == ANSWER and not self.waiting:
            if self.exchange and self.exchange.call == call.arguments["function_responses"]:
                self.exchange.call = None
            return []
        answers = self.interrupt()
        self.known += texts(turns.Entry(call, turns.State.HELD).turns)
        if self.waiting:
            self.waiting = False
            answers.append(complete())
        elif call.method == REALTIME or call.arguments["turn_complete"]:
            if self.known and self.known[-1].startswith("user"):
                self.exchange = Exchange()
            else:
                answers.append(complete())
        return answers

    def interrupt(self):
        """Losses off the reply that is under way."""
        if self.exchange is None:
            return []
        answers = [content(interrupted=True), complete()]
        if self.exchange.call is not None:
            answers.insert(0, cancelling(self.exchange.call))
        self.finish()
        return answers

    def finish(self):
        """End the reply that is under way."""
        if self.exchange.words:
            self.known.append("model " + "".join(self.exchange.words))
        self.exchange = None


def texts(turns):
    """Return turns as texts."""
    return [f"{turn['role']} {''.join(part['text'] for part in turn['parts'])}" for turn in turns]


def replying(self):
    """Tell whether a reply is under way."""
    return self.server is not None and self.server.exchange is not None


class Conversation(RuleBasedStateMachine):
    """A caller, a ledger as the driver drives it, and a server."""

    withholds = False
    """Whether the model withholds handles within a turn."""

    @initialize(transparent=st.booleans(), base=st.integers(0, 1))
    def begin(self, transparent, base):
        """Begin with a server that counts what it consumes or does not."""
        self.transparent, self.base = transparent, base
        self.numbers = itertools.count(1)
        self.ledger = Ledger(index_base=base)
        self.server = None
        self.issued = {None: ()}
        self.handle = None
        self.typed, self.updates, self.replies = [], [], []
        self.new = {}

    def next(self, kind):
        """Return a text that occurs once."""
        return f"{kind}{next(self.numbers)};"

    def receive(self, *messages):
        """Hand server messages to the ledger; return what it made of the last."""
        reading = None
        for message in messages:
            reading = self.ledger.received(message)
        return reading

    # The caller

    @rule(kind=st.sampled_from(["turn", "context", "realtime"]))
    def say(self, kind):
        """Type a turn, context that asks for no reply, or realtime input."""
        text = self.next("q")
        call = realtime(text) if kind == "realtime" else turn(text, asks=kind == "turn")
        self.new[text] = self.ledger.backlog.record(call)
        self.typed.append(text)

    @rule()
    def change(self):
        """Change the system instruction."""
        text = self.next("u")
        self.ledger.backlog.record(context_update(text))
        self.updates.append(text)

    @precondition(lambda self: self.new)
    @rule(data=st.data())
    def take_back(self, data):
        """Take a message back that was never written."""
        text = data.draw(st.sampled_from(sorted(self.new)))
        entry = self.new.pop(text)
        if entry.to_write:
            self.ledger.backlog.retract(entry)
            self.typed.remove(text)

    @precondition(lambda self: replying(self) and self.ledger.calls.awaited)
    @rule()
    def answer_call(self):
        """Answer a tool call."""
        (key,) = self.ledger.calls.awaited
        self.ledger.calls.answered(key, "done")
        self.send(Call(ANSWER, {"function_responses": key}))

    # The driver

    def send(self, call):
        """Write a message that the ledger does not hold."""
        self.ledger.number()
        self.server.inflight.append(call)

    @precondition(lambda self: not self.server)
    @rule()
    def dial(self):
        """Open a connection: resume from the handle, or tell a fresh session the past."""
        assert self.ledger.handle == self.handle
        self.server = Server(*self.issued[self.handle])
        if self.handle is None:
            self.server.known += texts(self.ledger.backlog.past)
        closing = self.ledger.close_calls()
        if closing is not None:
            self.send(closing)
            waited = self.server.waiting
            reading = self.receive(*self.server.take())
            assert not waited or reading.hidden, "the caller is not shown what it did not ask"
            self.ledger.stop_closing()
        assert not self.server.waiting, "no session is left waiting"

    @precondition(lambda self: self.server and self.ledger.backlog.unwritten())
    @rule()
    def write(self):
        """Write what comes next."""
        entry = self.ledger.backlog.unwritten()[0]
        call = self.ledger.write(entry)
        told = texts(call.arguments.get("turns", ()))
        assert not set(told) & set(texts(self.ledger.backlog.past)), (
            "what is settled is not written again"
        )
        assert all(text.split(" ", 1)[1] for text in told), "nothing empty is written"
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
        reply = any(it.shown and it.replying for it in self.ledger.backlog.entries)
        awaited, self.server = self.ledger.calls.awaited, None
        cut = self.ledger.lost()
        assert (cut.reply, cut.calls) == (reply, awaited)
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

    def begin_reply(self):
        """Note what a reply overtakes that begins now."""
        exchange = self.server.exchange
        if not exchange.words and not exchange.called:
            exchange.overtaken = list(self.server.inflight)

    @precondition(replying)
    @rule(kind=st.sampled_from(["text", "sound", "words"]))
    def reply(self, kind):
        """Say a piece of the reply."""
        text = self.next("r")
        self.begin_reply()
        if kind == "text" and not self.ledger.sounding:
            self.receive(said(text))
        else:
            text = text if kind == "words" else ""
            self.receive(sound(text))
        self.server.exchange.words.append(text)

    @precondition(lambda self: self.server and self.server.may_complete)
    @rule(late=st.booleans())
    def complete(self, late):
        """Complete the reply; more of its words may come later."""
        self.replies += [text for text in self.server.exchange.words if text]
        self.server.finish()
        assert self.receive(complete()).over
        if late:
            self.receive(transcribed("late;"))

    @precondition(lambda self: replying(self) and not self.server.exchange.call)
    @rule()
    def call(self):
        """Call a tool: the same one, so that a result that is known can be given again."""
        key = self.next("c")
        self.begin_reply()
        self.server.exchange.call, self.server.exchange.called = key, True
        reading = self.receive(calling(key))
        due = self.ledger.calls.due()
        assert [it.call.key for it in due] == list(reading.known)
        for it in due:
            self.send(Call(ANSWER, {"function_responses": it.call.key}))

    @precondition(lambda self: self.server and not (replying(self) and self.server.exchange.call))
    @rule()
    def issue(self):
        """Issue a handle, if the model does so at this point."""
        if self.withholds and replying(self):
            self.receive(update("", resumable=False))
            return
        self.handle = self.next("h")
        self.issued[self.handle] = self.server.snapshot()
        newest = self.server.taken - 1 + self.base
        self.receive(update(self.handle, consumed=newest if self.transparent else None))

    @precondition(lambda self: self.server and not replying(self) and not self.server.inflight)
    @rule(transcript=st.booleans())
    def hear(self, transcript):
        """Hear the user speak, and begin to reply."""
        text = self.next("s")
        if transcript:
            self.receive(heard(text))
        self.server.known.append(f"user {text}")
        self.server.exchange = Exchange()
        self.reply("words")

    # The laws

    @rule()
    def everything_is_known(self):
        """Bring a session up to date: it knows all that was said, and answers what is open."""
        if not self.server:
            self.dial()
        while self.ledger.backlog.unwritten():
            self.write()
        while self.server.inflight:
            self.take()
        known = [text.split(" ", 1)[1] for text in self.server.known]
        places = [known.index(text) for text in self.typed]
        assert places == sorted(places), "what was typed is known in order"
        everything = "".join(known)
        assert [text for text in self.replies if text not in everything] == []
        assert self.server.updates[-1:] == self.updates[-1:]
        owed = any(entry.open for entry in self.ledger.backlog.entries)
        assert owed is replying(self), "what is open is being answered"

    @invariant()
    def nothing_is_lost(self):
        """Find what was typed settled or in the ledger: once, and in order."""
        there = texts(self.ledger.backlog.past)
        there += texts(itertools.chain(*(entry.turns for entry in self.ledger.backlog.entries)))
        assert [text for text in there if text.startswith("user q")] == [
            f"user {text}" for text in self.typed
        ]

    @invariant()
    def ledger_is_sound(self):
        """Find the ledger as it must be at any time."""
        check(self.ledger)


class Withholding(Conversation):
    """The same with a model that withholds handles within a turn."""

    withholds = True


# Two tests, as each takes seconds.
test_conversation = Conversation.TestCase
test_conversation.settings = settings(max_examples=250, stateful_step_count=80)
test_withholding = Withholding.TestCase
test_withholding.settings = test_conversation.settings
